"""The grid: encoders, feature sets and runs of the localization head, as steps.

A row of the result tables is a set of features; seed k of a row uses seed k of each of its encoders
(and k + 100 where it needs a second one of a kind) and of the localization head.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.experiments.encoders import ENCODERS
from benchmarks.experiments.pixel_change import SPAN
from benchmarks.experiments.steps import Step
from bsp_tf.quickstart.stages import Stage

SECOND = 100  # added to the seed of the second encoder of a kind
AGAIN = 1000  # to that of the localization head in its second run on the same features

# Features that no encoder makes: the module that does, and its flags.
HANDMADE: dict[str, tuple[str, tuple[str, ...]]] = {
    "pixels": ("pixel_change", ()),
    "true cuts": ("true_joints", ("--kinds=cut,hard_cut",)),
    "true scene changes": ("true_joints", ("--kinds=hard_cut,cross_fade",)),
    "true joints": ("true_joints", ("--kinds=hard_cut,cross_fade,motion_change,motion_passage",)),
    "any joint": ("true_joints", ("--kinds=all",)),
    "true ends": ("true_joints", ("--by=place", "--kinds=action_start,action_end")),
}
# Row -> encoders, or HANDMADE, and what is added to the encoders' seed. Ceilings know the truth.
CEILINGS: dict[str, tuple[tuple[str, int], ...]] = {
    "action + true cuts": (("action", 0), ("true cuts", 0)),
    "action + any joint": (("action", 0), ("any joint", 0)),
    "action + true scene changes": (("action", 0), ("true scene changes", 0)),
    "action + true joints": (("action", 0), ("true joints", 0)),
    "action + true ends": (("action", 0), ("true ends", 0)),
}
ROWS: dict[str, tuple[tuple[str, int], ...]] = {
    "action": (("action", 0),),
    "action + action": (("action", 0), ("action", SECOND)),
    "action + boundary (paper)": (("action", 0), ("paper", 0)),
    "action + boundary (mild)": (("action", 0), ("mild", 0)),
    "boundary (paper)": (("paper", 0),),
    "action + random": (("action", 0), ("random", 0)),
    "action + pixel change": (("action", 0), ("pixels", 0)),
    "two heads (paper)": (("two heads", 0),),
    "distilled (paper)": (("distilled", 0),),
    **CEILINGS,
}


def file_name(name: str) -> str:
    """A name of an encoder or a row as a part of a path."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)


