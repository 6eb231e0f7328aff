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
from zipfile import BadZipFile

import h5py
import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.features.store import (
    NOT_FINITE,
    UNREADABLE,
    WRONG_SHAPE,
    UnusableFeatures,
    read_missing,
)

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
        self._places: dict[str, tuple[Path | h5py.File | np.lib.npyio.NpzFile, str]] = {}
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
        where = f"{container}" if isinstance(container, Path) else f"{self.path}, {name!r}"
        try:
            array = _read(container, name)
        except (OSError, ValueError, EOFError, BadZipFile, KeyError) as error:
            raise UnusableFeatures(UNREADABLE, f"cannot read {where}: {error}") from error
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


def _find_arrays(path: Path) -> Iterator[tuple[str, tuple]]:
    """(video, (where to read it, name in there)) of a folder or a file."""
    if path.is_dir():
        for file in sorted(path.iterdir()):
            if file.suffix in SUFFIXES and not file.name.startswith("."):
                yield file.name.removesuffix(file.suffix), (file, "")
        return
    try:
        if path.suffix == ".npz":
            archive = np.load(path, allow_pickle=False)
        elif path.suffix in (".h5", ".hdf5"):
            archive = h5py.File(path, "r")
        else:
            raise InputError(
                f"{path} is no feature source: give a folder of {', '.join(SUFFIXES)} files, or "
                "one HDF5 "
                "or .npz file."
            )
    except (OSError, ValueError, BadZipFile) as error:
        raise InputError(f"cannot read {path}: {error}. Check the path.") from error
    # Read one by one later: opening an archive of 10,000 arrays again for each takes longer than
    # reading it.
    for name in archive.keys():
        yield name, (archive, name)


def _read(container: Path | h5py.File | np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    """One array; raises what the libraries raise, or ValueError with the reason."""
    if isinstance(container, h5py.File):
        return _one_data_set(container[name], name)
    if not isinstance(container, Path):
        return container[name]
    if container.suffix == ".npy":
        return np.load(container, allow_pickle=False)
    if container.suffix == ".npz":
        with np.load(container, allow_pickle=False) as arrays:
            return arrays[_one_name(arrays.files, container.stem)]
    if container.suffix == ".csv":
        return _read_csv(container)
    with h5py.File(container, "r") as file:
        return _one_data_set(file, container.stem)


def _one_data_set(node: h5py.Group | h5py.Dataset, preferred: str) -> np.ndarray:
    while isinstance(node, h5py.Group):
        node = node[_one_name(list(node.keys()), preferred)]
    return node[()]


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
