"""The same arrays in every form in which other tools keep them, and what goes wrong with them."""

import os
import socket
from pathlib import Path
from zipfile import ZipFile

import h5py
import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.features.formats import FeatureFiles
from bsp_tf.features.store import NOT_FINITE, UNREADABLE, WRONG_SHAPE, UnusableFeatures

ARRAYS = {
    f"v_{i}": np.random.default_rng(i).standard_normal((3 + i, 4)).astype(np.float32)
    for i in range(3)
}


def write_csv(path, array, header="f0,f1,f2,f3"):
    rows = [",".join(map(repr, map(float, row))) for row in array]
    path.write_text("\n".join([header, *rows]) + "\n")


def write_hdf5(path, arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def write_folder(folder, form):
    folder.mkdir()
    for name, array in ARRAYS.items():
        path = folder / f"{name}.{form}"
        if form == "npy":
            np.save(path, array)
        elif form == "npz":
            np.savez(path, feats=array)
        elif form == "csv":
            write_csv(path, array)
        else:
            write_hdf5(path, {name: array})
    return folder


def make(tmp_path, form):
    if form == "one_npz":
        np.savez(tmp_path / "all.npz", **ARRAYS)
        return tmp_path / "all.npz"
    if form == "one_hdf5":
        return write_hdf5(tmp_path / "all.hdf5", ARRAYS)
    if form == "groups":
        return write_hdf5(
            tmp_path / "all.h5", {f"{name}/c3d_features": array for name, array in ARRAYS.items()}
        )
    if form == "two_files":
        one = write_hdf5(tmp_path / "val.h5", {"v_0": ARRAYS["v_0"]})
        two = write_hdf5(tmp_path / "test.h5", {name: ARRAYS[name] for name in ("v_1", "v_2")})
        return f"{one}+{two}"
    return write_folder(tmp_path / "arrays", form)


@pytest.mark.parametrize(
    "form", ["npy", "npz", "h5", "hdf5", "csv", "one_npz", "one_hdf5", "groups", "two_files"]
)
def test_every_form_gives_the_same_numbers(tmp_path, form):
    files = FeatureFiles(make(tmp_path, form))
    assert files.video_ids == set(ARRAYS) and files.missing == set()
    for name, array in ARRAYS.items():
        found = files.load(name)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32, np.uint8])
def test_other_kinds_of_numbers(tmp_path, dtype):
    np.save(tmp_path / "a.npy", np.full((2, 3), 7, dtype))
    found = FeatureFiles(tmp_path).load("a")
    assert found.dtype == np.float32 and (found == 7).all()


@pytest.mark.parametrize(
    ("array", "kind", "fault"),
    [
        (np.full((2, 3), np.nan), NOT_FINITE, "NaN"),
        (np.full((2, 3), 1e300), NOT_FINITE, "NaN"),
        (
            np.zeros((1, 3, 4)),
            WRONG_SHAPE,
            r"float64 .*\[1, 3, 4\].*\[T, C\]",
        ),
        (np.zeros(3), WRONG_SHAPE, r"\[3\]"),
        (np.zeros((0, 3)), WRONG_SHAPE, r"\[0, 3\]"),
        (np.zeros((2, 3), complex), WRONG_SHAPE, "complex128"),
        (np.array([["a"]]), WRONG_SHAPE, "<U1"),
        (np.array([[{}]], object), UNREADABLE, "a.npy"),
    ],
)
def test_arrays_that_are_no_features(tmp_path, array, kind, fault):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(UnusableFeatures, match=fault) as caught:
        FeatureFiles(tmp_path).load("a")
    assert caught.value.kind == kind and str(tmp_path / "a.npy") in str(caught.value)


def test_names_in_hdf5_that_are_not_utf8(tmp_path):
    with h5py.File(tmp_path / "all.h5", "w") as file:
        for name in (b"v_0", b"v_\xff"):
            file.create_dataset(name, data=ARRAYS["v_0"])
        nested = file.create_group(b"v_2")
        for name in (b"rgb", b"\xfe"):
            nested.create_dataset(name, data=ARRAYS["v_0"])
    files = FeatureFiles(tmp_path / "all.h5")
    assert sorted(files.video_ids) == ["v_0", "v_2", "v_\udcff"]
    for name in ("v_0", "v_\udcff"):
        np.testing.assert_array_equal(files.load(name), ARRAYS["v_0"])
    with pytest.raises(UnusableFeatures, match="2 arrays"):
        files.load("v_2")


