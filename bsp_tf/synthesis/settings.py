"""Config values of a synthesized boundary sample (`boundary.*`), checked. No TensorFlow."""

import dataclasses

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.synthesis.boundary_types import (
    BY_NAME,
    PAPER_TYPES,
    TRANSITIONS,
    BoundaryType,
    Change,
)

CURVES = ("linear", "cosine")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a synthesized sample may look like.

    Lengths and positions are in output frames, strides in source frames. The last fields came
    later; without them a config means their defaults.

    Attributes:
        num_frames: frames per sample.
        position_min, position_max: the boundary lies between frames b-1 and b, b uniform in this
            range.
        transition: a rule of TRANSITIONS; which types are blended is in the rows of TABLE. By
            "random" a coin decides for each joined sample.
        transition_min, transition_max: blended frames, uniform in this range.
        curve: "linear" or "cosine" weight of the second clip over a transition.
        strides: speeds; negative ones play backwards, 0 holds a frame. A type that changes its
            stride draws an ordered pair of two, every other type one.
        types: names of the types in use, by id.
        twins: whether joined types share the frames of their common clip; see `deals.py`.
        patch_share: how often a sample of another type shows a patch, too, that moves steadily,
            where a type moves one.
    """

    num_frames: int
    position_min: int
    position_max: int
    transition: str
    transition_min: int
    transition_max: int
    curve: str
    strides: tuple[int, ...]
    types: tuple[str, ...] = PAPER_TYPES
    twins: bool = True
    patch_share: float = 0.5

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
        values = {name: config.boundary[name] for name in names if name in config.boundary}
        values |= {name: tuple(values[name]) for name in ("strides", "types") if name in values}
        settings = cls(num_frames=config.data.num_frames, **values)
        settings.check()
        return settings

    def check(self) -> None:
        """Raises InputError unless every combination of the settings makes a whole sample."""

        def require(condition: bool, text: str) -> None:
            if not condition:
                raise InputError(f"config: {text}")

        require(
            len(set(self.types)) == len(self.types) >= 2 and set(self.types) <= set(BY_NAME),
            f"boundary.types={self.types}: choose two or more different ones of "
            f"{', '.join(BY_NAME)}.",
        )
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
            not any(self.transition in row.blended_by for row in self.rows)
            or half <= self.position_min
            and self.position_max + half <= self.num_frames,
            f"a transition of {self.transition_max} frames (boundary.transition_max) around "
            f"positions {self.position_min}..{self.position_max} leaves the {self.num_frames} "
            "frames of a sample; shorten it or move boundary.position_min/position_max to the "
            "middle.",
        )
        require(
            len(self.strides) > 0
            and all(isinstance(stride, int) for stride in self.strides)
            and len(set(self.strides)) == len(self.strides),
            f"boundary.strides={self.strides} must be different whole numbers.",
        )
        require(
            0 <= self.patch_share <= 1,
            f"boundary.patch_share={self.patch_share} must be in 0..1.",
        )
        for row in self.rows:
            if row.change is not None:
                require(
                    self.stride_pairs(row).size > 0,
                    f"boundary.strides={self.strides} lacks what {row.name} needs: "
                    f"{row.change.value}.",
                )

    @property
    def rows(self) -> tuple[BoundaryType, ...]:
        """The types in use, by id."""
        return tuple(BY_NAME[name] for name in self.types)

    @property
    def has_patches(self) -> bool:
        """Whether a type in use moves a patch."""
        return any(row.moves_patch for row in self.rows)

    @property
    def window(self) -> int:
        """Source frames that hold any sample; a shorter clip would end in a frozen picture."""
        return (self.num_frames - 1) * max(map(abs, self.strides)) + 1

    def stride_pairs(self, row: BoundaryType) -> np.ndarray:
        """The strides before and after that a type chooses from, all with the same probability.

        All types take them from `strides`, and each pair is there in both orders. So a pause or a
        clip that plays backwards tells nothing as long as one does not compare both sides. (Beside
        diff_motion a pause still says that it is not diff_speed; and so does playing backwards,
        unless the strides are there with both signs.)

        >>> from configs.base import get_config
        >>> config = get_config()
        >>> config.boundary.strides = (1, -1)
        >>> settings = Settings.from_config(config)
        >>> [settings.stride_pairs(BY_NAME[name]).reshape(-1, 2).tolist()
        ...  for name in ("diff_speed", "same_speed")]
        [[[1, -1], [-1, 1]], [[1, 1], [-1, -1]]]

        Returns:
            int32 [R, C, 2]; a seed draws one of R and one of C.
        """
        strides = np.array(self.strides, np.int32)
        if row.change is None:
            return np.repeat(strides, 2).reshape(-1, 1, 2)
        # Before: each. After: the next, the one after it and so on, round to the first.
        before, further = np.ogrid[: len(strides), 1 : len(strides)]
        after = (before + further) % len(strides)
        pairs = strides[np.stack(np.broadcast_arrays(before, after), axis=-1)]
        is_other_sign = np.diff(np.sign(pairs))[..., 0] != 0
        if row.change is Change.SIGN:
            wanted = is_other_sign
        else:
            wanted = ~(is_other_sign & any(other.change is Change.SIGN for other in self.rows))
        return pairs if wanted.all() else pairs[wanted][:, np.newaxis]
