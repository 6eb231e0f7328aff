"""Plain scorers to measure ours against, written from the published descriptions.

`map_in_loops` is the rule in dictionaries and loops, about the quickest that plain Python gets.
`map_in_frames` takes the official program's way, which is where its minutes go: for each class a
pandas table, for each of its rows a look-up of the video's ground truths in a grouped table, a copy
of them with a new index, NumPy arithmetic on those few numbers, and single cells of the table at
each threshold. `recall_in_loops` takes the official way to AR@AN: for each video, threshold and
number of proposals one count. None of them is the official program; pandas is needed for the second
only.
"""

from collections import defaultdict

import numpy as np

from bsp_tf.evaluation.ground_truth import Instances


def map_in_loops(
    ground_truth: Instances, predictions: Instances, tiou: np.ndarray
) -> dict[str, list[float]]:
    """Average precision, one prediction at a time; {class name: one per threshold}."""
    truths, ranked = defaultdict(list), defaultdict(list)
    num_truths = np.bincount(ground_truth.label, minlength=len(ground_truth.class_names))
    videos = {name: index for index, name in enumerate(ground_truth.video_names)}
    labels = {name: index for index, name in enumerate(ground_truth.class_names)}
    for number, (video, label) in enumerate(
        zip(ground_truth.video, ground_truth.label, strict=True)
    ):
        truths[video, label].append((number, *ground_truth.segment[number].tolist()))
    for number in np.argsort(-predictions.score, kind="stable"):
        ranked[labels[predictions.class_names[predictions.label[number]]]].append(number)

    ap = {}
    for label in np.flatnonzero(num_truths):
        taken, hits = [set() for _ in tiou], [[] for _ in tiou]
        for number in ranked[label]:
            start, end = predictions.segment[number].tolist()
            video = videos.get(predictions.video_names[predictions.video[number]])
            candidates = []
            for truth, truth_start, truth_end in truths.get((video, label), ()):
                shared = max(0.0, min(end, truth_end) - max(start, truth_start))
                candidates.append(
                    (shared / ((end - start) + (truth_end - truth_start) - shared), truth)
                )
            candidates.sort(reverse=True)
            for threshold, used, found in zip(tiou, taken, hits, strict=True):
                free = [
                    truth for value, truth in candidates if value >= threshold and truth not in used
                ]
                used.update(free[:1])
                found.append(bool(free))
        ap[ground_truth.class_names[label]] = [_area(found, num_truths[label]) for found in hits]
    return ap


def _area(hits: list[bool], num_truths: int) -> float:
    """Area under the precision-recall curve, its precision raised to the best from there on."""
    best, area, true = 0.0, 0.0, sum(hits)
    for rank in range(len(hits), 0, -1):
        best = max(best, true / rank)
        area += best / num_truths if hits[rank - 1] else 0.0
        true -= hits[rank - 1]
    return area


def map_in_frames(
    ground_truth: Instances, predictions: Instances, tiou: np.ndarray
) -> dict[str, list[float]]:
    """Average precision by rows of pandas tables; {class name: one per threshold}."""
    truths, rows = (_to_frame(instances) for instances in (ground_truth, predictions))
    by_label = {name: group.reset_index(drop=True) for name, group in rows.groupby("label")}
    ap = {}
    for name, group in truths.groupby("label"):
        own = by_label.get(name)
        ap[name] = (
            [0.0] * len(tiou)
            if own is None
            else _class_in_frames(group.reset_index(drop=True), own, tiou)
        )
    return ap


def _to_frame(instances: Instances):
    import pandas

    columns = {
        "video-id": np.array(instances.video_names, object)[instances.video],
        "t-start": instances.segment[:, 0],
        "t-end": instances.segment[:, 1],
        "label": np.array(instances.class_names, object)[instances.label],
    }
    return pandas.DataFrame(
        columns if instances.score is None else {**columns, "score": instances.score}
    )


def _class_in_frames(truths, rows, tiou: np.ndarray) -> list[float]:
    rows = rows.loc[rows["score"].values.argsort()[::-1]].reset_index(drop=True)
    by_video = truths.groupby("video-id")
    owner = np.full((len(tiou), len(truths)), -1)
    hits = np.zeros((len(tiou), len(rows)), bool)
    for rank, row in rows.iterrows():
        try:
            candidates = by_video.get_group(row["video-id"]).reset_index()
        except KeyError:
            continue
        overlaps = _overlaps(
            row[["t-start", "t-end"]].values, candidates[["t-start", "t-end"]].values
        )
        best_first = overlaps.argsort()[::-1]
        for column, threshold in enumerate(tiou):
            for place in best_first:
                if overlaps[place] < threshold:
                    break
                truth = candidates.loc[place]["index"]
                if owner[column, truth] < 0:
                    owner[column, truth] = rank
                    hits[column, rank] = True
                    break
    return [_area(found.tolist(), len(truths)) for found in hits]


def _overlaps(segment: np.ndarray, others: np.ndarray) -> np.ndarray:
    """tIoU of one segment [2] with others [n, 2]."""
    shared = (np.minimum(segment[1], others[:, 1]) - np.maximum(segment[0], others[:, 0])).clip(0)
    return shared.astype(float) / (
        (others[:, 1] - others[:, 0]) + (segment[1] - segment[0]) - shared
    )


def recall_in_loops(
    ground_truth: Instances, proposals: Instances, tiou: np.ndarray, most: int = 100
) -> np.ndarray:
    """Recall [T, 100] by the official procedure, video by video."""
    truths, rows = defaultdict(list), defaultdict(list)
    for video, segment in zip(ground_truth.video, ground_truth.segment, strict=True):
        truths[ground_truth.video_names[video]].append(segment)
    for number in np.argsort(-proposals.score, kind="stable"):
        rows[proposals.video_names[proposals.video[number]]].append(proposals.segment[number])
    ratio = most * float(len(truths)) / len(proposals)
    tables, total = [], 0
    for video, segments in truths.items():
        own = rows[video][: min(int(len(rows[video]) * ratio), len(rows[video]))]
        table = np.zeros((len(segments), max(len(own), 1)))
        for column, segment in enumerate(own):
            table[:, column] = _overlaps(segment, np.array(segments))
        tables.append(table)
        total += len(own)
    shares = np.arange(1, 101) / 100.0 * (most * float(len(truths)) / total)
    recall = np.empty((len(tiou), len(shares)))
    matches = np.empty((len(tables), len(shares)))
    for row, threshold in zip(recall, tiou, strict=True):
        for video, table in enumerate(tables):
            enough = table >= threshold
            counts = np.minimum((table.shape[1] * shares).astype(int), table.shape[1])
            for column, count in enumerate(counts):
                matches[video, column] = np.count_nonzero(enough[:, :count].sum(axis=1))
        row[:] = matches.sum(axis=0) / len(ground_truth)
    return recall