@pytest.mark.parametrize("form", ["npy", "npz", "h5", "csv"])
@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
def test_damaged_files_are_named(tmp_path, form, damage):
    folder = write_folder(tmp_path / "arrays", form)
    path = folder / f"v_1.{form}"
    content = {"cut": path.read_bytes()[:40], "empty": b"", "text": b"\xff\xfewords\nwords"}[damage]
    path.write_bytes(content)
    files = FeatureFiles(folder)
    with pytest.raises(UnusableFeatures, match="v_1"):
        files.load("v_1")
    np.testing.assert_array_equal(files.load("v_2"), ARRAYS["v_2"])


def test_the_header_row_of_a_csv(tmp_path):
    array = ARRAYS["v_0"]
    for header in ("0,1,2,3", "1,2,3,4", "\ufeffa,b,c,d"):
        write_csv(tmp_path / "a.csv", array, header)
        np.testing.assert_array_equal(FeatureFiles(tmp_path).load("a"), array)
    write_csv(tmp_path / "a.csv", array[1:], "0.5,0.25,-1.0,2.0")
    with pytest.raises(UnusableFeatures, match="first row"):
        FeatureFiles(tmp_path).load("a")


def test_files_with_several_arrays(tmp_path):
    np.savez(tmp_path / "v_a.npz", v_a=ARRAYS["v_0"], mask=np.zeros(3))
    np.savez(tmp_path / "v_b.npz", rgb=ARRAYS["v_0"], flow=ARRAYS["v_0"])
    write_hdf5(tmp_path / "v_c.h5", {"x/rgb": ARRAYS["v_0"], "x/flow": ARRAYS["v_0"]})
    files = FeatureFiles(tmp_path)
    np.testing.assert_array_equal(files.load("v_a"), ARRAYS["v_0"])
    for name in ("v_b", "v_c"):
        with pytest.raises(UnusableFeatures, match=f"2 arrays.*'{name}'"):
            files.load(name)


def test_sources_that_are_none(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.h5").write_text("no HDF5")
    (tmp_path / "bad.npz").write_text("no zip")
    (tmp_path / "notes.txt").write_text("notes")
    for name, fault in [
        ("empty", "empty .*.npy"),
        ("bad.h5", "bad.h5"),
        ("bad.npz", "bad.npz"),
        ("notes.txt", "notes.txt"),
        ("never.h5", "never.h5"),
        ("never", "/never"),
    ]:
        with pytest.raises(InputError, match=fault):
            FeatureFiles(tmp_path / name)
    one = write_hdf5(tmp_path / "one.h5", {"v_0": ARRAYS["v_0"]})
    with pytest.raises(InputError, match=r"one\.h5.*'v_0'"):
        FeatureFiles(f"{one}+{one}")


def test_missing_files_are_read_beside_folders_and_files(tmp_path):
    (tmp_path / "missing_files.txt").write_text("a\n\n b \n")
    np.save(tmp_path / "v_x.npy", ARRAYS["v_0"])
    assert FeatureFiles(tmp_path).missing == {"a", "b"}
    assert FeatureFiles(write_hdf5(tmp_path / "all.h5", ARRAYS)).missing == {"a", "b"}


def as_pipe(path):
    os.mkfifo(path)


def as_folder(path):
    path.mkdir()


def as_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def as_device(path):
    path.symlink_to("/dev/zero")


@pytest.mark.usefixtures("no_hang")
@pytest.mark.parametrize("make_special", [as_pipe, as_folder, as_socket, as_device])
@pytest.mark.parametrize("form", ["npy", "npz", "h5", "csv"])
def test_what_is_no_file_is_refused_at_once(tmp_path, monkeypatch, make_special, form):
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "good.npy", ARRAYS["v_0"])
    make_special(Path(f"x.{form}"))
    files = FeatureFiles(tmp_path)
    with pytest.raises(UnusableFeatures, match=f"x.{form}") as caught:
        files.load("x")
    assert caught.value.kind == UNREADABLE
    np.testing.assert_array_equal(files.load("good"), ARRAYS["v_0"])
    if form in ("npz", "h5") and make_special != as_folder:
        with pytest.raises(InputError, match=f"x.{form}"):
            FeatureFiles(tmp_path / f"x.{form}")


