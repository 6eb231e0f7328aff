"""NumPy's files, .npy and .npz, of any origin: first their headers, then their data.

A header can claim any size; it is held against the bytes that are there before memory is asked for.
Nothing is unpickled. Whatever goes wrong with a file is one InputError that names it.
"""

import math
import os
import zipfile
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from bsp_tf.base.errors import cannot_read
from bsp_tf.base.input_file import open_input, refuse_special_file

# The most bytes that one byte of a deflated file can stand for.
MOST_EXPANSION = 1032
# Version 3 is for names of columns that are not ASCII; an array has no columns with names.
_READ_HEADER: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npy(path: str | os.PathLike) -> np.ndarray:
    """The array of a .npy file; InputError if it cannot be read."""
    with cannot_read(path), open_input(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        return _read_array(file, size)


def read_npz(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """All arrays of a .npz file by name; InputError if one cannot be read."""
    with open_npz(path) as archive:
        return {name: read_from_npz(archive, name) for name in npz_names(archive)}


def open_npz(path: str | os.PathLike) -> zipfile.ZipFile:
    """Opens a .npz file, to read one array after the other; InputError if it is none."""
    refuse_special_file(path)
    with cannot_read(path):
        return zipfile.ZipFile(path)


def npz_names(archive: zipfile.ZipFile) -> list[str]:
    """Names of its arrays."""
    return [name.removesuffix(".npy") for name in archive.namelist()]


def read_from_npz(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """One array out of `npz_names`; InputError if it cannot be read."""
    with cannot_read(f"{archive.filename}, {name!r}"):
        info = archive.getinfo(f"{name}.npy" if f"{name}.npy" in archive.NameToInfo else name)
        check_size((info.file_size,), 1, info.compress_size * MOST_EXPANSION)
        with archive.open(info) as file:
            return _read_array(file, info.file_size)


def check_size(shape: Sequence[int], itemsize: int, most: int) -> None:
    """Raises ValueError if an array of this shape has more than `most` bytes."""
    if min(shape, default=0) < 0 or math.prod(shape) * itemsize > most:
        raise ValueError(
            f"its header claims {list(shape)} values of {itemsize} bytes, more than the file holds"
        )


def _read_array(file: IO[bytes], size: int) -> np.ndarray:
    """An array out of a file of `size` bytes; raises whatever NumPy raises."""
    version = np.lib.format.read_magic(file)
    if version not in _READ_HEADER:
        raise ValueError(f"version {version[0]}.{version[1]} of NumPy's format is not known")
    shape, _, dtype = _READ_HEADER[version](file)
    check_size(shape, dtype.itemsize, size - file.tell())
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)
