"""Section "Settings": how the two streams were trained."""

from typing import Any

from bsp_tf.report.content import Part, Section, Table, absent
from bsp_tf.report.inputs import Results
from bsp_tf.report.sources import TASKS

# Name in the table -> place in config.json, or in evaluation.json after "evaluation.".
SHOWN = {
    "backbone": "model.backbone",
    "ResNet depth": "model.depth",
    "width factor": "model.width",
    "input": "model.input",
    "frames per clip": "data.num_frames",
    "crop, pixels": "data.crop_size",
    "batch size": "train.batch_size",
    "epochs": "train.epochs",
    "learning rate": "optimizer.learning_rate",
    "seed": "seed",
    "transition": "boundary.transition",
    "frame strides": "boundary.strides",
    "best epoch": "evaluation.best_epoch",
    "validation samples": "evaluation.num_samples",
    "training time, seconds": "evaluation.seconds",
}


def section(results: Results) -> Section:
    """A row for each setting that one of the streams has."""
    rows = [
        [name, *(_show(results, task, place) for task in TASKS)] for name, place in SHOWN.items()
    ]
    rows = [row for row in rows if any(value != "–" for value in row[1:])]
    parts: list[Part] = [Table(["setting", *TASKS], rows)] if rows else []
    parts += absent(*(workdir / "config.json" for workdir in results.sources.pretrain.values()))
    return Section("settings", "Settings", "Settings", parts)


def _show(results: Results, task: str, place: str) -> str:
    if place.startswith("boundary.") and task != "boundary":
        return "–"
    config = results.configs.get(task, {})
    if place == "model.depth" and _find(config, "model.backbone") not in (None, "resnet"):
        return "–"
    value = _find({**config, "evaluation": results.evaluations.get(task, {})}, place)
    if isinstance(value, list):
        return ", ".join(f"{item:g}" if isinstance(item, float) else str(item) for item in value)
    return "–" if value is None else f"{value:,.4g}" if isinstance(value, float) else str(value)


def _find(settings: Any, place: str) -> Any:
    for key in place.split("."):
        settings = settings.get(key) if isinstance(settings, dict) else None
    return settings