def claiming_npy(file):
    """A header of 1e12 rows and 16 bytes of data."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 400)}
    np.lib.format.write_array_header_1_0(file, header)
    file.write(bytes(16))


def write_linked(path, kind):
    with h5py.File(path, "w") as file:
        if kind == "itself":
            file["a"] = file["/"]
        elif kind == "circle":
            file["a/b"] = ARRAYS["v_0"]
            del file["a/b"]
            file["a/c/d"] = file["a"]
        elif kind == "soft":
            file["a"] = h5py.SoftLink("/b/c")
        elif kind == "link":
            file["a"] = h5py.ExternalLink("good.h5", "v_0")
        elif kind == "bytes":
            file.create_dataset("a", (3, 4), "f4", external=[("secret", 0, 48)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((3, 4), "f4")
            layout[:] = h5py.VirtualSource("good.h5", "v_0", (3, 4))
            file.create_virtual_dataset("a", layout)
        elif kind == "claim":
            file.create_dataset("a", (10**12, 400), "f4")
        elif kind == "chunks":
            file.create_dataset("a", (10**12, 400), "f4", chunks=(1000, 400), compression="gzip")
        elif kind == "objects":
            file.create_dataset("a", (3,), h5py.string_dtype())
        elif kind == "nothing":
            file["a"] = h5py.Empty("f4")


@pytest.mark.usefixtures("no_hang")
@pytest.mark.parametrize(
    "kind",
    "itself circle soft link bytes virtual claim chunks objects nothing".split(),
)
def test_hdf5_that_leads_elsewhere_or_nowhere(tmp_path, kind):
    write_hdf5(tmp_path / "good.h5", {"v_0": ARRAYS["v_0"]})
    (tmp_path / "secret").write_bytes(bytes(range(48)))
    write_linked(tmp_path / "x.h5", kind)
    for files, name in ((FeatureFiles(tmp_path), "x"), (FeatureFiles(tmp_path / "x.h5"), "a")):
        with pytest.raises(UnusableFeatures, match=r"x\.h5") as caught:
            files.load(name)
        assert caught.value.kind == UNREADABLE
    np.testing.assert_array_equal(FeatureFiles(tmp_path).load("good"), ARRAYS["v_0"])


def test_headers_that_claim_more_than_there_is(tmp_path):
    with open(tmp_path / "x.npy", "wb") as file:
        claiming_npy(file)
    with ZipFile(tmp_path / "y.npz", "w") as archive, archive.open("a.npy", "w") as file:
        claiming_npy(file)
    for name in ("x", "y"):
        with pytest.raises(UnusableFeatures, match=rf"{name}\.np.*1000000000000"):
            FeatureFiles(tmp_path).load(name)


def test_compressed_arrays_that_are_all_the_same(tmp_path):
    array = np.zeros((3000, 40), np.float32)
    np.savez_compressed(tmp_path / "a.npz", array)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("b", data=array, compression="gzip", compression_opts=9)
    for name in ("a", "b"):
        np.testing.assert_array_equal(FeatureFiles(tmp_path).load(name), array)


@pytest.mark.usefixtures("no_hang")
@pytest.mark.parametrize("form", ["npy", "npz", "zipped", "h5", "gzipped", "csv"])
def test_changed_bytes_never_raise_anything_else(tmp_path, form):
    array = np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32)
    path = tmp_path / f"x.{ {'zipped': 'npz', 'gzipped': 'h5'}.get(form, form) }"
    if form == "npy":
        np.save(path, array)
    elif form == "csv":
        write_csv(path, array, ",".join("abcdefgh"))
    elif form in ("npz", "zipped"):
        (np.savez if form == "npz" else np.savez_compressed)(path, x=array)
    else:
        with h5py.File(path, "w") as file:
            options = {"compression": "gzip", "shuffle": True} if form == "gzipped" else {}
            file.create_dataset("g/x", data=array, **options)
    content, rng = path.read_bytes(), np.random.default_rng(1)
    refused = 0
    for _ in range(400):
        changed = bytearray(content)
        for at in rng.integers(0, len(changed), rng.integers(1, 6)):
            changed[at] = rng.integers(256)
        path.write_bytes(
            changed[: rng.integers(1, len(changed) + 1) if rng.random() < 0.2 else None]
        )
        try:
            FeatureFiles(tmp_path).load("x")
        except UnusableFeatures as error:
            assert "x." in str(error) and "\n" not in str(error)
            refused += 1
    assert refused > 40
