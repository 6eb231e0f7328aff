"""Section "Joints": how well three scores find the snippets in which two pieces of video meet."""

from typing import Any

import numpy as np

from bsp_tf.evaluation.joint_auc import (
    ALL_KINDS,
    SCORE_NAMES,
    collect_snippets,
    joint_auc_table,
    label_snippets,
)
from bsp_tf.features.store import METADATA_FILE, FeatureStore
from bsp_tf.report.boundary_curves import knows_boundaries
from bsp_tf.report.content import Part, Section, Table, Text, absent
from bsp_tf.report.figures import comparisons, style
from bsp_tf.report.gallery import Gallery
from bsp_tf.report.inputs import Results
from bsp_tf.synthesis.boundary_types import NO_BOUNDARY_TYPE

AucTable = dict[str, dict[str, float | None]]


def section(results: Results, gallery: Gallery) -> Section:
    """Picture and table of the AUC by kind of joint, or why there is none."""
    store = results.features
    measured = measure(results, store) if store else None
    parts: list[Part] = []
    if not store:
        parts += absent(results.sources.features / METADATA_FILE)
    if store and not measured:
        parts.append(
            Text(
                "Not measured: the annotations name no joints in videos with features (those of "
                "the sample data do), or the features lack boundary probabilities or an action "
                "stream.",
                look="absent",
            )
        )
    if measured:
        figure = comparisons.draw_joint_auc(measured["auc"], SCORE_NAMES)
        description = "AUC by kind of joint for three scores"
        parts += [
            Text(_explanation(results.sources.subset, measured["num_negative"])),
            gallery.add("joint_auc", figure, description, look="narrow"),
            _page_table(measured),
        ]
    return Section(
        "joints",
        "Joints",
        "Does this snippet contain a joint?",
        parts,
        notes=[_winners(measured["auc"])] if measured else [],
        closing=[
            (
                "Does this snippet contain a joint? AUC by kind of joint",
                auc_table(measured["auc"]).as_text(),
            )
        ]
        if measured
        else [],
        files={"joint_auc.json": measured} if measured else {},
    )


def measure(results: Results, store: FeatureStore) -> dict[str, Any] | None:
    """AUC by kind of joint over the scored videos, and the number of snippets behind each value.

    Returns:
        {"auc": {kind: {score: AUC or None}}, "num_positive": {kind: n}, "num_negative": n,
        "scores": {key: name}}, from the plainest kind to the subtlest, then "all". None if no joint
        is annotated in a video that has features, or the features lack one of the streams.
    """
    if not knows_boundaries(store) or "action" not in store.metadata["streams"]:
        return None
    videos = collect_snippets(store, results.database)
    unordered = joint_auc_table(videos)
    if not unordered:
        return None
    order = [kind for kind in style.JOINT_COLORS if kind in unordered]
    order += [kind for kind in unordered if kind not in order]
    table = {kind: unordered[kind] for kind in order}
    num_positive = dict.fromkeys(table, 0)
    num_negative = 0
    for video in videos:
        positive, negative = label_snippets(video.spans, video.fps, video.joints)
        for kind, mask in positive.items():
            num_positive[kind] += int(mask.sum())
        if positive:
            # A snippet that holds joints of two kinds counts once.
            num_positive[ALL_KINDS] += int(np.any(list(positive.values()), axis=0).sum())
        num_negative += int(negative.sum())
    return {
        "auc": table,
        "num_positive": num_positive,
        "num_negative": num_negative,
        "scores": dict(SCORE_NAMES),
    }


def auc_table(auc: AucTable) -> Table:
    """AUC with three decimals, a row for each kind of joint; a dash where it is not defined."""
    rows = [
        [style.readable(kind), *(_text(row.get(score)) for score in SCORE_NAMES)]
        for kind, row in auc.items()
    ]
    return Table(["kind of joint", *SCORE_NAMES.values()], rows)


def _page_table(measured: dict[str, Any]) -> Table:
    """The same with the number of snippets; the best of each row, as printed, is bold."""
    plain = auc_table(measured["auc"])
    rows, best = [], set()
    for i, (kind, (name, *texts)) in enumerate(zip(measured["auc"], plain.rows, strict=True)):
        rows.append([name, f"{measured['num_positive'][kind]:,}", *texts])
        known = [value for value in measured["auc"][kind].values() if value is not None]
        if known:
            best |= {(i, j) for j, text in enumerate(texts, 2) if text == _text(max(known))}
    return Table([plain.header[0], "snippets", *plain.header[1:]], rows, frozenset(best))


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _explanation(subset: str, num_negative: int) -> str:
    return (
        "A joint is a moment at which two pieces of a video meet. The values are areas under the "
        f"ROC curve (AUC) over the snippets of the {subset} videos: those with a joint against the "
        f"{num_negative:,} snippets without one (distractors included). Three scores are compared: "
        f"1 − p({style.readable(NO_BOUNDARY_TYPE)}) of the boundary stream, the distance between "
        "the action features before and after the snippet, and plain pixel change, which needs no "
        "learning."
    )


def _winners(auc: AucTable) -> str:
    winners = []
    for kind, row in auc.items():
        known = {score: value for score, value in row.items() if value is not None}
        if known:
            best = max(known, key=known.__getitem__)
            winners.append(
                f"{style.readable(kind)}: {SCORE_NAMES.get(best, best)} ({known[best]:.2f})"
            )
    return (
        f"Highest AUC by kind of joint: {'; '.join(winners)}. Pixel change is the baseline that a "
        "learned score has to beat."
    )
