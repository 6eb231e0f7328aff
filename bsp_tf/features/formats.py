"""Feature arrays as other tools keep them, one array [T, C] per video: rows are time.

    folder of <id>.npy      OpenTAD, ActionFormer
    folder of <id>.npz      one array in each
    folder of <id>.h5       G-TAD; one data set in each
    folder of <id>.csv      BMN, mmaction2: one header row, commas
    one .h5 or .hdf5 file   G-TAD; one data set per video, or one group with one data set in it
    one .npz file           one array per video
    several, with a +       rgb_val.h5+rgb_test.h5: the videos of all

A file missing_files.txt beside the arrays may name videos that have none, one per line, without
prefix (OpenTAD). No TensorFlow.
"""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import h5py
import numpy as np

from bsp_tf.base.array_file import (
    MOST_EXPANSION,
    check_size,
    npz_names,
    open_npz,
    read_from_npz,
    read_npy,
)
from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError, cannot_read
from bsp_tf.base.input_file import refuse_special_file
from bsp_tf.features.store import (
    NOT_FINITE,
    UNREADABLE,
    WRONG_SHAPE,
    UnusableFeatures,
    read_missing,
)

# A group linked to itself has no end.
MOST_GROUPS = 8
SUFFIXES = (".npy", ".npz", ".h5", ".hdf5", ".csv")


