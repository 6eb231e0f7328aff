"""The damaged shard is found and named, among whole ones."""

import re

import pytest
import tensorflow as tf

from bsp_tf.records.damage import damage_error
from bsp_tf.records.schema import SequenceExample
from tests.fixtures.jpeg_bomb import jpeg_bomb

ERROR = tf.errors.DataLossError(
    None, None, "{{function_node __wrapped__X}} corrupted record at 0 [Op:Next] name: "
)


@pytest.fixture
def folder(tmp_path, make_color_records):
    return make_color_records(tmp_path / "r", [[3, 3], [3, 3]], num_shards=2)


def rewrite(shard, change):
    records = [bytearray(record.numpy()) for record in tf.data.TFRecordDataset(str(shard))]
    change(records)
    with tf.io.TFRecordWriter(str(shard)) as writer:
        for record in records:
            writer.write(bytes(record))


def test_a_flipped_bit(folder):
    shard = folder / "clips-00001-of-00002"
    content = bytearray(shard.read_bytes())
    content[-20] ^= 1
    shard.write_bytes(content)
    message = str(damage_error(folder, ERROR))
    assert re.match(
        f"damaged record 1 in {re.escape(str(shard))}: corrupted record at .*Delete that file",
        message,
    )
    assert "{{" not in message and "\n" not in message


def test_no_sequence_example_and_no_jpeg(folder):
    shard = folder / "clips-00000-of-00002"

    def spoil_picture(records):
        start = records[1].find(b"\xff\xd8\xff")
        records[1][start : start + 3] = b"abc"

    rewrite(shard, spoil_picture)
    assert f"record 1 in {shard}" in str(damage_error(folder, ERROR))
    rewrite(shard, lambda records: records[0].__setitem__(slice(None), b"hello"))
    assert f"record 0 in {shard}" in str(damage_error(folder, ERROR))


@pytest.mark.parametrize(("height", "width"), [(13000, 13000), (30000, 1)])
def test_a_frame_too_large_to_be_decoded(folder, height, width):
    shard = folder / "clips-00001-of-00002"

    def swell(records):
        example = SequenceExample.FromString(bytes(records[0]))
        frame = example.feature_lists.feature_list["image/encoded"].feature[1].bytes_list
        frame.value[0] = jpeg_bomb(height, width)
        records[0] = example.SerializeToString()

    rewrite(shard, swell)
    message = str(damage_error(folder, ERROR))
    assert message.startswith(f"damaged record 0 in {shard}: a frame of {width} x {height} pixels")


def test_nothing_found_repeats_what_tensorflow_said(folder):
    message = str(damage_error(folder, ERROR))
    assert str(folder) in message and "corrupted record at 0" in message


def test_only_the_shard_that_is_named_is_searched(folder):
    for shard in folder.glob("clips-*"):
        shard.write_bytes(shard.read_bytes()[:-9])
    named = folder / "clips-00001-of-00002"
    error = tf.errors.InvalidArgumentError(
        None,
        None,
        f"ValueError: frame 2 of the record at byte 0 of {named} differs from its "
        "checksum\nTraceback ...",
    )
    assert f"record 1 in {named}" in str(damage_error(folder, error))


def test_a_file_that_cannot_be_opened_is_not_called_damaged(folder):
    error = tf.errors.InvalidArgumentError(
        None, None, "ValueError: cannot read a/clips: No such file\nTraceback ..."
    )
    message = str(damage_error(folder, error))
    assert message.startswith("cannot read a/clips: No such file. ") and "onvert" not in message
