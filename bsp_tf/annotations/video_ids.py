"""Ids of videos as different files spell them."""

from collections.abc import Mapping
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
