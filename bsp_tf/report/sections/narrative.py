"""The sentences of the page that depend on the numbers: headline, settings, and what the results do
not show.
"""

from typing import Any

from bsp_tf.evaluation.joint_auc import SCORE_NAMES
from bsp_tf.report.figures import style
from bsp_tf.report.figures.matrices import pair_summary
from bsp_tf.report.inputs import Results
from bsp_tf.report.summary import map_row
from bsp_tf.synthesis.boundary_types import NUM_TYPES, PAPER_TRANSITION, pair_title


def is_sample_world(results: Results) -> bool:
    """Whether the annotations name the kinds of the joints, which only the procedural sample data
    does.
    """
    return any("joints" in entry for entry in results.database.values())


def headline(results: Results) -> str:
    """One sentence: what the boundary features changed, up or down."""
    before = 100 * map_row(results.scores["action"])["average"]
    after = 100 * map_row(results.scores["two_stream"])["average"]
    if abs(after - before) < 0.05:
        return (
            f"Boundary features leave average mAP where it was: {before:.1f} without, "
            f"{after:.1f} with them."
        )
    verb = "raise" if after > before else "lower"
    return f"Boundary features {verb} average mAP from {before:.1f} to {after:.1f}."


def tiles(results: Results) -> list[dict[str, str]]:
    """The few numbers at the top: {"value", "name", "detail"}."""
    before = 100 * map_row(results.scores["action"])["average"]
    after = 100 * map_row(results.scores["two_stream"])["average"]
    found = [
        {
            "value": f"{after:.1f}",
            "name": "average mAP, action + boundary",
            "detail": f"{after - before:+.1f} against action only".replace("-", "−"),
        }
    ]
    boundary = results.evaluations.get("boundary")
    if boundary:
        pairs = pair_summary(boundary["confusion"], boundary["labels"])
        found.append(
            {
                "value": f"{100 * boundary['accuracy']:.1f}%",
                "name": f"boundary type, one of {NUM_TYPES}",
                "detail": ", ".join(
                    f"{pair_title(pair)} {100 * scores['recall']:.0f}%"
                    for pair, scores in pairs.items()
                ),
            }
        )
    action = results.evaluations.get("action")
    if action:
        static = action.get("static_accuracy")
        detail = f"chance {100 / len(action['labels']):.0f}%"
        found.append(
            {
                "value": f"{100 * action['accuracy']:.1f}%",
                "name": f"action, {len(action['labels'])} classes",
                "detail": f"one frame repeated: {100 * static:.0f}%, {detail}"
                if static is not None
                else detail,
            }
        )
    return found


def describe_data(results: Results) -> str:
    """One sentence on the videos that were scored."""
    instances = [
        item["label"] for entry in results.database.values() for item in entry["annotations"]
    ]
    minutes = sum(float(entry["duration"]) for entry in results.database.values()) / 60
    return (
        f"Scored on {len(results.database):,} untrimmed videos of the {results.sources.subset} "
        "subset "
        f"({minutes:,.0f} minutes, {len(instances):,} actions of {len(set(instances))} classes)."
    )


def settings(results: Results) -> list[tuple[str, list[str]]]:
    """How the two streams were trained: (name of the setting, one text a stream in the order
    action, boundary).
    """

    def show(task: str, path: str) -> str:
        if path.startswith("boundary.") and task != "boundary":
            return "–"
        value: Any = results.configs.get(task, {})
        if path.startswith("evaluation."):
            value = {"evaluation": results.evaluations.get(task, {})}
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, list):
            return ", ".join(
                f"{item:g}" if isinstance(item, float) else str(item) for item in value
            )
        return "–" if value is None else f"{value:,.4g}" if isinstance(value, float) else str(value)

    wanted = [
        ("ResNet depth", "model.depth"),
        ("width factor", "model.width"),
        ("input", "model.input"),
        ("frames a clip", "data.num_frames"),
        ("crop, pixels", "data.crop_size"),
        ("batch size", "train.batch_size"),
        ("epochs", "train.epochs"),
        ("learning rate", "optimizer.learning_rate"),
        ("seed", "seed"),
        ("transition", "boundary.transition"),
        ("frame strides", "boundary.strides"),
        ("best epoch", "evaluation.best_epoch"),
        ("validation samples", "evaluation.num_samples"),
        ("training time, seconds", "evaluation.seconds"),
    ]
    rows = [(name, [show(task, path) for task in ("action", "boundary")]) for name, path in wanted]
    return [(name, values) for name, values in rows if any(value != "–" for value in values)]


def describe_tiou(tiou: list[float]) -> str:
    """The thresholds in a few words: "0.5" or "10 thresholds from 0.5 to 0.95"."""
    if len(tiou) == 1:
        return f"{tiou[0]:g} alone"
    return f"{len(tiou)} thresholds from {min(tiou):g} to {max(tiou):g}"


def notes(results: Results, auc: dict[str, dict[str, float | None]] | None) -> list[str]:
    """What the results do not show, and what a careful reader should know; plain sentences."""
    found = []
    if is_sample_world(results):
        found.append(
            "The videos are procedural: textured figures that follow motion programs over "
            "textured, slowly "
            "panning backgrounds. The page shows that every stage works together and how the "
            "features behave "
            "in this world. It is no evidence for real footage such as ActivityNet or THUMOS14."
        )
        found.append(
            "The networks are tiny and trained for minutes, from scratch. The published gain on "
            "ActivityNet "
            "(average mAP 34.26 to 34.75) was measured with ResNet-18 pre-trained on "
            "Kinetics-400; the two "
            "numbers here cannot be compared with it."
        )
    seeds = {config.get("seed") for config in results.configs.values()} - {None}
    seed_text = f" (seed {', '.join(str(seed) for seed in sorted(seeds))})" if seeds else ""
    found.append(
        f"One run{seed_text}, {len(results.database):,} scored videos: a difference of a few "
        "points may turn "
        "round with another seed."
    )
    found.append(
        "Checkpoints were chosen by their loss or accuracy on validation data, G-TAD's on the "
        "videos that are "
        "scored here; both rows of the table profit from that alike."
    )
    rule = (
        results.configs.get("boundary", {}).get("boundary", {}).get("transition", PAPER_TRANSITION)
    )
    if rule == PAPER_TRANSITION:
        found.append(
            "Diff-class and same-class are told apart by the blend: only a diff-class joint has a "
            "transition, "
            "as in the paper. With hard cuts in both, this pair is close to guessing; no "
            "comparison of "
            "classes is learned."
        )
    else:
        found.append(
            f"Transition rule {rule!r}: both joined types look alike at the joint, so diff-class "
            "against "
            "same-class measures a comparison of classes, which is hard."
        )
    if auc:
        found.append(_who_notices_joints(auc))
    return found


def _who_notices_joints(auc: dict[str, dict[str, float | None]]) -> str:
    winners = []
    for kind, row in auc.items():
        known = {score: value for score, value in row.items() if value is not None}
        if known:
            best = max(known, key=lambda score: known[score])
            winners.append(
                f"{style.readable(kind)}: {SCORE_NAMES.get(best, best)} ({known[best]:.2f})"
            )
    return (
        "Best at noticing joints, by AUC: "
        + "; ".join(winners)
        + ". Plain pixel change is the baseline that a "
        "learned score has to beat."
    )
