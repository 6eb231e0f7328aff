"""The encoders of the grid: streams, configs and what each changes in its config."""

# An untrained network whose BatchNorm has seen the clips.
UNTRAINED = (
    "--config.optimizer.learning_rate=1e-12",
    "--config.optimizer.warmup_steps=0",
    "--config.train.epochs=1",
    "--config.train.steps_per_epoch=40",
)
ALL_TYPES = (
    "--config.boundary.types=('diff_class','same_class','diff_speed','same_speed','diff_motion')"
)
TURNS = "--config.boundary.strides=(-3,-1,0,1,3)"
BY_COIN = "--config.boundary.transition=random"
# Designs of the boundary task -> overrides of the paper's rule. A best one is chosen among them.
DESIGNS: dict[str, tuple[str, ...]] = {
    "paper": (),
    "no twins": ("--config.boundary.twins=False",),
    "by coin": (BY_COIN,),
    "mild": ("--config.boundary.strides=(1,2,3)",),
    "motion": (ALL_TYPES, TURNS),
    "frames": ("--config.boundary.place=frames",),
    "heatmap": ("--config.boundary.place=heatmap",),
    "all": (ALL_TYPES, TURNS, BY_COIN, "--config.boundary.place=frames"),
}
# Encoder -> stream, config, overrides.
ENCODERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "action": ("action", "hard_action.py", ()),
    "random": ("boundary", "hard_boundary.py", UNTRAINED),
    **{name: ("boundary", "hard_boundary.py", changes) for name, changes in DESIGNS.items()},
}
