"""How the four clips of a quad are dealt to the types in use, and which types are twins.

A transition needs its frames twice. To pay for that, the joined types are *twins*: all show one
clip on the same side of the boundary, from the same frame on, at the same speed, cropped and
mirrored alike, so that each of its frames is decoded once. Twins differ only in what the boundary
joins to that clip. With `boundary.twins` False the types still have that clip in common, but each
draws its own frames, speed, crop and mirroring.
"""

import functools
import itertools

import numpy as np
import tensorflow as tf

from bsp_tf.synthesis.boundary_types import BY_NAME, COINS, BoundaryType, QuadClip
from bsp_tf.synthesis.settings import Settings


def deal_roles(seed: tf.Tensor, settings: Settings) -> tf.Tensor:
    """Deals the four clips of a quad to the types: which clip is before, which after.

    Clips 0 and 1 are of one class, 2 and 3 of another. The classes, the clips and their order are
    random, but joined types have their common clip on the same side.

    >>> from configs.base import get_config
    >>> settings = Settings.from_config(get_config())
    >>> deal_roles((0, 0), settings).numpy().tolist()  # the joined types end with clip 1
    [[3, 1], [0, 1], [2, 2], [3, 3]]

    Args:
        seed: integer [2].
        settings: with the K types in use.
    Returns:
        int32 [K, 2], clip of each type's two parts, in the order of the ids; the two entries of a
        type that is made of one clip are equal.
    """
    deals = _all_deals(settings.types)
    return tf.constant(deals)[tf.random.stateless_uniform([], seed, 0, len(deals), tf.int32)]


def first_twins(settings: Settings) -> tuple[int, ...]:
    """For each type in use the id of the first of its twins; its own if it has none.

    Twins join the same clip of a quad to another at one speed. A sample has the frames, the crop
    and the mirroring of its first twin.
    """

    def first(own: int) -> int:
        twins = (i for i in range(own) if _are_twins(settings.rows[i], settings.rows[own]))
        return next(twins, own) if settings.twins else own

    return tuple(first(own) for own in range(len(settings.types)))


def _are_twins(one: BoundaryType, other: BoundaryType) -> bool:
    return one.clips[0] is other.clips[0] and all(
        row.is_joined and row.change is None for row in (one, other)
    )


@functools.cache
def _all_deals(types: tuple[str, ...]) -> np.ndarray:
    """int32 [2^coins, K, 2]: what `deal_roles` chooses from."""

    def number(clip: QuadClip, toss: dict[str, int]) -> int:
        of_class_a, coin, negated = clip.value
        first_class = toss["class_a"] if of_class_a else 1 - toss["class_a"]
        return 2 * first_class + (toss[coin] ^ negated)

    tosses = [
        dict(zip(COINS, sides, strict=True))
        for sides in itertools.product((0, 1), repeat=len(COINS))
    ]
    deals = [
        [
            [number(clip, toss) for clip in BY_NAME[name].clips[:: -1 if toss["side"] else 1]]
            for name in types
        ]
        for toss in tosses
    ]
    return np.array(deals, np.int32)
