"""Ids of videos as different files spell them."""

from collections.abc import Iterable, Mapping
from typing import Any


def match_id(video_id: str, known: Mapping[str, Any] | set[str]) -> str | None:
    """`video_id` as `known` spells it: with or without ActivityNet's prefix "v_"; None if it is not
    there.
    """
    return next(
        (
            name
            for name in (video_id, "v_" + video_id, video_id.removeprefix("v_"))
            if name in known
        ),
        None,
    )


def respelled(names: Iterable[str], known: Mapping[str, Any] | set[str]) -> dict[str, str]:
    """Each name -> as `known` spells it, see `match_id`.

    Names that it does not have stay, and so do those that would become another of the names.

    >>> respelled(["v_a", "b", "v_b", "c"], {"a", "b"})
    {'v_a': 'a', 'b': 'b', 'v_b': 'v_b', 'c': 'c'}
    """
    names = list(names)
    there = set(names)
    found = {name: match_id(name, known) or name for name in names}
    return {name: name if other in there else other for name, other in found.items()}
