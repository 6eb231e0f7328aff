"""Reads the JSON files that scorers are given: large, often gzipped, sometimes broken."""

import gzip
import json
import os
import zlib
from pathlib import Path
from typing import Any

from bsp_tf.base.errors import InputError


def read_json_document(path: str | os.PathLike) -> Any:
    """A JSON file, gzipped or not.

    Raises:
        InputError: unreadable, broken gzip, no JSON, nested without end, or a key twice in one
            object (a plain reader keeps only the last, which silently loses a video).
    """
    try:
        data = Path(path).read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        return json.loads(data, object_pairs_hook=_unique_keys)
    except _DuplicateKey as error:
        raise InputError(
            f"{path} has the key {error.args[0]!r} twice in one object; keep one of the two."
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}. Check the path, or "
            "make "
            "the file anew if it is cut off."
        ) from error
    except RecursionError as error:
        raise InputError(
            f"{path} is nested too deeply to be a scoring file; write it anew."
        ) from error
    except ValueError as error:
        raise InputError(
            f"{path} is not valid JSON ({error}). Write it anew or mend that place."
        ) from error


class _DuplicateKey(Exception):
    """Carries the key out of the JSON parser."""


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKey(key)
            seen.add(key)
    return result
