"""The encoders of the grid: what each is trained on, and how far apart its frames are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Encoder:
    """One kind of encoder.

    Attributes:
        stream: "action" or "boundary".
        overrides: Of the stream's config.
        frame_step: Frames from one frame of a snippet to the next, when features are extracted.
        teacher: Boundary encoder of the same seed that is distilled into it.
    """

    stream: str
    overrides: tuple[str, ...] = ()
    frame_step: int = 2
    teacher: str | None = None


# An untrained network whose BatchNorm has seen the clips.
UNTRAINED = (
    "--config.optimizer.learning_rate=1e-12",
    "--config.optimizer.warmup_steps=0",
    "--config.train.epochs=1",
    "--config.train.steps_per_epoch=40",
)
TYPES = (
    "--config.boundary.types=('diff_class','same_class','diff_speed','same_speed','diff_motion')"
)
# A batch holds all types in equal parts.
MOTION = (TYPES, "--config.boundary.strides=(-3,-1,0,1,3)", "--config.train.batch_size=30")
BY_COIN = "--config.boundary.transition=random"
FRAMES = "--config.boundary.place=frames"
# Snippets of 1.2 s instead of 0.6 s: a cycle of most motions on either side of the middle.
WIDE_STRIDES = "--config.boundary.strides=(2,6)"
WIDE_MOTION = (TYPES, "--config.boundary.strides=(-6,-2,0,2,6)", "--config.train.batch_size=30")
PATH = "--config.boundary.types=('diff_class','same_class','diff_path','same_speed')"
# Designs of the boundary task; "paper" is the paper's rule. A best one is chosen among them.
DESIGNS: dict[str, Encoder] = {
    "paper": Encoder("boundary"),
    "no twins": Encoder("boundary", ("--config.boundary.twins=False",)),
    "by coin": Encoder("boundary", (BY_COIN,)),
    "mild": Encoder("boundary", ("--config.boundary.strides=(1,2,3)",)),
    "motion": Encoder("boundary", MOTION),
    "path": Encoder("boundary", (PATH,)),
    "frames": Encoder("boundary", (FRAMES,)),
    "heatmap": Encoder("boundary", ("--config.boundary.place=heatmap",)),
    "all": Encoder("boundary", (*MOTION, BY_COIN, FRAMES)),
    "wide": Encoder("boundary", (WIDE_STRIDES,), 4),
    "wide path": Encoder("boundary", (PATH, WIDE_STRIDES), 4),
    "wide by coin": Encoder("boundary", (WIDE_STRIDES, BY_COIN), 4),
    "wide all": Encoder("boundary", (*WIDE_MOTION, BY_COIN, FRAMES), 4),
}
ENCODERS: dict[str, Encoder] = {
    "action": Encoder("action"),
    "wide action": Encoder("action", ("--config.data.frame_step=4",), 4),
    "random": Encoder("boundary", UNTRAINED),
    "two heads": Encoder("boundary", ("--config.boundary.class_weight=1",)),
    "distilled": Encoder("action", teacher="paper"),
    **DESIGNS,
}
