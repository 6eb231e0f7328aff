"""Does a snippet's score tell that two pieces meet inside it? The numbers of the section on joints."""

from typing import Any

from bsp_tf.evaluation.joint_auc import (
    ALL_KINDS,
    SCORE_NAMES,
    collect_snippets,
    joint_auc_table,
    label_snippets,
)
from bsp_tf.features.store import FeatureStore
from bsp_tf.report.figures import style
from bsp_tf.report.inputs import Results
from bsp_tf.report.sections.examples import knows_boundaries


def measure(results: Results, store: FeatureStore) -> dict[str, Any] | None:
    """AUC by kind of joint over the scored videos, and how many snippets stand behind each number.

    Returns:
        {"auc": {kind: {score: AUC or None}}, "num_positive": {kind: n}, "num_negative": n,
        "scores": {key: name}}, from the plainest kind to the subtlest, then "all". None if no joint
        is annotated in a video that has features, or the features come without boundary
        probabilities.
    """
    if not knows_boundaries(store):
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
            num_positive[ALL_KINDS] += int(sum(positive.values()).astype(bool).sum())
        num_negative += int(negative.sum())
    return {
        "auc": table,
        "num_positive": num_positive,
        "num_negative": num_negative,
        "scores": dict(SCORE_NAMES),
    }
