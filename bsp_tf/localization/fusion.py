"""Proposals + what the whole video shows -> detections: labelled, scored segments in seconds. NumPy
only.
"""

from collections.abc import Sequence

import numpy as np

from bsp_tf.base.errors import InputError

# What a detection is called when nothing tells its class.
PROPOSAL_LABEL = "proposal"
FUSIONS = ("product", "sqrt")
TOP_CLASSES = 2
# Decimals of score and seconds in G-TAD's results on THUMOS14.
THUMOS_DECIMALS = (6, 1)


def fuse_scores(
    proposal_scores: np.ndarray, class_score: float, fusion: str = "product"
) -> np.ndarray:
    """Detection scores, float64 [n]: proposal * class (G-TAD, BMN), or the root of it ("sqrt",
    ActionFormer).

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
) -> list[dict]:
    """Detections of one video in ActivityNet's JSON form.

    Every proposal appears once for each of the video's best classes, best class first, in the order
    of the proposals; without class scores it appears once, labelled "proposal". What has no length
    inside the video is left out (proposals of padded windows may begin after its end).

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

    Returns:
        [{"label": str, "score": float, "segment": [start seconds, end seconds]}].

    Raises:
        InputError: numbers of classes that differ, or class scores that are negative, NaN or
            infinite.
    """
    seconds = np.clip(np.asarray(segments, np.float64), 0, duration_seconds).tolist()
    if decimals is not None:
        seconds = [[round(start, decimals[1]), round(end, decimals[1])] for start, end in seconds]
    detections = []
    for label, class_score in _best_classes(class_scores, class_names, top_classes):
        fused = fuse_scores(scores, class_score, fusion).tolist()
        if decimals is not None:
            fused = [round(score, decimals[0]) for score in fused]
        detections += [
            {"label": label, "score": score, "segment": segment}
            for score, segment in zip(fused, seconds, strict=True)
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
