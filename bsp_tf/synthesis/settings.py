"""Config values of a synthesized boundary sample (`boundary.*`), checked. No TensorFlow."""

import dataclasses

from bsp_tf.base.errors import InputError
from bsp_tf.synthesis.boundary_types import BLENDED_TYPES, TRANSITIONS

CURVES = ("linear", "cosine")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a synthesized sample may look like.

    Lengths and positions are in output frames, strides in source frames.

    Attributes:
        num_frames: frames per sample.
        position_min, position_max: the boundary lies between frames b-1 and b, b uniform in this
            range.
        transition: a rule of TRANSITIONS; which types are blended is in the rows of TABLE.
        transition_min, transition_max: blended frames, uniform in this range.
        curve: "linear" or "cosine" weight of the second clip over a transition.
        strides: speeds; a type that changes its speed draws an ordered pair of two, every other
            type one.
    """

    num_frames: int
    position_min: int
    position_max: int
    transition: str
    transition_min: int
    transition_max: int
    curve: str
    strides: tuple[int, ...]

    @classmethod
    def from_config(cls, config) -> "Settings":
        """Takes `data.num_frames` and `boundary.*` from an ml_collections.ConfigDict, checked.

        >>> from configs.base import get_config
        >>> settings = Settings.from_config(get_config())
        >>> settings.num_frames, settings.transition, settings.strides
        (8, 'diff_class', (1, 4))
        >>> settings.window  # (8 - 1) * 4 + 1 source frames
        29

        Raises:
            InputError: a value that no sample can satisfy; the message names the field.
        """
        names = [field.name for field in dataclasses.fields(cls)][1:]
        values = {name: getattr(config.boundary, name) for name in names}
        values["strides"] = tuple(values["strides"])
        settings = cls(num_frames=config.data.num_frames, **values)
        settings.check()
        return settings

    def check(self) -> None:
        """Raises InputError unless every combination of the settings makes a whole sample."""

        def require(condition: bool, text: str) -> None:
            if not condition:
                raise InputError(f"config: {text}")

        require(
            self.transition in TRANSITIONS,
            f"boundary.transition={self.transition!r}: choose one of {', '.join(TRANSITIONS)}.",
        )
        require(
            self.curve in CURVES,
            f"boundary.curve={self.curve!r}: choose one of {', '.join(CURVES)}.",
        )
        require(
            1 <= self.position_min <= self.position_max <= self.num_frames - 1,
            f"boundary.position_min={self.position_min} and position_max={self.position_max} must "
            f"satisfy 1 <= min <= max <= {self.num_frames - 1} (a frame on each side).",
        )
        require(
            1 <= self.transition_min <= self.transition_max,
            f"boundary.transition_min={self.transition_min} and "
            f"transition_max={self.transition_max} must satisfy 1 <= min <= max.",
        )
        half = (self.transition_max + 1) // 2
        require(
            not BLENDED_TYPES[self.transition]
            or half <= self.position_min
            and self.position_max + half <= self.num_frames,
            f"a transition of {self.transition_max} frames (boundary.transition_max) around "
            f"positions {self.position_min}..{self.position_max} leaves the {self.num_frames} "
            "frames of a sample; shorten it or move boundary.position_min/position_max to the "
            "middle.",
        )
        require(
            all(isinstance(stride, int) and stride >= 1 for stride in self.strides)
            and len(set(self.strides)) == len(self.strides) >= 2,
            f"boundary.strides={self.strides} must be two or more different whole numbers of at "
            "least 1 frame.",
        )

    @property
    def window(self) -> int:
        """Source frames of the fastest sample; a shorter clip would end in a frozen picture."""
        return (self.num_frames - 1) * max(self.strides) + 1