@dataclass(frozen=True)
class World:
    """The data that all cells share.

    Attributes:
        root: Folder of all outputs.
        configs: Folder of the configs.
        sample: Folder of annotations.json, videos/ and clips/{train,val}/.
        maker: The command that makes it.
        recipes: Its configs are RECIPES_action.py, RECIPES_boundary.py and RECIPES_gtad.py.
        stride: Frames from one snippet to the next.
        fps: Frames per second of all videos.
        record_flags: Of the conversion of the clips.
        encoder_flags: Of every pre-training.
        without_classes: Segments are scored without their classes.
    """

    root: Path
    configs: Path
    sample: Path
    maker: Stage
    recipes: str
    stride: int = 4
    fps: int = 25
    record_flags: tuple[str, ...] = ()
    encoder_flags: tuple[str, ...] = ()
    without_classes: bool = False

    @property
    def annotations(self) -> Path:
        """Of the untrimmed videos."""
        return self.sample / "annotations.json"

    def videos(self) -> Step:
        """Clips and videos."""
        return Step(self.maker)

    def records(self, split: str) -> Step:
        """The clips of a split as TFRecords."""
        output = self.root / "records" / split
        clips = self.sample / "clips" / split
        return self._step(
            "convert",
            [
                f"--input={clips}",
                f"--output={output}",
                "--workers=2",
                "--num_shards=8",
                *self.record_flags,
            ],
            output / "manifest.json",
            (self.videos(),),
        )

    def encoder(self, name: str, seed: int) -> Step:
        """Pre-training of one encoder."""
        encoder = ENCODERS[name]
        workdir, records = self._workdir(name, seed), self.root / "records"
        config = f"{self.recipes}_{encoder.stream}.py"
        arguments = [
            f"--config={self.configs / config}",
            f"--workdir={workdir}",
            f"--config.data.train_dir={records / 'train'}",
            f"--config.data.validation_dir={records / 'val'}",
            f"--config.seed={seed}",
            *self.encoder_flags,
            *encoder.overrides,
        ]
        needs = [self.records("train"), self.records("val")]
        if encoder.teacher:
            needs.append(self.encoder(encoder.teacher, seed))
            arguments.append(f"--config.distill.workdir={self._workdir(encoder.teacher, seed)}")
        output = workdir / "evaluation.json"
        return self._step("pretrain", arguments, output, tuple(needs), config)

    def model(self, name: str, seed: int) -> Step:
        """One encoder as a SavedModel."""
        model = self.root / "models" / f"{file_name(name)}_{seed}"
        workdir = self._workdir(name, seed)
        return self._step(
            "export",
            [f"--{ENCODERS[name].stream}_workdir={workdir}", f"--output={model}"],
            model / "saved_model.pb",
            (self.encoder(name, seed),),
        )

    def features(self, name: str, seed: int, subset: str | None = None) -> Step:
        """Snippet features of all videos, or of a subset, by one encoder or by hand."""
        if subset:
            videos, needs = self.root / "videos" / subset, [self.subset_videos(subset)]
            output = self.root / f"features_{subset}" / f"{file_name(name)}_{seed}"
        else:
            videos, needs = self.sample / "videos", []
            output = self.root / "features" / f"{file_name(name)}_{seed}"
        flags = [f"--videos={videos}", f"--output={output}", f"--stride={self.stride}"]
        if name in HANDMADE:
            module, more = HANDMADE[name]
            if module == "true_joints":
                flags.append(f"--annotations={self.annotations}")
            stage = Stage(
                str(output),
                f"benchmarks.experiments.{module}",
                (*flags, *more),
                output.with_suffix(".json"),
            )
            return Step(stage, (self.videos(), *needs))
        model = self.model(name, seed)
        flags += [
            f"--model={model.stage.output.parent}",
            f"--frame_step={ENCODERS[name].frame_step}",
            "--batch_size=64",
        ]
        return self._step("extract", flags, output / "metadata.json", (model, *needs))

    def subset_videos(self, subset: str) -> Step:
        """A folder of links to the videos of a subset."""
        output = self.root / "videos" / subset
        arguments = (
            f"--annotations={self.annotations}",
            f"--videos={self.sample / 'videos'}",
            f"--subset={subset}",
            f"--output={output}",
        )
        module = "benchmarks.experiments.subset_videos"
        return Step(Stage(str(output), module, arguments, output), (self.videos(),))

    def class_scores(self, seed: int) -> Step:
        """What classes each video shows: the same for all rows of a seed."""
        if self.without_classes:
            return Step(replace(self.maker, output=self.sample / "class_scores.json"))
        output = self.root / "class_scores" / f"{seed}.json"
        features = self.features("action", seed)
        arguments = (f"--features={features.stage.output.parent}", f"--output={output}")
        module = "benchmarks.experiments.class_scores"
        return Step(Stage(str(output), module, arguments, output), (features,))

    def localization(self, row: str, seed: int, again: int = 0) -> Step:
        """The localization head on the features of a row.

        `again`: number of the run on these features; each has a seed of its own.
        """
        parts = [self.features(name, seed + added) for name, added in ROWS[row]]
        folders = [
            self.root / "features" / f"{file_name(name)}_{seed + added}"
            for name, added in ROWS[row]
        ]
        streams = dict.fromkeys(
            ENCODERS[name].stream for name, _ in ROWS[row] if name not in HANDMADE
        )
        workdir, config = self._cell(row, seed, again), f"{self.recipes}_gtad.py"
        arguments = [
            f"--config={self.configs / config}",
            f"--workdir={workdir}",
            f"--config.features_dir={','.join(map(str, folders))}",
            f"--config.annotations={self.annotations}",
            f"--config.streams={','.join(streams)}",
            f"--config.seed={seed + AGAIN * again}",
        ]
        if any(name in HANDMADE for name, _ in ROWS[row]):
            arguments += [
                "--config.feature_layout=snippets",
                f"--config.feature_stride={self.stride}",
                f"--config.feature_window={SPAN}",
                f"--config.feature_fps={self.fps}.0",
            ]
        return self._step("train_gtad", arguments, workdir / "summary.json", tuple(parts), config)

    def scores(self, row: str, seed: int, subset: str, again: int = 0) -> Step:
        """Detections of a row on a subset, and their scores; `again` as in `localization`."""
        training = self.localization(row, seed, again)
        classes = self.class_scores(seed)
        output = self._cell(row, seed, again)
        detections = output / f"{subset}_detections.json"
        (features,) = (
            part.split("=", 1)[1]
            for part in training.stage.arguments
            if part.startswith("--config.features_dir=")
        )
        detect = self._step(
            "detect",
            [
                f"--workdir={output}",
                f"--features={features}",
                f"--annotations={self.annotations}",
                f"--subset={subset}",
                f"--class_scores={classes.stage.output}",
                f"--output={detections}",
            ],
            detections,
            (training, classes),
        )
        scores = output / f"{subset}_scores.json"
        return self._step(
            "evaluate",
            [
                f"--ground_truth={self.annotations}",
                f"--predictions={detections}",
                f"--subset={subset}",
                "--tiou=0.5:0.05:0.95",
                f"--output={scores}",
            ],
            scores,
            (detect,),
        )

    def detections(self, row: str, seed: int, subset: str) -> Path:
        """File of the detections of a row on a subset, by the first run of the head."""
        return self._cell(row, seed) / f"{subset}_detections.json"

    def _workdir(self, name: str, seed: int) -> Path:
        return self.root / "encoders" / f"{file_name(name)}_{seed}"

    def _cell(self, row: str, seed: int, again: int = 0) -> Path:
        name = f"{file_name(row)}_{seed}" + (f"_again_{again}" if again else "")
        return self.root / "localization" / name

    def _step(
        self,
        command: str,
        arguments: list[str],
        output: Path,
        needs: tuple[Step, ...] = (),
        config: str | None = None,
    ) -> Step:
        package = "tfrecords_tools" if command == "convert" else "bsp_tf"
        path = str(self.configs / config) if config else None
        stage = Stage(str(output), f"{package}.{command}", tuple(arguments), output, path)
        return Step(stage, needs)
