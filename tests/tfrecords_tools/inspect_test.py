"""Folders of records, damaged in every way: each fault is named by shard, offset and key."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
import tensorflow as tf
from PIL import Image

from bsp_tf.base.errors import InputError
from bsp_tf.records.schema import Clip, SequenceExample, encode_clip, shard_name
from tfrecords_tools.conversion.clip_encoder import EncodingOptions
from tfrecords_tools.convert import convert
from tfrecords_tools.inspection.contact_sheet import choose_clips, write_contact_sheet
from tfrecords_tools.inspection.folder_check import check_folder
from tfrecords_tools.inspection.record_check import jpeg_fault
from tfrecords_tools.inspection.record_reader import read_records
from tfrecords_tools.inspection.record_statistics import statistics_text

PROJECT = Path(__file__).resolve().parents[2]
LABELS = ["jump", "run up", "never"]
HEIGHT, WIDTH = 24, 32


def make_jpeg(seed: int, height: int = HEIGHT, width: int = WIDTH) -> bytes:
    image = np.random.default_rng(seed).integers(0, 255, (height, width, 3)).astype(np.uint8)
    return simplejpeg.encode_jpeg(image, 80)


def make_clip(number: int, **changes) -> Clip:
    fields = dict(
        frames=[make_jpeg(10 * number + i) for i in range(5)],
        label_index=number % 2,
        label_text=LABELS[number % 2],
        start_seconds=0.0,
        end_seconds=0.2,
        filename=f"{LABELS[number % 2]}/{number}.mp4",
        fps=25.0,
        height=HEIGHT,
        width=WIDTH,
    )
    return Clip(**fields | changes)


def write_folder(folder: Path, shards: list[list[bytes]]) -> Path:
    """Shards, labels and a manifest as a conversion leaves them."""
    folder.mkdir(exist_ok=True)
    rows = []
    for number, records in enumerate(shards):
        path = folder / shard_name(number, len(shards))
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in records:
                writer.write(record)
        rows.append(
            {
                "name": path.name,
                "num_clips": len(records),
                "num_bytes": path.stat().st_size,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
        )
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))
    (folder / "manifest.json").write_text(
        json.dumps({"shards": rows, "num_clips": sum(map(len, shards))})
    )
    return folder


@pytest.fixture
def records(tmp_path):
    """Two shards of three records each."""
    return write_folder(
        tmp_path / "records",
        [[encode_clip(make_clip(3 * shard + i)) for i in range(3)] for shard in range(2)],
    )


def offsets_of(path: Path) -> list[int]:
    return [record.offset for record in read_records(path)]


def faults_of(folder: Path, jpeg_stride: int = 1) -> list[str]:
    return [str(fault) for fault in check_folder(folder, jpeg_stride).faults]


def rewrite_record(folder: Path, change) -> int:
    """Changes the second record of the first shard; checksums and manifest stay right."""
    kept = [
        [record.data for record in read_records(path)] for path in sorted(folder.glob("clips-*"))
    ]
    example = SequenceExample.FromString(kept[0][1])
    change(example)
    kept[0][1] = example.SerializeToString(deterministic=True)
    write_folder(folder, kept)
    return offsets_of(folder / "clips-00000-of-00002")[1]


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


def test_broken_jpeg_in_a_sound_record(records):
    def cut_frame(example):
        frame = example.feature_lists.feature_list["image/encoded"].feature[2].bytes_list
        frame.value[0] = frame.value[0][:-100]

    offset = rewrite_record(records, cut_frame)
    (fault,) = faults_of(records, 1)
    place = f"clips-00000-of-00002, offset {offset}, key run up/1.mp4#t=0,0.2: "
    assert fault.startswith(f"{place}frame 2: ")
    assert faults_of(records, 2) == [fault]
    assert faults_of(records, 3) == faults_of(records, 0) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda e: e.context.feature.pop("clip/label/index"), "'clip/label/index'"),
        (
            lambda e: e.context.feature["image/height"].float_list.value.append(24.0),
            "'image/height' holds float_list",
        ),
        (
            lambda e: e.context.feature["clip/label/index"].int64_list.value.append(1),
            "'clip/label/index' holds 2",
        ),
        (
            lambda e: e.feature_lists.feature_list.pop("image/encoded"),
            "'image/encoded'",
        ),
        (
            lambda e: e.feature_lists.feature_list["image/encoded"].ClearField("feature"),
            "'image/encoded' holds no frame",
        ),
        (
            lambda e: e.feature_lists.feature_list["image/encoded"].feature.add(),
            "frame 5",
        ),
        (
            lambda e: e.context.feature["clip/label/index"].int64_list.value.__setitem__(0, 3),
            "label index 3",
        ),
        (
            lambda e: e.context.feature["clip/label/index"].int64_list.value.__setitem__(0, 0),
            "'run up' has index 0",
        ),
        (
            lambda e: e.context.feature["clip/end/timestamp"].int64_list.value.__setitem__(0, 0),
            "ends before it starts",
        ),
        (
            lambda e: e.context.feature["image/frame_rate"].float_list.value.__setitem__(0, 0),
            "'image/frame_rate' is 0",
        ),
        (
            lambda e: e.context.feature["image/width"].int64_list.value.__setitem__(0, 31),
            "32x24",
        ),
    ],
)
def test_schema_faults(records, change, reason):
    offset = rewrite_record(records, change)
    faults = faults_of(records)
    assert len({fault.split(": ")[0] for fault in faults}) == 1
    assert faults[0].startswith(f"clips-00000-of-00002, offset {offset}, key run up/1.mp4")
    assert reason in faults[0]


def test_record_that_is_no_proto(records):
    write_folder(records, [[b"\xff\xffnonsense"], [encode_clip(make_clip(0))]])
    (fault,) = faults_of(records)
    assert "offset 0, key unknown (the first record): " in fault and "SequenceExample" in fault


def test_unlabelled_clips_and_foreign_keys_are_sound(records):
    record = encode_clip(make_clip(0, label_index=-1, label_text=""))
    example = SequenceExample.FromString(record)
    example.context.feature["other/key"].float_list.value.append(1.0)
    write_folder(records, [[example.SerializeToString()]])
    (records / "clips-00000-of-00002").unlink()
    (records / "clips-00001-of-00002").unlink()
    assert faults_of(records) == []
    assert "1 clips without a label" in statistics_text(check_folder(records).clips, LABELS, 1)


def test_damaged_jpegs_that_decoders_let_pass():
    data = make_jpeg(0, 64, 64)
    assert jpeg_fault(data, 64, 64) is None
    assert "31x64" in jpeg_fault(make_jpeg(0, 64, 31), 64, 64)
    for bad in (b"", b"no JPEG", data[:-50], data[:300] + data[400:], data[:-2]):
        assert jpeg_fault(bad, 64, 64)


def test_statistics(records):
    text = statistics_text(check_folder(records).clips, LABELS, 2)
    assert "6 clips, 30 frames" in text and "32x24 (6)" in text
    assert "3 classes, 1 of them without a clip" in text
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line}
    assert lines["seconds"] == ["0.2"] * 5 and lines["frames"][:1] == ["5"]
    assert lines["jump"] == ["3", "#" * 30] and lines["never"] == ["0"]
    many = [f"class {i}" for i in range(700)]
    shown = statistics_text([], many, 1)
    assert "0 clips" in shown and "... 650 more ..." in shown and len(shown.splitlines()) < 60


def test_contact_sheet(records, tmp_path):
    clips = check_folder(records).clips
    assert [clip.label for clip in choose_clips(clips, 2)] == ["jump", "run up"]
    assert len(choose_clips(clips, 24)) == 6 and choose_clips([], 24) == []
    write_contact_sheet(tmp_path / "sheet.png", records, choose_clips(clips, 4))
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.format == "PNG"
        size, pixels = image.size, np.asarray(image.convert("RGB")).astype(int)
    # The first strip shows noise, what lies below it is paper and text.
    assert pixels[20:100, 40:140].std() > 20 and size[0] > size[1]
    write_contact_sheet(tmp_path / "empty.png", records, [])
    assert (tmp_path / "empty.png").stat().st_size > 0


def test_contact_sheet_of_a_clip_whose_jpeg_is_broken_and_whose_name_is_long(tmp_path):
    clip = make_clip(0, frames=[make_jpeg(0), b"nothing"], filename="ä" * 300)
    folder = write_folder(tmp_path / "records", [[encode_clip(clip)]])
    write_contact_sheet(tmp_path / "sheet.png", folder, check_folder(folder).clips)
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.width > 600


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


def test_command(records):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "tfrecords_tools.inspect", f"--records={records}", *arguments],
            cwd=PROJECT,
            capture_output=True,
            text=True,
        )

    shown = run("--workers=1")
    assert shown.returncode == 0 and (records / "contact_sheet.png").is_file(), shown.stderr
    assert "6 records in 2 shards" in shown.stdout and "run up" in shown.stdout
    sound = run("--verify", "--jpeg_stride=2", "--workers=2")
    assert sound.returncode == 0 and "18 of 30 JPEGs" in sound.stdout
    path = records / "clips-00001-of-00002"
    path.write_bytes(path.read_bytes()[:-1])
    damaged = run("--verify")
    assert damaged.returncode == 3 and "2 faults" in damaged.stderr
    assert (
        "FAULT clips-00001-of-00002, offset " in damaged.stdout
        and "Traceback" not in damaged.stderr
    )
    wrong = run("--records=nowhere")
    assert (
        wrong.returncode == 2
        and wrong.stderr.strip() == "error: record folder nowhere does not exist; check --records."
    )
