"""The sections of the page: each function draws its pictures and returns what the template needs."""

from typing import Any

from bsp_tf.evaluation.joint_auc import SCORE_NAMES
from bsp_tf.features.store import FeatureStore
from bsp_tf.report import summary
from bsp_tf.report.figures import comparisons, curves, matrices, style
from bsp_tf.report.figures.timeline import draw_timeline
from bsp_tf.report.gallery import Gallery, Picture, html_table
from bsp_tf.report.inputs import Results
from bsp_tf.report.sections import examples
from bsp_tf.synthesis.boundary_types import (
    BOUNDARY_TYPES,
    CHANCE,
    NO_BOUNDARY_TYPE,
    NUM_TYPES,
    PAIR_IDS,
    PAIRS,
    pair_title,
)
from bsp_tf.video.stream import VideoError


def map_table(results: Results) -> dict[str, Any]:
    """mAP of both feature sets in percent; the better one of each column is bold."""
    rows = {stream: summary.map_row(scores) for stream, scores in results.scores.items()}
    best = set()
    for column, key in enumerate(next(iter(rows.values())), 1):
        values = [row[key] for row in rows.values()]
        known = [value for value in values if value is not None]
        best |= {
            (i, column)
            for i, value in enumerate(values)
            if known and value == max(known) and value > min(known)
        }
    texts = [
        [style.STREAM_NAMES[stream], *(summary.percent(value) for value in row.values())]
        for stream, row in rows.items()
    ]
    return html_table(["features", "mAP@0.5", "0.75", "0.95", "average"], texts, best)


def class_ap(results: Results, gallery: Gallery) -> dict[str, Any]:
    """Picture and table of the AP of each class, averaged over the tIoU thresholds."""
    means = {
        stream: {label: sum(values) / max(1, len(values)) for label, values in scores["ap"].items()}
        for stream, scores in results.scores.items()
    }
    labels = sorted(set(means["action"]) & set(means["two_stream"]))
    rows = [
        [
            style.readable(label),
            *(summary.percent(means[stream][label]) for stream in means),
            f"{100 * (means['two_stream'][label] - means['action'][label]):+.2f}".replace("-", "−"),
        ]
        for label in labels
    ]
    table = html_table(["class", *(style.STREAM_NAMES[stream] for stream in means), "change"], rows)
    if not labels:
        return {"class_ap": None, "class_table": table}
    caption = ""
    if len(labels) > comparisons.MOST_CLASSES_DRAWN:
        caption = (
            f"Of {len(labels)} classes, the {comparisons.MOST_CLASSES_DRAWN} that changed "
            "most, up or down."
        )
    figure = comparisons.draw_class_ap(means["action"], means["two_stream"])
    return {
        "class_ap": gallery.add(
            "class_ap", figure, "Average precision of each class with both feature sets", caption
        ),
        "class_table": table,
    }


def training(results: Results, task: str, gallery: Gallery) -> dict[str, Any]:
    """Confusion matrix, curves and training batch of one stream ("action" or "boundary"), and what
    is absent.
    """
    workdir = results.sources.pretrain[task]
    evaluation = results.evaluations.get(task)
    content: dict[str, Any] = {
        "pictures": [],
        "absent": [],
        "batch": None,
        "sentence": "",
        "table": None,
    }
    if evaluation:
        labels, confusion = evaluation["labels"], evaluation["confusion"]
        figure = matrices.draw_confusion(
            confusion, labels, f"{task.capitalize()} confusion, % of truth"
        )
        content["pictures"].append(
            gallery.add(f"{task}_confusion", figure, f"Confusion matrix of the {task} task")
        )
        if task == "action":
            content["sentence"] = _action_sentence(evaluation)
    if task in results.metrics:
        chance = 1 / len(evaluation["labels"]) if evaluation else None
        for quantity in ("loss", "accuracy"):
            figure = curves.draw_train_validation(
                results.metrics[task], quantity, f"{task.capitalize()} stream, {quantity}", chance
            )
            content["pictures"].append(
                gallery.add(
                    f"{task}_{quantity}", figure, f"{quantity} of the {task} stream over the epochs"
                )
            )
    if not results.is_missing(workdir / "training_batch.png"):
        content["batch"] = gallery.embed(
            workdir / "training_batch.png", f"A training batch of the {task} task"
        )
    content["absent"] = [
        path for path in results.missing if path.parent == workdir and path.name != "config.json"
    ]
    return content


def _action_sentence(evaluation: dict[str, Any]) -> str:
    sentence = (
        f"{100 * evaluation['accuracy']:.1f}% of the validation clips get their class of "
        f"{len(evaluation['labels'])} right (chance {100 / len(evaluation['labels']):.1f}%)."
    )
    static = evaluation.get("static_accuracy")
    if static is not None:
        sentence += (
            f" Static control: with one frame repeated it is {100 * static:.1f}%. Near chance "
            "means that the "
            "network reads motion and not looks."
        )
    return sentence


