"""Reading PyTorch files: what is in them, and one clear line for whatever is not a checkpoint."""

import io
import json
import pickle
import random
import struct
import sys
import zipfile

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.torch_import.files import read_state_dict

torch = pytest.importorskip("torch", reason="PyTorch is an extra")


@pytest.fixture
def state() -> dict:
    return {
        "conv1.weight": torch.arange(24.0).reshape(2, 3, 2, 2),
        "fc.bias": torch.tensor([1.5, 2.0]).half(),
        "bn1.num_batches_tracked": torch.tensor(7),
    }


@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_state_dict_alone_or_in_a_checkpoint_in_both_file_formats(
    tmp_path, state, wrapped, new_format
):
    content = {
        "epoch": 50,
        "arch": "resnet50",
        "state_dict": state,
        "optimizer": {"state": {}},
        "best_prec1": 71.2,
    }
    torch.save(
        content if wrapped else state,
        tmp_path / "w.pth.tar",
        _use_new_zipfile_serialization=new_format,
    )
    found = read_state_dict(tmp_path / "w.pth.tar")
    assert list(found) == list(state)
    np.testing.assert_array_equal(
        found["conv1.weight"], np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
    )
    assert found["fc.bias"].dtype == np.float32 and found["bn1.num_batches_tracked"] == 7


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_code_in_a_file_is_not_run(tmp_path, state):
    torch.save({"state_dict": state, "extra": Evil(tmp_path / "written")}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="w.pth .*[. ]open "):
        read_state_dict(tmp_path / "w.pth")
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(Evil(tmp_path / "written")))
    with pytest.raises(InputError, match="w.pkl"):
        read_state_dict(tmp_path / "w.pkl")
    assert not (tmp_path / "written").exists()


def write_zip(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "no weights here")


def write_safetensors(path):
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "w.pth: No such file"),
        (lambda path: path.mkdir(), "w.pth: .*folder"),
        (lambda path: path.write_bytes(b""), r"w.pth .*torch\.save"),
        (lambda path: path.write_text("weights: none\n"), r"w.pth .*torch\.save"),
        (
            lambda path: path.write_bytes(pickle.dumps([1, 2], protocol=4)),
            r"w.pth .*torch\.save",
        ),
        (write_zip, r"w.pth .*torch\.save"),
        (write_safetensors, r"w.pth .*torch\.save"),
        (lambda path: torch.save(torch.zeros(3), path), "a Tensor"),
        (lambda path: torch.save([], path), "a list"),
        (lambda path: torch.save({}, path), "dict of 0"),
        (lambda path: torch.save({"epoch": 3, "net": {}}, path), "'epoch' .* int"),
        (lambda path: torch.save({1: torch.zeros(1)}, path), "'1'"),
        (lambda path: torch.save({"a": torch.zeros(2).to_sparse()}, path), "'a'"),
        (
            lambda path: torch.save({"a": torch.zeros(2, dtype=torch.complex64)}, path),
            "'a'",
        ),
        (lambda path: torch.save({"a": torch.zeros(2, device="meta")}, path), "'a'"),
        (
            lambda path: torch.save({"a": torch.tensor([1.0, float("nan")])}, path),
            "'a' .*NaN",
        ),
    ],
)
def test_what_is_no_checkpoint(tmp_path, write, message):
    write(tmp_path / "w.pth")
    with pytest.raises(InputError, match=message) as error:
        read_state_dict(tmp_path / "w.pth")
    assert "w.pth" in str(error.value) and "\n" not in str(error.value)


def test_damaged_files_are_refused_or_read_but_never_raise_anything_else(tmp_path, state):
    rng, refused = random.Random(0), 0
    for number in range(200):
        buffer = io.BytesIO()
        torch.save(state, buffer, _use_new_zipfile_serialization=bool(number % 2))
        data = bytearray(buffer.getvalue())
        if number % 3:
            for _ in range(rng.choice((1, 5, 30))):
                data[rng.randrange(len(data))] = rng.randrange(256)
        else:
            data = data[: rng.randrange(len(data))]
        (tmp_path / "w.pth").write_bytes(data)
        try:
            read_state_dict(tmp_path / "w.pth")
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 100


def test_without_pytorch(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"pip install '\.\[torch\]'"):
        read_state_dict(tmp_path / "w.pth")
