"""Folders of records, damaged in every way: each fault is named by shard, offset and key."""

import json
import re
from pathlib import Path

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.records.schema import shard_name
from tests.fixtures.small_records import (
    LABELS,
    offsets_of,
)
from tfrecords_tools.conversion.clip_encoder import EncodingOptions
from tfrecords_tools.convert import convert
from tfrecords_tools.inspection.folder_check import check_folder


def faults_of(folder: Path, jpeg_stride: int = 1) -> list[str]:
    return [str(fault) for fault in check_folder(folder, jpeg_stride).faults]


def test_a_sound_folder_has_no_fault(records):
    report = check_folder(records, 1)
    assert report.faults == [] and report.labels == LABELS
    assert [shard.num_records for shard in report.shards] == [3, 3]
    assert [shard.num_jpegs for shard in report.shards] == [15, 15]
    assert [clip.key for clip in report.clips][:2] == ["jump/0.mp4#t=0,0.2", "run up/1.mp4#t=0,0.2"]
    assert [shard.num_jpegs for shard in check_folder(records, 3).shards] == [6, 6]
    assert check_folder(records, workers=2) == check_folder(records)


def test_what_convert_writes_is_sound(make_video, tmp_path):
    for i in range(4):
        make_video(
            tmp_path / "clips" / ("jump", "run up")[i % 2] / f"{i}.mp4",
            num_frames=9 + 7 * i,
            seed=i,
        )
    (tmp_path / "clips" / "jump" / "bad.mp4").touch()
    # Long clips become several records of the same file, told apart by their times.
    convert(tmp_path / "clips", tmp_path / "records", options=EncodingOptions(max_frames=12))
    report = check_folder(tmp_path / "records", 1)
    assert report.faults == [] and len(report.clips) > 4
    assert "jump/2.mp4#t=0.48,0.92" in [clip.key for clip in report.clips]


def test_flipped_byte_is_named_with_shard_offset_and_key(records):
    path = records / "clips-00000-of-00002"
    offset = offsets_of(path)[1]
    data = bytearray(path.read_bytes())
    data[offset + 1500] ^= 4
    path.write_bytes(data)
    (fault,) = faults_of(records)
    place = f"clips-00000-of-00002, offset {offset}, key run up/1.mp4#t=0,0.2: "
    assert fault.startswith(place) and "checksum" in fault


def test_flipped_byte_in_a_length_costs_the_rest_of_the_shard(records):
    path = records / "clips-00000-of-00002"
    offset = offsets_of(path)[1]
    data = bytearray(path.read_bytes())
    data[offset] ^= 4
    path.write_bytes(data)
    first, count = faults_of(records)
    place = f"clips-00000-of-00002, offset {offset}, key run up/1.mp4#t=0,0.2: "
    assert first.startswith(place) and "length" in first
    assert re.fullmatch(r"clips-00000-of-00002: 2 records,.* 3", count)


def test_a_key_that_cannot_be_read_is_replaced_by_the_record_before(records):
    path = records / "clips-00000-of-00002"
    first, second, _ = offsets_of(path)
    data = bytearray(path.read_bytes())
    for offset in (first, second):
        data[offset + 12] ^= 0xFF
    path.write_bytes(data)
    assert f"offset {first}, key unknown (the first record)" in faults_of(records)[0]
    data[first + 12] ^= 0xFF
    path.write_bytes(data)
    assert f"offset {second}, key unknown (after jump/0.mp4#t=0,0.2)" in faults_of(records)[0]


@pytest.mark.parametrize("kept", [4, 12, 40, 1000, -1])
def test_cut_tail(records, kept):
    path = records / "clips-00001-of-00002"
    offset = offsets_of(path)[2]
    data = path.read_bytes()
    path.write_bytes(data[: offset + kept] if kept > 0 else data[:kept])
    cut, size = faults_of(records)
    key = "run up/5.mp4#t=0,0.2" if kept in (1000, -1) else "unknown (after jump/4.mp4#t=0,0.2)"
    assert cut.startswith(f"clips-00001-of-00002, offset {offset}, key {key}: ")
    assert size.startswith("clips-00001-of-00002: ") and str(len(data)) in size


def test_a_shard_cut_between_two_records_is_found_by_the_manifest(records):
    path = records / "clips-00001-of-00002"
    path.write_bytes(path.read_bytes()[: offsets_of(path)[2]])
    assert any(
        re.fullmatch(r"clips-00001-of-00002: 2 records,.* 3", fault) for fault in faults_of(records)
    )


def test_missing_shard(records):
    (records / "clips-00001-of-00002").unlink()
    (shard,) = faults_of(records)
    assert re.fullmatch("clips-00001-of-00002: .*manifest.json.*", shard)
    (records / "manifest.json").unlink()
    shard, manifest = faults_of(records)
    assert re.fullmatch("clips-00001-of-00002: .*clips-00000-of-00002.*", shard)
    assert manifest.startswith("manifest.json: ")


def test_shard_of_another_run(records):
    path, other = (records / shard_name(number, 2) for number in range(2))
    other.write_bytes(path.read_bytes())
    repeated = f"{other.name}, offset 0, key jump/0.mp4#t=0,0.2: .*{path.name}, offset 0"
    assert any(re.fullmatch(repeated, fault) for fault in faults_of(records))
    (records / "clips-00000-of-00003").write_bytes(path.read_bytes())
    foreign = "clips-00000-of-00003: .*manifest.json.*"
    assert any(re.fullmatch(foreign, fault) for fault in faults_of(records))


def test_sound_records_that_are_not_those_of_the_manifest(records):
    write = json.loads((records / "manifest.json").read_text())
    write["shards"][0]["sha256"] = "0" * 64
    (records / "manifest.json").write_text(json.dumps(write))
    (fault,) = faults_of(records)
    assert re.fullmatch("clips-00000-of-00002: .*SHA-256.*", fault)


def test_what_is_no_folder_of_records(tmp_path):
    with pytest.raises(InputError, match="--records"):
        check_folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match="clips-00000-of-00008"):
        check_folder(tmp_path)
    (tmp_path / "clips-00000-of-00001").touch()
    assert {"labels.txt: the file is missing", "manifest.json: the file is missing"} == set(
        faults_of(tmp_path)
    )
    (tmp_path / "manifest.json").write_text('{"num_clips": 1, "shards": 3}')
    with pytest.raises(InputError, match="manifest.json"):
        check_folder(tmp_path)
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="labels.txt"):
        check_folder(tmp_path)
