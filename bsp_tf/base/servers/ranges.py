"""Parts of files on servers, many at once."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from bsp_tf.base.errors import InputError, cannot_read
from bsp_tf.base.remote_path import UrlPath
from bsp_tf.base.servers import failures, object_store


def read_ranges(
    paths: Sequence[UrlPath], starts: Sequence[int], ends: Sequence[int]
) -> list[bytes | memoryview]:
    """Parts of files, asked for all at once; those that fail for the moment are asked for again.

    Args:
        paths: Files of one server, one for each part; the same may stand there several times.
        starts, ends: First byte of each part, and the first behind it.

    Raises:
        InputError: a part that does not come, or is shorter or longer than asked for.
    """
    parts: list[Any] = [None] * len(paths)
    missing = list(range(len(paths)))
    for attempt in range(failures.ATTEMPTS):
        if attempt:
            failures.pause(attempt, len(missing))
        first = paths[missing[0]]
        advice = functools.partial(failures.advice, first.scheme)
        with cannot_read(str(first), advice):
            found = _method_for(first)(
                [paths[k].place for k in missing],
                [int(starts[k]) for k in missing],
                [int(ends[k]) for k in missing],
            )
        for k, part in zip(missing, found, strict=True):
            parts[k] = part
        missing = [k for k in missing if isinstance(parts[k], Exception)]
        if not missing or any(failures.is_final(parts[k]) for k in missing):
            break
    for path, part, start, end in zip(paths, parts, starts, ends, strict=True):
        with cannot_read(str(path), advice):
            if isinstance(part, Exception):
                raise part
        if len(part) != end - start:
            raise InputError(
                f"cannot read {path}: asked for {end - start} bytes, got {len(part)}: the file was "
                "replaced by a shorter one, or the server does not send parts of files."
            )
    return parts


def _method_for(path: UrlPath) -> Callable[..., list[Any]]:
    if path.scheme == "s3" and object_store.is_usable():
        return functools.partial(object_store.cat_ranges, path.files)
    return functools.partial(path.files.cat_ranges, on_error="return")