def boundary(results: Results, gallery: Gallery) -> dict[str, Any]:
    """The same for the boundary stream, with the two pairs of types apart."""
    content = training(results, "boundary", gallery)
    evaluation = results.evaluations.get("boundary")
    if not evaluation:
        return content
    labels = evaluation["labels"]
    figure = matrices.draw_boundary_recall(evaluation["per_class"])
    content["pictures"].insert(
        1, gallery.add("boundary_recall", figure, "Recall of the boundary types")
    )
    shares = matrices.row_shares(evaluation["confusion"])
    rows = []
    for types in PAIR_IDS.values():
        columns = [labels.index(BOUNDARY_TYPES[i]) for i in types]
        for column in columns:
            own, within = shares[column, column], shares[column, columns].sum()
            rows.append(
                [
                    style.readable(labels[column]),
                    *(f"{100 * share:.1f}" for share in (own, within - own, max(0, 1 - within))),
                ]
            )
    content["table"] = html_table(
        ["percent of each type", "recall", "taken for its partner", "for another pair"], rows
    )
    pairs = matrices.pair_summary(evaluation["confusion"], labels)
    content["sentence"] = (
        f"Accuracy over the {NUM_TYPES} types {100 * evaluation['accuracy']:.1f}% on validation "
        f"clips (chance {100 * CHANCE:.0f}%). An average can hide a pair that is at chance, so the "
        "pairs stand apart by their mean recall: "
        + "; ".join(
            f"the {pair_title(pair)}, {PAIRS[pair]}, {100 * scores['recall']:.1f}%"
            for pair, scores in pairs.items()
        )
        + "."
        + (
            f" With one frame repeated the network gets {100 * evaluation['static_accuracy']:.1f}%."
            if evaluation.get("static_accuracy") is not None
            else ""
        )
    )
    return content


def localization_training(results: Results, gallery: Gallery) -> dict[str, Any]:
    """Loss of G-TAD for both feature sets."""
    metrics = {
        stream: results.metrics[f"gtad_{stream}"]
        for stream in results.sources.gtad
        if f"gtad_{stream}" in results.metrics
    }
    workdirs = set(results.sources.gtad.values())
    content = {
        "pictures": [],
        "absent": [path for path in results.missing if path.parent in workdirs],
    }
    if metrics:
        figure = curves.draw_localization_loss(metrics)
        content["pictures"].append(
            gallery.add("gtad_loss", figure, "Loss of G-TAD over the epochs")
        )
    return content


def timelines(
    results: Results, store: FeatureStore | None, gallery: Gallery, most: int
) -> dict[str, Any]:
    """Timelines of at most `most` videos of the scored subset, and the rule by which they were
    taken.
    """
    files = examples.find_videos(results.sources.videos)
    if not files:
        results.is_missing(results.sources.videos)
    absent = [
        path
        for path in results.missing
        if path
        in (
            results.sources.videos,
            results.sources.features / "metadata.json",
            *results.sources.detections.values(),
        )
    ]
    names = [name for name in results.database if name in files] or list(results.database)
    colors = style.class_colors(
        [item["label"] for entry in results.database.values() for item in entry["annotations"]]
        + [
            item["label"]
            for videos in results.detections.values()
            for found in videos.values()
            for item in found
        ]
    )
    shown = []
    for number, video in enumerate(examples.pick_evenly(names, most), 1):
        entry = results.database[video]
        try:
            timeline = examples.build_timeline(results, video, files.get(video), store)
        except VideoError:
            # A broken video is no reason to have no report: its timeline goes without thumbnails.
            timeline = examples.build_timeline(results, video, None, store)
        picture = gallery.add(
            f"timeline_{number}", draw_timeline(timeline, colors), f"Timeline of the video {video}"
        )
        detail = f"{entry['duration']:.1f} s, {len(entry['annotations'])} actions"
        shown.append(
            {
                "name": video,
                "detail": detail.replace(" 1 actions", " 1 action"),
                "markup": picture.markup,
            }
        )
    rule = (
        f"{len(shown)} of {len(names)} {results.sources.subset} videos, evenly spread over their "
        "sorted names and "
        "not chosen by how well they came out."
    )
    return {
        "timelines": shown,
        "timeline_rule": rule,
        "timelines_absent": absent,
        "detections_shown": examples.DETECTIONS_SHOWN,
    }


def joint_auc(
    results: Results, measured: dict[str, Any] | None, gallery: Gallery
) -> dict[str, Any]:
    """Picture and table of the AUC by kind of joint; `measured` is from `joints.measure`."""
    content: dict[str, Any] = {"table": None, "reason": "", "absent": []}
    if not measured:
        metadata = results.sources.features / "metadata.json"
        if metadata in results.missing:
            content["absent"] = [metadata]
        else:
            content["reason"] = (
                "Not measured: the annotations name no joints in videos with features (those of "
                "the "
                "sample data do), or the features come without boundary probabilities."
            )
        return content
    table = measured["auc"]
    figure = comparisons.draw_joint_auc(table, SCORE_NAMES)
    content["picture"] = gallery.add("joint_auc", figure, "AUC by kind of joint for three scores")
    rows, best = [], set()
    for i, (kind, row) in enumerate(table.items()):
        rows.append(
            [
                style.readable(kind),
                f"{measured['num_positive'][kind]:,}",
                *("–" if row[score] is None else f"{row[score]:.3f}" for score in SCORE_NAMES),
            ]
        )
        known = [value for value in row.values() if value is not None]
        best |= {
            (i, column)
            for column, score in enumerate(SCORE_NAMES, 2)
            if known and row[score] is not None and f"{row[score]:.3f}" == f"{max(known):.3f}"
        }
    content["table"] = html_table(["kind of joint", "snippets", *SCORE_NAMES.values()], rows, best)
    content["explanation"] = (
        f"Area under the ROC curve over the snippets of the {results.sources.subset} videos, "
        "against the "
        f"{measured['num_negative']:,} snippets without a joint (distractors included). Three "
        "scores side by side, whichever wins: the boundary stream's "
        f"1 − p({style.readable(NO_BOUNDARY_TYPE)}), how far the action features move, and plain "
        "pixel change, which needs no learning."
    )
    return content


def preview(results: Results, gallery: Gallery) -> Picture | None:
    """The picture of synthesized boundaries, where there is one."""
    path = results.sources.preview
    if results.is_missing(path):
        return None
    return gallery.embed(
        path,
        "Synthesized clips of the boundary types",
        "Synthesized training clips of the boundary types; the mark is the boundary.",
    )
