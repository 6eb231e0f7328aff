"""What an output was made with: whose it is, whether it can be reused, and what is different now.

Every command that finds its output there already asks here. A folder that a run fills bit by bit
is claimed with a settings file (`claim`) before the first result; a JSON output that is written at
the end carries its settings inside (`finished_output`). In both cases an output of other settings
is never added to or replaced: `refuse_other_settings` says what is different.
"""

import contextlib
import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import read_as_it_is, refuse_special_file
from bsp_tf.base.json_file import read_json, read_json_object, write_json
from bsp_tf.base.remote_path import AnyPath, FileFacts, UrlPath, UserPath, given_path, is_url
from bsp_tf.base.servers.ranges import read_ranges


def differences(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    *,
    fields: Collection[str] | None = None,
    absent_is_none: bool = False,
    later: Mapping[str, Any] = MappingProxyType({}),
) -> list[str]:
    """Says which settings are different, one "name was X, is now Y" each, in the order of names.

    Args:
        then, now: JSON values by name; groups are compared field by field, named "group.field".
        fields: Names to compare; default: all of both sides.
        absent_is_none: Whether a field that one side lacks counts as None there: older outputs lack
            the settings that came later, and most of those are off when they are None.
        later: Names that came later -> the value that an output without them was made with.

    >>> differences({"data": {"stride": 8}, "seed": 0}, {"data": {"stride": 4}, "seed": 0})
    ['data.stride was 8, is now 4']
    >>> differences({}, {"seed": 0, "labels": None}, absent_is_none=True)
    ['seed was None, is now 0']
    >>> differences({"model": {}}, {"model": {"kind": "a"}}, later={"model.kind": "a"})
    []
    """
    sides = [
        _flatten({name: side[name] for name in side if fields is None or name in fields})
        for side in (then, now)
    ]
    absent = None if absent_is_none else _ABSENT
    pairs = [
        (name, *(side.get(name, later.get(name, absent)) for side in sides))
        for name in sorted(sides[0].keys() | sides[1].keys())
    ]
    return [
        f"{name} was {before!r}, is now {after!r}"
        for name, before, after in pairs
        if before != after or isinstance(before, bool) != isinstance(after, bool)
    ]


def refuse_other_settings(
    output: AnyPath, differing: Sequence[str], flag: str = "--output"
) -> None:
    """Refuses an output that was made with other settings.

    Args:
        output: The file or folder that is there.
        differing: From `differences`, and whatever else the caller found.
        flag: The flag that names the output.

    Raises:
        InputError: anything is different; the message says what.
    """
    if differing:
        raise InputError(
            f"{output} was made with other settings ({'; '.join(differing)}): give another {flag}, "
            "or delete it."
        )


