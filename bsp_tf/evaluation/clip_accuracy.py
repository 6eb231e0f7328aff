"""How well clips are classified: top-k accuracy, recall of each class, confusion."""

from typing import Any

import numpy as np

TOP_K = (1, 5)


def top_k_accuracy(logits: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Share of the samples whose class is among the k best logits, 0..1.

    A class that ties with the k-th best counts only if fewer than k classes are better or, at equal
    logits, have a lower index: a network that answers the same to everything gets no credit for
    ties, and one that answers NaN none at all.

    Args:
        logits: float [n, K].
        labels: integer [n].
        k: at least 1.
    """
    own = logits[np.arange(len(labels)), labels][:, np.newaxis]
    # Of NaN nothing is behind.
    behind = (logits < own) | (
        (logits == own) & (np.arange(logits.shape[1]) >= labels[:, np.newaxis])
    )
    return float(np.mean((~behind).sum(axis=1) < k))


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts int64 [K, K], rows = truth, of integer [n] labels and predictions."""
    counts = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def summarize(logits: np.ndarray, labels: np.ndarray, class_names: list[str]) -> dict:
    """The scores of one way of looking at the clips, ready for JSON.

    Args:
        logits: float [n, K], n at least 1; where a clip has several views their mean or sum.
        labels: integer [n].
        class_names: K names.
    Returns:
        {"num_clips", "top1", "top5" (None where it says nothing: 5 classes or fewer),
        "mean_class_recall" (over the classes with clips), "per_class": {name: {"num_clips",
        "recall" (None without clips), "most_taken_for" (the wrong class most often predicted, None
        if none), "times"}}, "confusion": counts [K, K], rows = truth}.
    """
    num_classes = len(class_names)
    confusion = confusion_matrix(labels, logits.argmax(axis=1), num_classes)
    per_class: dict[str, dict[str, Any]] = {}
    for index, name in enumerate(class_names):
        count, wrong = int(confusion[index].sum()), confusion[index].copy()
        wrong[index] = 0
        other = int(wrong.argmax())
        per_class[name] = {
            "num_clips": count,
            "recall": confusion[index, index] / count if count else None,
            "most_taken_for": class_names[other] if wrong[other] else None,
            "times": int(wrong[other]),
        }
    recalls = [row["recall"] for row in per_class.values() if row["recall"] is not None]
    top = {
        f"top{k}": top_k_accuracy(logits, labels, k) if k == 1 or k < num_classes else None
        for k in TOP_K
    }
    return {
        "num_clips": len(labels),
        **top,
        "mean_class_recall": float(np.mean(recalls)),
        "per_class": per_class,
        "confusion": confusion.tolist(),
    }
