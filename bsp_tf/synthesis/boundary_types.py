"""The boundary types: one table, from which labels, samples, scores and pictures follow.

Xu et al., "Boundary-sensitive Pre-training", Section 3, gives the four types. Samples are made in
*quads*: four clips, two of a class A and two of another class B, give one sample of each type. A
row says which of these clips a sample shows before and after the boundary, how its joint may look
and what happens to the speed; `frame_plan.py` makes the samples from the rows. The position of a
row is the type's id, the class index of the boundary task. No TensorFlow.

Trap: where only diff_class is blended (the paper's rule), blend or cut alone separates it from
same_class, and where both are cut nothing but the content does, which small models hardly learn.
"""

import dataclasses
import enum
from collections.abc import Callable
from typing import NamedTuple

# The coins that are tossed for a quad; each combination is one deal (`frame_plan.deal_roles`).
COINS = ("class_a", "common", "guest", "side", "speed")


class QuadClip(enum.Enum):
    """A clip of a quad by its role: (whether of class A, the coin that picks it, its negation)."""

    COMMON = (True, "common", False)
    PARTNER = (True, "common", True)  # the other clip of A
    GUEST = (False, "guest", False)
    FIRST = (False, "speed", False)
    SECOND = (False, "speed", True)  # the other clip of B

    @property
    def is_of_class_a(self) -> bool:
        """Whether the clip is one of the two of class A."""
        return self.value[0]


@dataclasses.dataclass(frozen=True)
class BoundaryType:
    """One row of the table.

    Attributes:
        name: label of the type, as it stands in files.
        pair: key of PAIRS; types of one pair differ in one thing only and are scored apart from
            the others.
        clips: before and after the boundary. Of two different clips a coin swaps the sides, for all
            types of a quad alike.
        blended_by: the rules (`boundary.transition`) by which the joint is a smooth transition; a
            cut otherwise.
        changes_speed: whether the frame stride is another one after the boundary.
        caption: what is shown, in two short lines.
        color: of the type in every figure, "#rrggbb".
    """

    name: str
    pair: str
    clips: tuple[QuadClip, QuadClip]
    blended_by: tuple[str, ...]
    changes_speed: bool
    caption: str
    color: str

    @property
    def is_joined(self) -> bool:
        """Whether two different clips meet."""
        return self.clips[0] is not self.clips[1]

    @property
    def joins_classes(self) -> bool:
        """Whether the two clips are of different classes."""
        return self.clips[0].is_of_class_a != self.clips[1].is_of_class_a

    @property
    def has_boundary(self) -> bool:
        """Whether anything changes inside the sample."""
        return self.is_joined or self.changes_speed


class Transition(NamedTuple):
    """How a rule of blending is called: above a small figure, and in full."""

    title: str
    description: str


# Pair -> what its samples are made of.
PAIRS = {
    "joined": "two clips put together",
    "speed": "one clip with or without a change of speed",
}
# Rules of blending (`boundary.transition`).
PAPER_TRANSITION = "diff_class"
TRANSITIONS = {
    PAPER_TRANSITION: Transition("diff-class blended", "diff-class blended (the paper)"),
    "both": Transition("both blended", "both joined types blended"),
    "none": Transition("all cut", "nothing blended, all cut"),
}

# Joined types are warm, speed types cool: the pairs are told apart at a glance, also by
# colour-blind readers.
TABLE = (
    BoundaryType(
        name="diff_class",
        pair="joined",
        clips=(QuadClip.COMMON, QuadClip.GUEST),
        blended_by=(PAPER_TRANSITION, "both"),
        changes_speed=False,
        caption="two clips of\ndifferent classes",
        color="#c4512d",
    ),
    BoundaryType(
        name="same_class",
        pair="joined",
        clips=(QuadClip.COMMON, QuadClip.PARTNER),
        blended_by=("both",),
        changes_speed=False,
        caption="two clips of\none class",
        color="#e3a02f",
    ),
    BoundaryType(
        name="diff_speed",
        pair="speed",
        clips=(QuadClip.FIRST, QuadClip.FIRST),
        blended_by=(),
        changes_speed=True,
        caption="one clip, its speed\nchanges",
        color="#1f6fb2",
    ),
    BoundaryType(
        name="same_speed",
        pair="speed",
        clips=(QuadClip.SECOND, QuadClip.SECOND),
        blended_by=(),
        changes_speed=False,
        caption="one clip, as it is",
        color="#6fb1dc",
    ),
)


def ids(condition: Callable[[BoundaryType], bool]) -> tuple[int, ...]:
    """Ids of the types that meet a condition, ascending.

    >>> ids(lambda row: row.is_joined)
    (0, 1)
    """
    return tuple(i for i, row in enumerate(TABLE) if condition(row))


def pair_title(pair: str) -> str:
    """How tables and figures call a pair: "joined pair", or "... types" if it has more than two."""
    size = sum(row.pair == pair for row in TABLE)
    return f"{pair} pair" if size == 2 else f"{pair} types"


BOUNDARY_TYPES = tuple(row.name for row in TABLE)
NUM_TYPES = len(TABLE)
# Accuracy of guessing: every type is equally frequent.
CHANCE = 1 / NUM_TYPES
COLORS = {row.name: row.color for row in TABLE}
PAIR_IDS = {pair: tuple(i for i, row in enumerate(TABLE) if row.pair == pair) for pair in PAIRS}
BLENDED_TYPES = {
    rule: tuple(i for i, row in enumerate(TABLE) if rule in row.blended_by) for rule in TRANSITIONS
}
# The one type without a boundary, against which the others are noticed.
(NO_BOUNDARY_TYPE,) = (row.name for row in TABLE if not row.has_boundary)
