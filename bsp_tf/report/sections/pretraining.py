"""What the sections of both pre-training tasks share: pictures, and what is absent."""

from bsp_tf.report.content import Details, Part, Picture, absent
from bsp_tf.report.figures import curves, matrices
from bsp_tf.report.gallery import Gallery
from bsp_tf.report.inputs import Results


def confusion(results: Results, task: str, gallery: Gallery) -> list[Picture]:
    """The confusion matrix, if the task was evaluated."""
    if task not in results.evaluations:
        return []
    evaluation = results.evaluations[task]
    figure = matrices.draw_confusion(
        evaluation["confusion"],
        evaluation["labels"],
        f"{task.capitalize()} confusion, % of truth",
    )
    return [gallery.add(f"{task}_confusion", figure, f"Confusion matrix of the {task} task")]


def training_curves(results: Results, task: str, gallery: Gallery) -> list[Picture]:
    """Loss and accuracy over the epochs, if the metrics are there."""
    if task not in results.metrics:
        return []
    evaluation = results.evaluations.get(task)
    chance = 1 / len(evaluation["labels"]) if evaluation else None
    pictures = []
    for quantity in ("loss", "accuracy"):
        figure = curves.draw_train_validation(
            results.metrics[task], quantity, f"{task.capitalize()} stream, {quantity}", chance
        )
        description = f"{quantity} of the {task} stream over the epochs"
        pictures.append(gallery.add(f"{task}_{quantity}", figure, description))
    return pictures


def batch_and_absent(results: Results, task: str, gallery: Gallery) -> list[Part]:
    """The end of both sections: a training batch, and which files of the workdir are not there."""
    workdir = results.sources.pretrain[task]
    batch = workdir / "training_batch.png"
    parts: list[Part] = []
    if batch.exists():
        picture = gallery.embed(batch, f"A training batch of the {task} task")
        parts.append(Details("A training batch", picture))
    return parts + absent(workdir / "evaluation.json", workdir / "metrics.jsonl", batch)
