"""Records that are read whole but hold something wrong: a field, a label, a JPEG."""

from pathlib import Path

import pytest

from bsp_tf.records.schema import SequenceExample, encode_clip
from tests.fixtures.jpeg_bomb import jpeg_bomb
from tests.fixtures.small_records import (
    LABELS,
    make_clip,
    make_jpeg,
    rewrite_record,
    write_folder,
)
from tfrecords_tools.inspection.folder_check import check_folder
from tfrecords_tools.inspection.record_faults import jpeg_fault
from tfrecords_tools.inspection.record_statistics import statistics_text


def faults_of(folder: Path, jpeg_stride: int = 1) -> list[str]:
    return [str(fault) for fault in check_folder(folder, jpeg_stride).faults]


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
    assert "30000" in jpeg_fault(jpeg_bomb(30000, 1), 30000, 1)
    for bad in (b"", b"no JPEG", data[:-50], data[:300] + data[400:], data[:-2]):
        assert jpeg_fault(bad, 64, 64)
