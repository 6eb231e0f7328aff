"""Proposals + classes of the whole video -> detections: labelled, scored segments. NumPy only."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bsp_tf.base.errors import InputError

# What a detection is called when its class is not known.
PROPOSAL_LABEL = "proposal"
FUSIONS = ("product", "sqrt")
TOP_CLASSES = 2
# Decimals of score and seconds in G-TAD's results on THUMOS14.
THUMOS_DECIMALS = (6, 1)


def fuse_scores(
    proposal_scores: np.ndarray, class_score: float, fusion: str = "product"
) -> np.ndarray:
    """Detection scores, float64 [n]: proposal * class, or the root of it ("sqrt").

    The product is that of G-TAD and BMN, the root that of ActionFormer.

    Raises:
        InputError: an unknown fusion.
    """
    if fusion not in FUSIONS:
        raise InputError(f"fusion {fusion!r} is not known; choose one of {', '.join(FUSIONS)}.")
    product = np.asarray(proposal_scores, np.float64) * class_score
    return product if fusion == "product" else np.sqrt(product)


def make_detections(
    segments: np.ndarray,
    scores: np.ndarray,
    duration_seconds: float,
    class_scores: np.ndarray | None = None,
    class_names: Sequence[str] = (),
    top_classes: int = TOP_CLASSES,
    fusion: str = "product",
    decimals: tuple[int, int] | None = None,
    labels: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """Detections of one video in ActivityNet's JSON form.

    Every proposal appears once for each of the video's best classes, best class first, in the order
    of the proposals; without class scores it appears once, labelled "proposal", or by its own
    class if the head names classes. What has no length inside the video is left out (proposals of
    padded windows may begin after its end).

    Args:
        segments: Numbers [n, 2] in seconds, clamped to [0, duration] here.
        scores: Numbers [n], not negative.
        duration_seconds: Length of the video.
        class_scores: Numbers [K], not negative: how much the video shows each class. Of equals the
            first is better.
        class_names: K names.
        top_classes: How many classes to use (fewer if K is smaller).
        fusion: One of FUSIONS.
        decimals: Of scores and of seconds; None: not rounded.
        labels: int [n], numbers of `class_names`: the class of each proposal; `class_scores` are
            not used then.

    Returns:
        [{"label": str, "score": float, "segment": [start seconds, end seconds]}].

    Raises:
        InputError: numbers of classes that differ, or class scores that are negative, NaN or
            infinite.
    """
    seconds = np.clip(np.asarray(segments, np.float64), 0, duration_seconds).tolist()
    if decimals is not None:
        seconds = [[round(start, decimals[1]), round(end, decimals[1])] for start, end in seconds]
    if labels is not None:
        rounds = [([class_names[label] for label in labels], 1.0, "product")]
    else:
        best = _best_classes(class_scores, class_names, top_classes)
        rounds = [([name] * len(seconds), score, fusion) for name, score in best]
    detections = []
    for names, class_score, rule in rounds:
        fused = fuse_scores(scores, class_score, rule).tolist()
        if decimals is not None:
            fused = [round(score, decimals[0]) for score in fused]
        detections += [
            {"label": name, "score": score, "segment": segment}
            for name, score, segment in zip(names, fused, seconds, strict=True)
            if segment[0] < segment[1]
        ]
    return detections


def _best_classes(
    class_scores: np.ndarray | None, class_names: Sequence[str], count: int
) -> list[tuple[str, float]]:
    if class_scores is None:
        return [(PROPOSAL_LABEL, 1.0)]
    class_scores = np.asarray(class_scores, np.float64)
    if class_scores.shape != (len(class_names),):
        raise InputError(
            f"class scores of shape {class_scores.shape} for {len(class_names)} class names."
        )
    if not (np.isfinite(class_scores).all() and (class_scores >= 0).all()):
        raise InputError("class scores hold negative numbers, NaN or infinity: give probabilities.")
    best = np.argsort(-class_scores, kind="stable")[:count]
    return [(class_names[index], float(class_scores[index])) for index in best]
