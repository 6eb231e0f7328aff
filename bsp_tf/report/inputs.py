"""Reads the results of the stages, as far as they are there."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np

from bsp_tf.annotations.mended import load_annotations
from bsp_tf.annotations.video_ids import match_id
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json, read_json_object
from bsp_tf.comparison.bootstrap import Comparison
from bsp_tf.evaluation.predictions import load_predictions
from bsp_tf.features.store import METADATA_FILE, FeatureStore
from bsp_tf.report.feature_sets import compare_feature_sets
from bsp_tf.report.sources import Sources
from bsp_tf.runs.metrics_log import read_rows
from bsp_tf.synthesis.boundary_types import BOUNDARY_TYPES

# What the sample data says of a video besides its actions.
MARKS = ("joints", "distractors")
# Value of config.head -> its title; the report loads no head.
HEAD_TITLES = {"gtad": "G-TAD", "actionformer": "ActionFormer"}


@dataclasses.dataclass
class Results:
    """Contents of the inputs that several sections use; what is not there is None or not a key.

    Attributes:
        sources: Where everything lies; a section reads from there what it alone needs.
        database: Video -> its entry of the annotations, the scored subset only.
        scores: Stream -> {"tiou", "mAP", "average_mAP", "ap", ...}.
        comparison: Differences of both feature sets; see `compare_feature_sets`.
        features: The features of the untrimmed videos.
        detections: Stream -> video -> list of {"label", "score", "segment"}.
        evaluations: Task -> evaluation.json of its workdir.
        configs: Task -> config.json of its workdir.
        metrics: Task, or "gtad_" + stream -> rows of metrics.jsonl.
        head: What the localization heads are called; "" where their workdirs are not there.
    """

    sources: Sources
    database: dict[str, dict[str, Any]]
    scores: dict[str, dict[str, Any]]
    comparison: Comparison | None = None
    features: FeatureStore | None = None
    detections: dict[str, dict[str, list[dict[str, Any]]]] = dataclasses.field(default_factory=dict)
    evaluations: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    metrics: dict[str, list[dict[str, Any]]] = dataclasses.field(default_factory=dict)
    head: str = ""

    def is_sample_world(self) -> bool:
        """Whether the annotations name kinds of joints, which only the sample data does."""
        return any("joints" in entry for entry in self.database.values())


def load_results(sources: Sources) -> Results:
    """Reads every input that is there.

    Raises:
        InputError: the annotations or the scores are missing, a file cannot be understood, or the
            detections are of another subset.
    """
    database = _load_database(sources.annotations, sources.subset)
    scores = {name: _load_scores(path) for name, path in sources.scores.items()}
    averages = {name: own["average_mAP"] for name, own in scores.items()}
    comparison = compare_feature_sets(sources, scores["two_stream"]["tiou"], averages)
    results = Results(sources, database, scores, comparison)
    if (sources.features / METADATA_FILE).exists():
        results.features = FeatureStore(sources.features)
    for name, path in sources.detections.items():
        if path.exists():
            results.detections[name] = _load_detections(path)
            if not any(match_id(video, database) for video in results.detections[name]):
                raise InputError(
                    f"{path} has no video of the subset {sources.subset!r} of "
                    f"{sources.annotations}: give the subset that was scored (--subset)."
                )
    for task, workdir in sources.pretrain.items():
        if (workdir / "evaluation.json").exists():
            results.evaluations[task] = _load_evaluation(workdir / "evaluation.json", task)
        if (workdir / "config.json").exists():
            results.configs[task] = read_json_object(workdir / "config.json")
        if (workdir / "metrics.jsonl").exists():
            results.metrics[task] = load_metrics(workdir / "metrics.jsonl")
    for name, workdir in sources.gtad.items():
        if (workdir / "metrics.jsonl").exists():
            results.metrics[f"gtad_{name}"] = load_metrics(workdir / "metrics.jsonl")
    results.head = _name_heads(sources.gtad.values())
    return results


def _name_heads(workdirs: Iterable[Path]) -> str:
    """The heads that were trained there, each named once."""
    configs = [workdir / "config.json" for workdir in workdirs]
    # Before there was a choice, no head was named.
    heads = [read_json_object(path).get("head", "gtad") for path in configs if path.exists()]
    return " and ".join(dict.fromkeys(HEAD_TITLES.get(head, str(head)) for head in heads))


def load_metrics(path: Path) -> list[dict[str, Any]]:
    """Rows of a metrics.jsonl file, one dict per epoch.

    Raises:
        InputError: a line is not a JSON object with "epoch".
    """
    rows = read_rows(path)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or "epoch" not in row:
            raise InputError(
                f'{path}, line {number} has no "epoch". Is it the metrics file of a training?'
            )
    return rows


def _field(value: Any, key: str, path: Path, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get(key), kind):
        raise InputError(
            f"{path} has no usable {key!r}. Is it the right file? If so, write it again."
        )
    return value[key]


def _load_database(path: Path, subset: str) -> dict[str, dict[str, Any]]:
    """Video -> {"duration", "annotations", and where known "joints", "distractors"}.

    Actions lie within the duration.
    """
    chosen = {}
    for video, known in load_annotations(path, subset).items():
        actions = [
            {"segment": [float(start), float(end)], "label": label}
            for (start, end), label in zip(known.segments, known.labels, strict=True)
        ]
        # THUMOS14's file has no durations; the axis then ends with the last action.
        duration = known.duration_seconds or max(
            (float(end) for _, end in known.segments), default=0.0
        )
        if duration > 0:
            chosen[video] = {
                "duration": duration,
                "annotations": actions,
                **{key: known.extra[key] for key in MARKS if key in known.extra},
            }
    if not chosen:
        raise InputError(
            f"{path}: no video of subset {subset!r} has a duration or an action. Check the file."
        )
    return chosen


def _load_detections(path: Path) -> dict[str, list[dict[str, Any]]]:
    found = load_predictions(path)
    scores = cast(np.ndarray, found.score)  # Only ground truth has none.
    detections: dict[str, list[dict[str, Any]]] = {video: [] for video in found.video_names}
    for video, label, segment, score in zip(
        found.video, found.label, found.segment, scores, strict=True
    ):
        detections[found.video_names[video]].append(
            {"label": found.class_names[label], "segment": segment.tolist(), "score": float(score)}
        )
    return detections


def _load_scores(path: Path) -> dict[str, Any]:
    scores = read_json(path)
    for key, kind in (("tiou", list), ("mAP", list), ("average_mAP", (int, float)), ("ap", dict)):
        _field(scores, key, path, kind)
    if len(scores["tiou"]) != len(scores["mAP"]):
        raise InputError(
            f"{path}: 'tiou' and 'mAP' differ in length. Write it again with python -m "
            "bsp_tf.evaluate."
        )
    return scores


def _load_evaluation(path: Path, task: str) -> dict[str, Any]:
    evaluation = read_json(path)
    for key, kind in (
        ("accuracy", (int, float)),
        ("per_class", dict),
        ("confusion", list),
        ("labels", list),
    ):
        _field(evaluation, key, path, kind)
    size = len(evaluation["labels"])
    if len(evaluation["confusion"]) != size or any(
        len(row) != size for row in evaluation["confusion"]
    ):
        raise InputError(
            f"{path}: 'confusion' is not {size} x {size}, the number of its labels. Run pretrain "
            "again."
        )
    if task == "boundary" and not set(evaluation["labels"]) <= set(BOUNDARY_TYPES):
        raise InputError(
            f"{path} has the labels {evaluation['labels'][:4]}, not the boundary types. Is it the "
            "workdir of another task?"
        )
    return evaluation
