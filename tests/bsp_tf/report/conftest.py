"""A small folder of results, written by hand from the formats of the stages."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

FPS = 25
LABELS = ["circle", "jump", "swing_left", "zig_zag"]
BOUNDARY_LABELS = ["diff_class", "same_class", "diff_speed", "same_speed"]
WINDOW, FRAME_STEP, STRIDE = 8, 2, 8
_SEEN_BY_NETWORK = {"hard_cut": 1.0, "cross_fade": 0.8, "motion_change": 0.4}
_SEEN_BY_PIXELS = {"hard_cut": 1.0, "cross_fade": 0.3, "motion_change": 0.03}


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def annotate(rng: np.random.Generator, seconds: float, labels: list[str], fps: int = FPS) -> dict:
    """Entry of a video: two actions, joints of all kinds at their ends, and two distractors."""
    edges = np.round(np.linspace(0.12, 0.9, 4) * seconds * fps) / fps
    kinds = rng.permutation(["hard_cut", "cross_fade", "motion_change", "hard_cut"])
    actions = [
        {"segment": [edges[0], edges[1]], "label": str(rng.choice(labels))},
        {"segment": [edges[2], edges[3]], "label": str(rng.choice(labels))},
    ]
    joints = []
    for i, (time, kind) in enumerate(zip(edges, kinds, strict=True)):
        half = 4 / fps if kind == "cross_fade" else 0.0
        joints.append(
            {
                "segment": [time - half, time + half],
                "kind": str(kind),
                "place": "action_end" if i % 2 else "action_start",
            }
        )
    distractors = [
        {"segment": [0.04 * seconds, 0.04 * seconds + 2 / fps], "kind": "flash"},
        {"segment": [0.5 * seconds, 0.54 * seconds], "kind": "occlusion"},
    ]
    return {
        "subset": "validation",
        "duration": seconds,
        "fps": fps,
        "num_frames": int(seconds * fps),
        "annotations": actions,
        "joints": joints,
        "distractors": distractors,
    }


def write_features(
    folder: Path, database: dict, rng: np.random.Generator, labels: list[str]
) -> None:
    """Feature store whose boundary probabilities and pixel changes rise near the joints."""
    (folder / "probabilities").mkdir(parents=True)
    videos = {}
    for name, entry in database.items():
        num_snippets = max(1, (entry["num_frames"] - (WINDOW - 1) * FRAME_STEP - 1) // STRIDE + 1)
        centre = (np.arange(num_snippets) * STRIDE + ((WINDOW - 1) * FRAME_STEP + 1) / 2) / entry[
            "fps"
        ]
        near, changed = np.zeros(num_snippets), np.zeros(num_snippets)
        for joint in entry["joints"]:
            bump = np.exp(-(((centre - np.mean(joint["segment"])) / 0.25) ** 2))
            near = np.maximum(near, _SEEN_BY_NETWORK[joint["kind"]] * bump)
            changed = np.maximum(changed, _SEEN_BY_PIXELS[joint["kind"]] * bump)
        joined = np.clip(
            0.12
            + 0.9 * near * rng.uniform(0.5, 1, num_snippets)
            + rng.normal(0, 0.1, num_snippets),
            0.01,
            0.98,
        )
        boundary = np.stack([0.5 * joined, 0.3 * joined, 0.2 * joined, 1 - joined], 1).astype(
            np.float32
        )
        action = rng.dirichlet(np.ones(len(labels)), num_snippets).astype(np.float32)
        np.save(folder / f"{name}.npy", rng.normal(size=(num_snippets, 8)).astype(np.float32))
        np.savez(
            folder / "probabilities" / f"{name}.npz",
            action=action,
            boundary=boundary,
            pixel_change=(3 + 20 * changed + 2 * rng.uniform(size=num_snippets)).astype(np.float32),
        )
        videos[name] = {
            "file": f"{name}.mp4",
            "fps": float(entry["fps"]),
            "num_frames": entry["num_frames"],
            "duration_seconds": entry["duration"],
            "num_snippets": num_snippets,
            "last_snippet_padded": False,
            "partial": False,
        }
    _write(
        folder / "metadata.json",
        {
            "window": WINDOW,
            "frame_step": FRAME_STEP,
            "stride": STRIDE,
            "feature_dim": 8,
            "streams": {"action": [0, 4], "boundary": [4, 8]},
            "action_labels": labels,
            "boundary_labels": BOUNDARY_LABELS,
            "model": "two_stream",
            "videos": videos,
        },
    )


def write_training(
    root: Path, rng: np.random.Generator, labels: list[str], epochs: int = 6
) -> None:
    """Workdirs of both pre-trainings and both G-TAD trainings."""
    for task, names, accuracy in (("action", labels, 0.82), ("boundary", BOUNDARY_LABELS, 0.89)):
        workdir = root / "pretrain" / task
        counts = np.array(
            [
                rng.multinomial(
                    120,
                    np.where(
                        np.arange(len(names)) == i, accuracy, (1 - accuracy) / (len(names) - 1)
                    ),
                )
                for i in range(len(names))
            ]
        )
        recall = {name: float(counts[i, i] / counts[i].sum()) for i, name in enumerate(names)}
        _write(
            workdir / "evaluation.json",
            {
                "task": task,
                "accuracy": float(np.trace(counts) / counts.sum()),
                "loss": 0.41,
                "num_samples": 480,
                "per_class": recall,
                "confusion": counts.tolist(),
                "labels": names,
                "static_accuracy": 1.06 / len(names),
                "best_epoch": epochs - 1,
                "seconds": 171.4,
            },
        )
        _write(
            workdir / "config.json",
            {
                "task": task,
                "seed": 3,
                "data": {"num_frames": 8, "crop_size": 64},
                "boundary": {"transition": "diff_class", "strides": [1, 4]},
                "model": {"depth": 10, "width": 0.25, "input": "rgb_diff"},
                "optimizer": {"learning_rate": 0.05},
                "train": {"batch_size": 32, "epochs": epochs},
            },
        )
        rows = []
        for epoch in range(1, epochs + 1):
            left = np.exp(-3 * epoch / epochs)
            rows.append(
                {
                    "epoch": epoch,
                    "step": 40 * epoch,
                    "train_loss": 0.2 + 1.8 * left,
                    "train_accuracy": accuracy + 0.08 - left * 0.7,
                    "validation_accuracy": accuracy - left * 0.65,
                    "validation_loss": 0.41 + 1.6 * left + rng.normal(0, 0.03),
                    "learning_rate": 0.05 * left,
                    "seconds": 9.0,
                }
            )
        (workdir / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        Figure(figsize=(2, 1)).savefig(workdir / "training_batch.png")
    for name, floor in (("action", 1.3), ("two_stream", 1.1)):
        rows = [
            {
                "epoch": epoch,
                "train_loss": floor + 2 * np.exp(-epoch / 2),
                "validation_loss": floor + 0.3 + 2 * np.exp(-epoch / 2),
            }
            for epoch in range(1, epochs + 1)
        ]
        workdir = root / "gtad" / name
        workdir.mkdir(parents=True)
        (workdir / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_results(root: Path, database: dict, rng: np.random.Generator, labels: list[str]) -> None:
    """Detections near the truth, and scores, for both feature sets."""
    tiou = np.linspace(0.5, 0.95, 10)
    for name, jitter, level in (("action", 0.08, 0.5001), ("two_stream", 0.04, 0.6113)):
        found = {}
        for video, entry in database.items():
            rows = []
            for action in entry["annotations"]:
                for score in rng.uniform(0.2, 0.9, 2):
                    start, end = np.array(action["segment"]) + rng.normal(
                        0, jitter * entry["duration"] / 4, 2
                    )
                    rows.append(
                        {
                            "segment": [max(0.0, float(start)), float(max(start + 0.2, end))],
                            "label": action["label"],
                            "score": float(score),
                        }
                    )
                    rows.append(
                        {**rows[-1], "label": str(rng.choice(labels)), "score": float(score) / 3}
                    )
            found[video] = rows
        _write(
            root / "detections" / f"{name}.json",
            {"version": "bsp_tf", "results": found, "external_data": {}},
        )
        curve = level * (1.4 - tiou)
        per_class = {label: (curve * rng.uniform(0.6, 1.4)).tolist() for label in labels}
        _write(
            root / "scores" / f"{name}.json",
            {
                "tiou": tiou.tolist(),
                "mAP": curve.tolist(),
                "warnings": {},
                "average_mAP": float(curve.mean()),
                "ap": per_class,
            },
        )


def write_root(
    root: Path, make_video: Callable[..., Path], num_videos: int = 3, seconds: float = 8.0
) -> Path:
    """A complete folder of results in the layout of quickstart, with small real videos."""
    rng = np.random.default_rng(5)
    database = {f"video_{i:03d}": annotate(rng, seconds, LABELS) for i in range(num_videos)}
    for i, name in enumerate(database):
        make_video(
            root / "sample" / "videos" / f"{name}.mp4", num_frames=int(seconds * FPS), seed=i
        )
    other = {"training_video": {**annotate(rng, seconds, LABELS), "subset": "training"}}
    _write(
        root / "sample" / "annotations.json",
        {"version": "sample", "taxonomy": [], "database": database | other},
    )
    write_features(root / "features", database, rng, LABELS)
    write_training(root, rng, LABELS)
    write_results(root, database, rng, LABELS)
    Figure(figsize=(2, 1)).savefig(root / "preview.png")
    return root


@pytest.fixture(scope="session")
def make_results(
    make_video: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], Path]:
    """`make_results(folder)` gives a complete folder of results and returns it."""
    original = write_root(tmp_path_factory.mktemp("original") / "results", make_video)
    return lambda root: Path(shutil.copytree(original, root))


@pytest.fixture
def results_root(tmp_path: Path, make_results: Callable[[Path], Path]) -> Path:
    """A complete folder of results; each test gets its own and may break it."""
    return make_results(tmp_path / "results")
