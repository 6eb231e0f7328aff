"""A record folder is whole, or the error names the file and the remedy."""

import json
import re

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.records.folder import count_records, open_folder


def test_opens_with_and_without_manifest(tmp_path, make_color_records):
    for manifest in (True, False):
        path = make_color_records(
            tmp_path / str(manifest), [[3, 1], [2]], num_shards=2, manifest=manifest
        )
        folder = open_folder(path)
        assert folder.num_clips == 3
        assert folder.labels == ("class 0", "class 1")
        assert [shard.rsplit("/", 1)[1] for shard in folder.shards] == [
            "clips-00000-of-00002",
            "clips-00001-of-00002",
        ]


def test_missing_folder_and_no_shards(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        open_folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match="''"):
        open_folder("")
    with pytest.raises(InputError, match="clips-"):
        open_folder(tmp_path)


def test_a_shard_is_missing(tmp_path, make_color_records):
    path = make_color_records(tmp_path / "r", [[3, 1], [2]], num_shards=2)
    (path / "clips-00001-of-00002").unlink()
    with pytest.raises(InputError, match="1 shards .*of-00002"):
        open_folder(path)


def test_labels_are_missing(tmp_path, make_color_records):
    path = make_color_records(tmp_path / "r", [[3]], num_shards=1)
    (path / "labels.txt").unlink()
    with pytest.raises(InputError, match="labels.txt"):
        open_folder(path)


@pytest.mark.parametrize("manifest", [True, False])
@pytest.mark.parametrize("cut", [1, 5, 300])
def test_truncated_shard_is_named(tmp_path, make_color_records, manifest, cut):
    path = make_color_records(tmp_path / "r", [[3, 3], [3]], num_shards=2, manifest=manifest)
    shard = path / "clips-00001-of-00002"
    shard.write_bytes(shard.read_bytes()[:-cut])
    with pytest.raises(InputError, match=re.escape(str(shard))):
        open_folder(path)


def test_truncation_inside_a_header(tmp_path, make_color_records):
    path = make_color_records(tmp_path / "r", [[3]], num_shards=1)
    shard = path / "clips-00000-of-00001"
    assert count_records(shard) == 1
    shard.write_bytes(shard.read_bytes() + b"12345")
    with pytest.raises(InputError, match=f"{shard}.* record 1 "):
        count_records(shard)


def test_empty_shards_and_odd_manifests(tmp_path, make_color_records):
    path = make_color_records(tmp_path / "r", [[]], num_shards=1)
    with pytest.raises(InputError, match=str(path)):
        open_folder(path)
    path = make_color_records(tmp_path / "s", [[2]], num_shards=1)
    (path / "manifest.json").write_text(json.dumps({"num_clips": 1}))
    assert open_folder(path).num_clips == 1
    (path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="manifest.json"):
        open_folder(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", b"\xff\xfe"),
        ("labels.txt", b""),
        ("manifest.json", b"[1]"),
        ("manifest.json", b'{"shards": 5}'),
        ("manifest.json", b'{"shards": [5]}'),
    ],
)
def test_damaged_labels_and_manifests_are_named(tmp_path, make_color_records, name, content):
    path = make_color_records(tmp_path / "r", [[3]], num_shards=1)
    (path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        open_folder(path)