def claim(
    path: AnyPath,
    settings: Mapping[str, Any],
    *,
    flag: str = "--output",
    later: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Makes a folder the output of these settings: writes its settings file, or checks the old one.

    Args:
        path: The settings file, a JSON object.
        settings: JSON values; the whole content of the file.
        flag: The flag that names the output.
        later: See `differences`.

    Raises:
        InputError: the file holds other settings, or cannot be read or written.
    """
    if not check_claim(path, settings, flag=flag, later=later):
        write_json(path, settings)


def check_claim(
    path: AnyPath,
    settings: Mapping[str, Any],
    *,
    flag: str = "--output",
    later: Mapping[str, Any] = MappingProxyType({}),
) -> bool:
    """As `claim`, but writes nothing; returns whether the folder is claimed already."""
    where = given_path(path)
    if not where.is_file():
        return False
    found = read_json_object(where)
    differing = differences(found, settings, later=later)
    refuse_other_settings(where.parent, differing, flag)
    return True


def finished_output(
    path: AnyPath,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
    later: Collection[str] = (),
) -> dict[str, Any] | None:
    """Content of a JSON output whose "external_data" holds these "settings" and "inputs".

    Args:
        path: The output.
        settings: What the user asked for; JSON values.
        inputs: Digests of what the command reads.
        later: Names of inputs that an output of before may lack.

    Returns:
        The content; None if there is no such file, or its inputs have changed since (make it anew).

    Raises:
        InputError: the file was made with other settings (the message says which) or by another
            program.
    """
    where = given_path(path)
    if not (where.is_file() if isinstance(where, UrlPath) else where.exists()):
        return None
    found = read_json(where)
    external = found.get("external_data") if isinstance(found, dict) else None
    external = external if isinstance(external, dict) else {}
    old = external.get("settings")
    if not isinstance(old, dict):
        raise InputError(
            f"{path} exists and was not written by this command: give another --output."
        )
    refuse_other_settings(path, differences(old, settings, fields=settings, absent_is_none=True))
    then = external.get("inputs")
    then = then if isinstance(then, dict) else {}
    same = all(
        then.get(name, value if name in later else None) == value for name, value in inputs.items()
    )
    return found if same else None


def digest_files(paths: Iterable[str | os.PathLike]) -> str:
    """SHA-256 (hex) over the contents of files, in the given order.

    Raises:
        InputError: a file cannot be read; the message names it.
    """
    digest = hashlib.sha256()
    for path in paths:
        try:
            data = read_as_it_is(path)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}. Check the path.") from error
        # The length keeps ("ab", "c") apart from ("a", "bc").
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def fingerprint(path: AnyPath) -> dict[str, Any]:
    """What tells a file from another one in its place: JSON values, see `is_unchanged`.

    Raises:
        InputError: the file cannot be read.
    """
    where = given_path(path)
    about = _facts(where)
    starts = [
        0,
        max((about.st_size - _SAMPLE_BYTES) // 2, 0),
        max(about.st_size - _SAMPLE_BYTES, 0),
    ]
    if isinstance(where, UrlPath):
        ends = [min(start + _SAMPLE_BYTES, about.st_size) for start in starts]
        samples = read_ranges([where] * 3, starts, ends) if about.st_size else []
    else:
        refuse_special_file(str(where))
        with _check_the_path(where), open(str(where), "rb") as file:
            samples = [os.pread(file.fileno(), _SAMPLE_BYTES, start) for start in starts]
    return {
        "num_bytes": about.st_size,
        "modified_ns": about.st_mtime_ns,
        "sampled_sha256": hashlib.sha256(b"".join(samples)).hexdigest(),
    }


def _facts(path: UserPath) -> FileFacts:
    with _check_the_path(path):
        about = path.stat()
        return FileFacts(about.st_size, about.st_mtime_ns)


@contextlib.contextmanager
def _check_the_path(path: UserPath) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}. Check the path.") from error


def is_unchanged(path: AnyPath, then: Mapping[str, Any]) -> bool:
    """Whether a file is still the one of a `fingerprint`: a copy of it is, another time or not.

    Where size and time are the same the file is not read: there may be a million of them.

    Raises:
        InputError: the file cannot be read.
    """
    about = _facts(given_path(path))
    if (about.st_size, about.st_mtime_ns) == (then.get("num_bytes"), then.get("modified_ns")):
        return True
    now = fingerprint(path)
    return all(now[name] == then.get(name) for name in ("num_bytes", "sampled_sha256"))


def digest_fingerprints(paths: Iterable[str | os.PathLike]) -> str:
    """SHA-256 (hex) over names and fingerprints, times as well: any doubt changes it.

    Of a file that cannot be read the name alone counts: whoever uses it says what is wrong with it.
    """
    digest = hashlib.sha256()
    for path in paths:
        try:
            found = fingerprint(path)
        except InputError:
            found = None
        digest.update(repr((os.path.basename(path), found)).encode())
    return digest.hexdigest()


def refuse_output_inside(output: AnyPath, folder: AnyPath) -> None:
    """Refuses an output among its own input, where the next run would take it for input.

    Raises:
        InputError: `output` is `folder` or lies below it.
    """
    if is_url(output) or is_url(folder):
        inside = f"{output}/".startswith(f"{str(folder).rstrip('/')}/")
    else:
        inside = Path(str(output)).resolve().is_relative_to(Path(str(folder)).resolve())
    if inside:
        raise InputError(
            f"--output={output} lies in the input folder {folder}, where the next run would take "
            "it for input: give a folder outside."
        )


class _Absent:
    def __repr__(self) -> str:
        return "absent"


_ABSENT = _Absent()
# At the begin, in the middle and at the end of a file.
_SAMPLE_BYTES = 4096


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            # JSON has no tuples.
            flat[prefix + name] = list(value) if isinstance(value, tuple) else value
    return flat
