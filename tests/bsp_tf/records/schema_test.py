"""The record format is written and read unchanged, also by foreign readers' keys."""

import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.records import parser, schema


def make_clip(**changes):
    values = dict(
        frames=[b"\xff\xd8one", b"\xff\xd8two"],
        label_index=3,
        label_text="jumpstyle dancing é",
        start_seconds=1.25,
        end_seconds=11.25,
        filename="-abc.mp4",
        fps=25.0,
        height=72,
        width=96,
    )
    return schema.Clip(**{**values, **changes})


def check(parsed):
    parsed = {name: value.numpy() for name, value in parsed.items()}
    assert parsed["frames"].tolist() == [b"\xff\xd8one", b"\xff\xd8two"]
    assert parsed["label"] == 3
    assert parsed["label_text"].decode() == "jumpstyle dancing é"
    assert (parsed["start_seconds"], parsed["end_seconds"]) == (1.25, 11.25)
    assert parsed["filename"] == b"-abc.mp4"
    assert (parsed["fps"], parsed["height"], parsed["width"]) == (25.0, 72, 96)


def test_round_trip_eagerly_and_in_a_dataset():
    serialized = schema.encode_clip(make_clip())
    check(parser.parse_clip(tf.constant(serialized)))
    dataset = tf.data.Dataset.from_tensors(serialized).map(parser.parse_clip)
    check(next(iter(dataset)))


def test_equal_clips_give_equal_bytes():
    assert schema.encode_clip(make_clip()) == schema.encode_clip(make_clip())


def test_keys_are_those_of_dmvr_and_model_garden():
    example = tf.train.SequenceExample.FromString(schema.encode_clip(make_clip()))
    assert example.context.feature["clip/label/index"].int64_list.value[:] == [3]
    assert example.context.feature["clip/start/timestamp"].int64_list.value[:] == [1_250_000]
    assert example.context.feature["clip/end/timestamp"].int64_list.value[:] == [11_250_000]
    assert len(example.feature_lists.feature_list["image/encoded"].feature) == 2


@pytest.mark.parametrize(
    "sizes", [(0,), (1, 120), (121, 122, 125, 126, 127, 128), (16_380, 16_384, 70_000, 3_000_000)]
)
def test_bytes_are_those_that_tensorflow_writes(sizes):
    """Lengths around the steps of the varint; frames are not copied by the protobuf library."""
    frames = [bytes([i % 256]) * size for i, size in enumerate(sizes)]
    serialized = schema.encode_clip(make_clip(frames=frames))
    theirs = tf.train.SequenceExample.FromString(serialized)
    assert theirs.SerializeToString(deterministic=True) == serialized
    features = theirs.feature_lists.feature_list["image/encoded"].feature
    assert [feature.bytes_list.value[0] for feature in features] == frames
    ours = schema.SequenceExample.FromString(serialized)
    assert ours.context.feature[schema.LABEL_INDEX].int64_list.value[:] == [3]


def test_record_of_another_writer_lacks_keys():
    example = tf.train.SequenceExample()
    example.feature_lists.feature_list["image/encoded"].feature.add().bytes_list.value.append(b"x")
    parsed = parser.parse_clip(tf.constant(example.SerializeToString()))
    assert parsed["label"].numpy() == -1
    assert parsed["label_text"].numpy() == b""
    assert parsed["frames"].shape == [1]


def test_clip_without_frames_is_refused():
    with pytest.raises(InputError, match="-abc.mp4"):
        schema.encode_clip(make_clip(frames=[]))


def test_shard_name():
    assert schema.shard_name(2, 8) == "clips-00002-of-00008"
