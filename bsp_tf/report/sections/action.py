"""Section "Action task": accuracy of the action stream on trimmed clips."""

import dataclasses
from typing import Any

from bsp_tf.report.content import Part, Section, SideBySide, Text, Tile
from bsp_tf.report.gallery import Gallery
from bsp_tf.report.inputs import Results
from bsp_tf.report.sections import pretraining


def section(results: Results, gallery: Gallery) -> Section:
    """Accuracy, confusion matrix and training curves."""
    evaluation = results.evaluations.get("action")
    pictures = pretraining.confusion(results, "action", gallery)
    pictures += pretraining.training_curves(results, "action", gallery)
    if len(pictures) == 3:
        pictures[0] = dataclasses.replace(pictures[0], look="tall")
    parts: list[Part] = []
    if evaluation:
        parts.append(Text(_sentence(evaluation)))
    if pictures:
        parts.append(SideBySide(pictures))
    parts += pretraining.batch_and_absent(results, "action", gallery)
    tiles = [_tile(evaluation)] if evaluation else []
    return Section("action", "Action task", "The action task", parts, tiles)


def _sentence(evaluation: dict[str, Any]) -> str:
    num_classes = len(evaluation["labels"])
    sentence = (
        f"{100 * evaluation['accuracy']:.1f}% of the validation clips are classified correctly, "
        f"as one of {num_classes} classes (chance {100 / num_classes:.1f}%)."
    )
    static = evaluation.get("static_accuracy")
    if static is not None:
        sentence += (
            f" Static control: with one frame repeated it is {100 * static:.1f}%. A value near "
            "chance means that the network reads motion and not appearance."
        )
    return sentence


def _tile(evaluation: dict[str, Any]) -> Tile:
    num_classes = len(evaluation["labels"])
    detail = f"chance {100 / num_classes:.0f}%"
    static = evaluation.get("static_accuracy")
    if static is not None:
        detail = f"one frame repeated: {100 * static:.0f}%, {detail}"
    return Tile(f"{100 * evaluation['accuracy']:.1f}%", f"action, {num_classes} classes", detail)