class FeatureFiles:
    """The arrays of one source.

    Attributes:
        path: As given.
        video_ids: Names of all videos, as they are stored.
        missing: Names in missing_files.txt.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        """Looks for arrays.

        Raises:
            InputError: no such file or folder, no arrays in it, or two of the same name.
        """
        self.path = str(path)
        self._places: dict[str, tuple[Path | h5py.File | ZipFile, str]] = {}
        self.missing: set[str] = set()
        parts = [self.path] if os.path.exists(self.path) else self.path.split("+")
        for part in map(Path, parts):
            self.missing |= read_missing(part if part.is_dir() else part.parent)
            for name, place in _find_arrays(part):
                if name in self._places:
                    raise InputError(
                        f"{self.path} holds two arrays for video {name!r}: take one of them away."
                    )
                self._places[name] = place
        if not self._places:
            raise InputError(
                f"{self.path} holds no features: expected files {', '.join(SUFFIXES)}, one per "
                "video."
            )

    @property
    def video_ids(self) -> set[str]:
        """Names of all videos, as they are stored."""
        return set(self._places)

    def load(self, video_id: str) -> np.ndarray:
        """Reads the array of one video.

        Args:
            video_id: Out of `video_ids`.

        Returns:
            float32 [T, C], finite, neither size 0.

        Raises:
            UnusableFeatures: not readable, not two-dimensional, no numbers, or NaN or infinity.
        """
        container, name = self._places[video_id]
        where = str(container) if isinstance(container, Path) else f"{self.path}, {name!r}"
        try:
            with cannot_read(where):
                array = _read(container, name)
        except InputError as error:
            raise UnusableFeatures(UNREADABLE, str(error)) from error
        if array.ndim != 2 or not array.size or array.dtype.kind not in "fiu":
            raise UnusableFeatures(
                WRONG_SHAPE,
                f"{where} holds {array.dtype} of shape {list(array.shape)}, expected numbers [T, "
                "C]: rows are time, "
                "columns channels.",
            )
        # float64 beyond float32 becomes infinity, which is refused below.
        with np.errstate(over="ignore"):
            array = array.astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            raise UnusableFeatures(NOT_FINITE, f"{where} holds NaN or infinity.")
        return array


def write_data_set(path: str | os.PathLike, name: str, values: np.ndarray) -> None:
    """Writes an HDF5 file with one data set, atomically."""
    with atomic_write(path) as file, h5py.File(file, "w") as archive:
        archive.create_dataset(name, data=values)


def _find_arrays(path: Path) -> Iterator[tuple[str, tuple]]:
    """(video, (where to read it, name in there)) of a folder or a file."""
    if path.is_dir():
        for file in sorted(path.iterdir()):
            if file.suffix in SUFFIXES and not file.name.startswith("."):
                yield file.name.removesuffix(file.suffix), (file, "")
        return
    if path.suffix == ".npz":
        archive = open_npz(path)
        names = npz_names(archive)
    elif path.suffix in (".h5", ".hdf5"):
        refuse_special_file(path)
        with cannot_read(path):
            archive = h5py.File(path, "r")
            names = _names(archive)
    else:
        raise InputError(
            f"{path} is no feature source: give a folder of {', '.join(SUFFIXES)} files, or one "
            "HDF5 or .npz file."
        )
    # Read one by one later: opening an archive of 10,000 arrays again for each takes longer than
    # reading it.
    for name in names:
        yield name, (archive, name)


def _read(container: Path | h5py.File | ZipFile, name: str) -> np.ndarray:
    """One array; raises whatever the libraries raise."""
    if isinstance(container, h5py.File):
        return _one_data_set(_member(container, name), name)
    if isinstance(container, ZipFile):
        return read_from_npz(container, name)
    refuse_special_file(container)
    if container.suffix == ".npy":
        return read_npy(container)
    if container.suffix == ".npz":
        with open_npz(container) as archive:
            return read_from_npz(archive, _one_name(npz_names(archive), container.stem))
    if container.suffix == ".csv":
        return _read_csv(container)
    with h5py.File(container, "r") as file:
        return _one_data_set(file, container.stem)


def _one_data_set(node: h5py.Group | h5py.Dataset, preferred: str) -> np.ndarray:
    for _ in range(MOST_GROUPS):
        if isinstance(node, h5py.Dataset):
            return _read_data_set(node)
        node = _member(node, _one_name(_names(node), preferred))
    raise ValueError(f"it holds more than {MOST_GROUPS} groups, one in the other")


def _names(group: h5py.Group) -> list[str]:
    # h5py gives bytes for a name that is not UTF-8.
    return list(map(os.fsdecode, group.keys()))


def _member(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    stored = os.fsencode(name)
    if group.id.links.get_info(stored).type != h5py.h5l.TYPE_HARD:
        raise ValueError(f"{name!r} is a link, and only what lies in the file itself is read")
    return group[stored]


def _read_data_set(data: h5py.Dataset) -> np.ndarray:
    if data.external or data.is_virtual:
        raise ValueError("its data lie in another file, which is not read")
    if data.shape is None or data.dtype.hasobject:
        raise ValueError(f"it holds {data.dtype}, no numbers")
    check_size(data.shape, data.dtype.itemsize, data.id.get_storage_size() * MOST_EXPANSION)
    return data[()]


def _one_name(names: list[str], preferred: str) -> str:
    if preferred in names:
        return preferred
    if len(names) != 1:
        raise ValueError(
            f"it holds {len(names)} arrays ({', '.join(names[:3])}), expected one, or one called "
            f"{preferred!r}"
        )
    return names[0]


def _read_csv(path: Path) -> np.ndarray:
    with open(path, encoding="utf-8-sig") as file:
        header = file.readline()
        # NumPy warns of a file without rows, which its shape shows.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            rows = np.loadtxt(file, np.float32, delimiter=",", ndmin=2)
    cells = header.split(",")
    if _is_data(cells):
        raise ValueError(
            "its first row holds numbers, expected one header row with the channels' names"
        )
    if len(rows) and rows.shape[1] != len(cells):
        raise ValueError(f"its header row has {len(cells)} columns, the rows have {rows.shape[1]}")
    return rows


def _is_data(cells: list[str]) -> bool:
    """Whether a first row holds features: numbers that do not just count the columns."""
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return False
    return numbers != list(range(len(cells))) and numbers != list(range(1, len(cells) + 1))
