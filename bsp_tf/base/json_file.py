"""JSON files: plain or gzipped when read, whole or not there when written.

Whether a file is gzipped is seen in its first bytes, not in its name. A byte order mark is
accepted.
"""

import json
import os
from typing import Any

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import Readable, read_input
from bsp_tf.base.remote_path import AnyPath


def read_json(path: str | os.PathLike | Readable) -> Any:
    """Reads a JSON file, gzipped or not.

    Raises:
        InputError: unreadable, broken gzip, no JSON, nested too deeply, larger than the memory, or
            a key twice in one object (a plain reader keeps only the last, which silently loses a
            video).
    """
    try:
        return parse_json(read_input(path), str(path))
    except MemoryError as error:
        raise InputError(
            f"{path} needs more memory than there is: use a machine with more, or a smaller file."
        ) from error


def parse_json(data: bytes, source: str, *, file_names: bool = False) -> Any:
    """A JSON text in any of its encodings, as bytes.

    Args:
        data: The text.
        source: What it is, for messages: a path, a line of a file.
        file_names: Whether it may hold half characters, as which Python keeps those bytes of file
            names that are not UTF-8.

    Raises:
        InputError: as `read_json`.
    """
    try:
        text = data.decode(json.detect_encoding(data))
        value = json.loads(text, object_pairs_hook=_unique_keys)
        if not file_names and ("\\ud" in text or "\\uD" in text):
            # Half of a pair of escapes is no character: it could be neither printed nor written.
            json.dumps(value, ensure_ascii=False).encode()
    except _DuplicateKey as error:
        raise InputError(
            f"{source} has the key {error.args[0]} twice in one object; keep one of the two."
        ) from error
    except RecursionError as error:
        raise InputError(f"{source} is nested too deeply; write it anew.") from error
    except UnicodeEncodeError as error:
        place = ascii(error.object[max(error.start - 60, 0) : error.end + 20])
        raise InputError(
            f"{source} holds half of a Unicode character in {place}; mend that place."
        ) from error
    except ValueError as error:
        raise InputError(
            f"{source} is not valid JSON ({error}). Write it anew or mend that place."
        ) from error
    return value


def read_json_object(path: str | os.PathLike | Readable, *keys: str) -> dict[str, Any]:
    """Reads a JSON file that holds an object with at least `keys`.

    Raises:
        InputError: as `read_json`, or the file holds something else or lacks a key.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError(
            f"{path} holds no JSON object, so it is not the file it should be. Check the path, or "
            "write it anew."
        )
    lacking = [key for key in keys if key not in value]
    if lacking:
        raise InputError(
            f"{path} lacks {', '.join(map(repr, lacking))}. Check that it is the right file, or "
            "write it anew."
        )
    return value


def write_json(path: AnyPath, value: Any) -> None:
    """Writes `value` as indented JSON, atomically; ValueError for NaN and infinity."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_write(path, "w") as file:
        file.write(text + "\n")


def show_value(value: Any) -> str:
    """A JSON value as messages show it: at most 40 characters, objects and lists by their size."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


class _DuplicateKey(Exception):
    """Carries the key out of the JSON parser."""


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKey(repr(key) if len(key) <= 100 else repr(key[:100]) + "...")
            seen.add(key)
    return result
