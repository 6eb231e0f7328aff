"""How well whole videos are classified; a video may show several classes. NumPy only."""

import numpy as np

TOP_K = 5


def video_accuracy(scores: np.ndarray, shown: np.ndarray) -> dict[str, int | float]:
    """Top-1, top-5 (of more than 5 classes only) and mAP, as ActivityNet's untrimmed task has them.

    Args:
        scores: float [N, K].
        shown: bool [N, K], N >= 1, at least one class a video.

    Returns:
        {"videos": N, "top1": share of the videos whose best class they show, "top5": share that
        show one of the 5 best, "mAP": mean over the shown classes of the average precision over
        the videos}. Of equal scores the first counts as the better.
    """
    ranked = np.argsort(-scores, axis=1, kind="stable")
    hits = np.take_along_axis(shown, ranked, axis=1)
    numbers: dict[str, int | float] = {"videos": len(scores), "top1": float(hits[:, 0].mean())}
    if scores.shape[1] > TOP_K:
        numbers["top5"] = float(hits[:, :TOP_K].any(axis=1).mean())
    precisions = [
        average_precision(scores[:, k], shown[:, k])
        for k in range(shown.shape[1])
        if shown[:, k].any()
    ]
    return numbers | {"mAP": float(np.mean(precisions))}


def average_precision(scores: np.ndarray, positive: np.ndarray) -> float:
    """Mean, over the positives, of the precision at the place of each; float [N], bool [N].

    >>> average_precision(np.array([.9, .8, .7]), np.array([True, False, True]))
    0.8333333333333333
    """
    hits = positive[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def accuracy_table(numbers: dict[str, dict[str, int | float]]) -> str:
    """The numbers of several sets of videos in columns, percent.

    Args:
        numbers: What the videos are -> its `video_accuracy`.
    """
    columns = (
        ("top1", "top5", "mAP")
        if any("top5" in row for row in numbers.values())
        else ("top1", "mAP")
    )
    width = max(map(len, numbers))
    lines = [f"{'':<{width}}  videos" + "".join(f"{name:>8}" for name in columns) + "   (%)"]
    for name, row in numbers.items():
        cells = "".join(f"{100 * row[column]:8.1f}" for column in columns)
        lines.append(f"{name:<{width}}  {row['videos']:6d}{cells}")
    return "\n".join(lines)
