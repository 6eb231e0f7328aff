"""The stages of the quickstart: their commands, outputs and configs."""

import dataclasses
import hashlib
from pathlib import Path

import bsp_tf

# The best epochs are chosen on validation videos, the results are those of other videos.
REPORTED_SUBSET = "testing"
# Module -> seconds of one such stage of the quickstart on 2 cores with AVX-512.
USUAL_SECONDS = {
    "tfrecords_tools.make_sample": 50,
    "tfrecords_tools.convert": 4,
    "bsp_tf.preview": 9,
    "bsp_tf.pretrain": 140,
    "bsp_tf.export": 7,
    "bsp_tf.extract": 70,
    "bsp_tf.train_head": 28,
    "bsp_tf.detect": 6,
    "bsp_tf.evaluate": 1,
    "bsp_tf.report": 8,
}


@dataclasses.dataclass(frozen=True)
class Stage:
    """One command of the data flow.

    Attributes:
        name: Unique name, also the heading that is printed.
        module: Python module that is run with `python -m`.
        arguments: Its flags.
        output: A file or folder that exists once the stage has ended well.
        config: Config file that the command reads, or None.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    output: Path
    config: str | None = None

    @property
    def usual_seconds(self) -> float:
        """What it takes on the machine of the documentation; 0 for other commands."""
        return USUAL_SECONDS.get(self.module, 0)

    def fingerprint(self) -> str:
        """SHA-256 of the command line and of the config's text: if equal, the result is reused."""
        digest = hashlib.sha256("\0".join((self.module, *self.arguments)).encode())
        if self.config:
            digest.update(Path(self.config).read_bytes())
        return digest.hexdigest()


def shipped_config(name: str) -> str:
    """Path of a config that comes with the project, relative if it lies under the working folder.

    A checkout and an installation both have `configs` beside `bsp_tf`. It is not looked for by its
    name as a package: the working folder may hold another one.
    """
    path = Path(bsp_tf.__file__).resolve().parents[1] / "configs" / name
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def plan_stages(
    root: Path, action_config: str, boundary_config: str, localization_config: str, workers: int
) -> list[Stage]:
    """The stages in the order of the data flow.

    Args:
        root: Folder of all outputs.
        action_config, boundary_config, localization_config: Paths of the training configs.
        workers: Processes for rendering and conversion.
    """
    return [
        *_data_stages(root, workers),
        *_feature_stages(root, action_config, boundary_config),
        *_localization_stages(root, localization_config, "action", "action"),
        *_localization_stages(root, localization_config, "two_stream", "action,boundary"),
        Stage(
            "report",
            "bsp_tf.report",
            (
                f"--root={root}",
                f"--output={root / 'report'}",
                f"--subset={REPORTED_SUBSET}",
            ),
            root / "report" / "index.html",
        ),
    ]


def _data_stages(root: Path, workers: int) -> list[Stage]:
    """Videos, and clips as TFRecords."""
    sample, records = root / "sample", root / "records"
    return [
        Stage(
            "sample data",
            "tfrecords_tools.make_sample",
            (f"--output={sample}", f"--workers={workers}"),
            sample / "annotations.json",
        ),
        *(
            Stage(
                f"convert {split}",
                "tfrecords_tools.convert",
                (
                    f"--input={sample / 'clips' / split}",
                    f"--output={records / split}",
                    f"--workers={workers}",
                    "--num_shards=8",
                ),
                records / split / "manifest.json",
            )
            for split in ("train", "val")
        ),
    ]


def _feature_stages(root: Path, action_config: str, boundary_config: str) -> list[Stage]:
    """Both streams from clips, and their features of the untrimmed videos."""
    records, pretrain, model = root / "records", root / "pretrain", root / "two_stream"
    record_flags = (
        f"--config.data.train_dir={records / 'train'}",
        f"--config.data.validation_dir={records / 'val'}",
    )
    return [
        Stage(
            "preview",
            "bsp_tf.preview",
            (f"--config={boundary_config}", *record_flags, f"--output={root / 'preview.png'}"),
            root / "preview.png",
            boundary_config,
        ),
        *(
            Stage(
                f"pre-train {task}",
                "bsp_tf.pretrain",
                (f"--config={config}", f"--workdir={pretrain / task}", *record_flags),
                pretrain / task / "evaluation.json",
                config,
            )
            for task, config in (("action", action_config), ("boundary", boundary_config))
        ),
        Stage(
            "export",
            "bsp_tf.export",
            (
                f"--action_workdir={pretrain / 'action'}",
                f"--boundary_workdir={pretrain / 'boundary'}",
                f"--output={model}",
            ),
            model / "saved_model.pb",
        ),
        Stage(
            "extract",
            "bsp_tf.extract",
            (
                f"--model={model}",
                f"--videos={root / 'sample' / 'videos'}",
                f"--output={root / 'features'}",
                "--frame_step=2",
                "--stride=4",
            ),
            root / "features" / "metadata.json",
        ),
    ]


def _localization_stages(
    root: Path, localization_config: str, name: str, streams: str
) -> list[Stage]:
    """A head on some of the streams: training, detections, scores."""
    features, annotations = root / "features", root / "sample" / "annotations.json"
    workdir = root / "gtad" / name
    detections = root / "detections" / f"{name}.json"
    scores = root / "scores" / f"{name}.json"
    return [
        Stage(
            f"train head {name}",
            "bsp_tf.train_head",
            (
                f"--config={localization_config}",
                f"--workdir={workdir}",
                f"--config.features_dir={features}",
                f"--config.annotations={annotations}",
                f"--config.streams={streams}",
            ),
            workdir / "summary.json",
            localization_config,
        ),
        Stage(
            f"detect {name}",
            "bsp_tf.detect",
            (
                f"--workdir={workdir}",
                f"--features={features}",
                f"--annotations={annotations}",
                f"--subset={REPORTED_SUBSET}",
                f"--output={detections}",
            ),
            detections,
        ),
        Stage(
            f"score {name}",
            "bsp_tf.evaluate",
            (
                f"--ground_truth={annotations}",
                f"--predictions={detections}",
                f"--subset={REPORTED_SUBSET}",
                "--tiou=0.5:0.05:0.95",
                f"--output={scores}",
            ),
            scores,
        ),
    ]
