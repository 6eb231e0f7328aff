"""The boundary types: one table, from which labels, samples, scores and pictures follow.

Xu et al., "Boundary-sensitive Pre-training", Section 3, gives the first four types; the others are
ours, and off unless `boundary.types` names them. The position of a type in that list is its id, the
class index of the boundary task. Samples are made in *quads*: four clips, two of a class A and two
of another class B, give one sample of each type in use. A row says which of these clips a sample
shows before and after the boundary, how its joint may look and what happens to the stride;
`deals.py` and `frame_plan.py` make the samples from the rows. No TensorFlow.

Trap: where only diff_class is blended (the paper's rule), blend or cut alone separates it from
same_class, and where both are cut nothing but the content does, which small models hardly learn.
"""

import dataclasses
import enum
from collections.abc import Callable, Sequence
from typing import NamedTuple

# The coins that are tossed for a quad; each combination is one deal (`deals.deal_roles`).
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


class Change(enum.Enum):
    """Which pairs of strides a type shows, before and after the boundary.

    Those of different sign are of SIGN, if a type in use has it; all others are of ANY.
    """

    ANY = "two different strides, of one sign where diff_motion has the others"
    SIGN = "two strides of different sign (the clip turns round), or a 0 (it pauses)"


@dataclasses.dataclass(frozen=True)
class BoundaryType:
    """One row of the table.

    Attributes:
        name: label of the type, as it stands in files.
        pair: key of PAIRS; types of one pair differ in one thing only and are scored apart from
            the others.
        clips: before and after the boundary. Of two different clips a coin swaps the sides, for all
            types of a quad alike.
        blended_by: the rules (`boundary.transition`) by which the joint is, or may be, a smooth
            transition; a cut otherwise.
        change: how the frame stride changes at the boundary; None: it stays.
        moves_patch: whether a pasted patch changes its motion at the boundary (`patch_paths.py`).
        caption: what is shown, in two short lines.
        color: of the type in every figure, "#rrggbb".
    """

    name: str
    pair: str
    clips: tuple[QuadClip, QuadClip]
    blended_by: tuple[str, ...]
    change: Change | None
    caption: str
    color: str
    moves_patch: bool = False

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
        return self.is_joined or self.change is not None or self.moves_patch


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
RANDOM_TRANSITION = "random"
TRANSITIONS = {
    PAPER_TRANSITION: Transition("diff-class blended", "diff-class blended (the paper)"),
    "both": Transition("both blended", "both joined types blended"),
    "none": Transition("all cut", "nothing blended, all cut"),
    RANDOM_TRANSITION: Transition("blended by coin", "each joint blended or cut by coin"),
}

# Joined types are warm, speed types cool: the pairs are told apart at a glance, also by
# colour-blind readers.
TABLE = (
    BoundaryType(
        name="diff_class",
        pair="joined",
        clips=(QuadClip.COMMON, QuadClip.GUEST),
        blended_by=(PAPER_TRANSITION, "both", RANDOM_TRANSITION),
        change=None,
        caption="two clips of\ndifferent classes",
        color="#c4512d",
    ),
    BoundaryType(
        name="same_class",
        pair="joined",
        clips=(QuadClip.COMMON, QuadClip.PARTNER),
        blended_by=("both", RANDOM_TRANSITION),
        change=None,
        caption="two clips of\none class",
        color="#e3a02f",
    ),
    BoundaryType(
        name="diff_speed",
        pair="speed",
        clips=(QuadClip.FIRST, QuadClip.FIRST),
        blended_by=(),
        change=Change.ANY,
        caption="one clip, its speed\nchanges",
        color="#1f6fb2",
    ),
    BoundaryType(
        name="same_speed",
        pair="speed",
        clips=(QuadClip.SECOND, QuadClip.SECOND),
        blended_by=(),
        change=None,
        caption="one clip, as it is",
        color="#6fb1dc",
    ),
    BoundaryType(
        name="diff_motion",
        pair="speed",
        clips=(QuadClip.PARTNER, QuadClip.PARTNER),
        blended_by=(),
        change=Change.SIGN,
        caption="one clip, turns\nround or pauses",
        color="#4b3f9e",
    ),
    BoundaryType(
        name="diff_path",
        pair="speed",
        clips=(QuadClip.SECOND, QuadClip.SECOND),
        blended_by=(),
        change=None,
        caption="one clip, a patch\nmoves otherwise",
        color="#2f8f7a",
        moves_patch=True,
    ),
)
BY_NAME = {row.name: row for row in TABLE}
BOUNDARY_TYPES = tuple(BY_NAME)
PAPER_TYPES = BOUNDARY_TYPES[:4]
COLORS = {row.name: row.color for row in TABLE}
# The one type without a boundary, against which the others are noticed.
(NO_BOUNDARY_TYPE,) = (row.name for row in TABLE if not row.has_boundary)


def ids(types: Sequence[str], condition: Callable[[BoundaryType], bool]) -> tuple[int, ...]:
    """Ids of those of the types in use that meet a condition, ascending.

    >>> ids(PAPER_TYPES, lambda row: row.is_joined)
    (0, 1)
    """
    return tuple(i for i, name in enumerate(types) if condition(BY_NAME[name]))


def pair_ids(types: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Pair -> ids of its types, for the pairs of which a type is in use.

    >>> pair_ids(("diff_class", "diff_speed", "same_speed"))
    {'joined': (0,), 'speed': (1, 2)}
    """
    found: dict[str, tuple[int, ...]] = {pair: () for pair in PAIRS}
    for i, name in enumerate(types):
        found[BY_NAME[name].pair] += (i,)
    return {pair: members for pair, members in found.items() if members}


def pair_title(pair: str, types: Sequence[str]) -> str:
    """How tables and figures call a pair: "joined pair"; "... types" if it is not two.

    >>> pair_title("speed", PAPER_TYPES), pair_title("speed", BOUNDARY_TYPES)
    ('speed pair', 'speed types')
    """
    size = len(pair_ids(types)[pair])
    return f"{pair} pair" if size == 2 else f"{pair} types"
