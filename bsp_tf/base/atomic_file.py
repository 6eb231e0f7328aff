"""Files that are either whole or not there: write to a temporary neighbour, then rename."""

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from bsp_tf.base.errors import InputError

# The disk's fault; any other OSError inside the block may come from what the block reads.
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike, mode: str = "wb") -> Iterator[IO]:
    """Opens a temporary file beside `path` and renames it to `path` when the block ends without an
    error.

    Parent folders are made. If the block raises, or the process is killed, `path` is as it was
    before.

    Args:
        path: Final name of the file.
        mode: "wb" or "w" (UTF-8, newlines as written).

    Raises:
        InputError: the file cannot be written there: no folder, no rights, a folder of that name,
            disk full.
    """
    path = Path(path)
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        descriptor, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=".partial"
        )
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        with os.fdopen(descriptor, mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; a result should have the rights of any new file.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in _DISK_ERRORS:
            raise _cannot_write(path, error) from error
        raise
    finally:
        # Gone already if it has become `path`.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def make_folder(path: str | os.PathLike) -> None:
    """Makes a folder and its parents; one that is there already is fine.

    Raises:
        InputError: it cannot be made (a file of that name, no rights).
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the folder {path}: {error.strerror}. Choose another output path."
        ) from error


def _cannot_write(path: Path, error: OSError) -> InputError:
    return InputError(
        f"cannot write {path}: {error.strerror}. Choose another output path, or free space there."
    )


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Writes `value` as indented JSON, atomically. NaN and infinity are refused (ValueError): JSON
    has none.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_write(path, "w") as file:
        file.write(text + "\n")


def read_json_object(path: str | os.PathLike, *keys: str) -> dict[str, Any]:
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
            "write it "
            "anew."
        )
    return value


def read_json(path: str | os.PathLike) -> Any:
    """Reads a JSON file.

    Raises:
        InputError: the file is missing, not readable or no JSON; the message names it.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}. Check the path.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is not valid JSON ({error}). Write it anew or mend that place."
        ) from error
