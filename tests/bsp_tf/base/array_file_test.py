"""NumPy's files: read as NumPy reads them, and damage in one line."""

import numpy as np
import pytest

from bsp_tf.base.array_file import read_npy, read_npz
from bsp_tf.base.errors import InputError

ARRAYS = {
    "floats": np.arange(6, dtype=np.float32).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "empty": np.zeros((0, 4)),
    "number": np.array(1.5),
    "words": np.array(["a", "bc"]),
}


def test_the_same_as_numpy(tmp_path):
    np.savez(tmp_path / "x.npz", **ARRAYS)
    found = read_npz(tmp_path / "x.npz")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.save(tmp_path / "x.npy", array)
        for read in (read_npy(tmp_path / "x.npy"), found[name]):
            assert read.dtype == array.dtype and read.shape == array.shape
            np.testing.assert_array_equal(read, array)
            assert read.flags.writeable


def test_objects_and_other_files_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], object), allow_pickle=True)
    np.savez(tmp_path / "y.npz", np.array([{}], object), allow_pickle=True)
    (tmp_path / "z.npy").write_bytes((tmp_path / "y.npz").read_bytes())
    (tmp_path / "z.npz").write_bytes((tmp_path / "x.npy").read_bytes())
    for name in ("x.npy", "z.npy", "none.npy"):
        with pytest.raises(InputError, match=name):
            read_npy(tmp_path / name)
    for name in ("y.npz", "z.npz", "none.npz"):
        with pytest.raises(InputError, match=name):
            read_npz(tmp_path / name)
