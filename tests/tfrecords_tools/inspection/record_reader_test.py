"""TFRecord framing: what TensorFlow writes, and every way in which a file can be damaged."""

import numpy as np
import pytest
import tensorflow as tf

from tfrecords_tools.inspection.record_reader import masked_crc, read_record_at, read_records

PAYLOADS = [b"first" * 20, b"", b"third" * 50]
# Header 12 and footer 4 bytes a record.
OFFSETS = [0, 116, 132]


@pytest.fixture
def shard(tmp_path):
    path = tmp_path / "clips-00000-of-00001"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for payload in PAYLOADS:
            writer.write(payload)
    return path


def damage(path, position, change=1):
    data = bytearray(path.read_bytes())
    data[position] ^= change
    path.write_bytes(data)


def test_reads_what_tensorflow_writes(shard):
    records = list(read_records(shard))
    assert [record.data for record in records] == PAYLOADS
    assert [record.offset for record in records] == OFFSETS
    assert all(record.fault is None for record in records)
    assert [read_record_at(shard, offset) for offset in OFFSETS] == PAYLOADS


def test_known_checksum():
    # 32 bytes of zeros: CRC-32C 8a9136aa (RFC 3720, B.4); masked as TensorFlow's crc32c.h does it.
    assert (
        masked_crc(bytes(32)) == ((0x8A9136AA >> 15 | 0x8A9136AA << 17) + 0xA282EAD8) & 0xFFFFFFFF
    )


def test_empty_file_has_no_record(tmp_path):
    (tmp_path / "empty").touch()
    assert list(read_records(tmp_path / "empty")) == []


def test_a_flipped_bit_anywhere_is_found(shard):
    whole = shard.read_bytes()
    rng = np.random.default_rng(0)
    for position in range(len(whole)):
        damage(shard, position, 1 << int(rng.integers(8)))
        assert [record for record in read_records(shard) if record.fault], position
        shard.write_bytes(whole)


def test_after_wrong_data_comes_the_next_record(shard):
    damage(shard, 20)
    records = list(read_records(shard))
    assert [record.fault for record in records] == ["wrong checksum of the data", None, None]
    assert records[2].data == PAYLOADS[2]


@pytest.mark.parametrize("change", [1, 0x80])
def test_a_wrong_length_ends_the_file(shard, change):
    damage(shard, OFFSETS[1] + 7, change)
    records = list(read_records(shard))
    assert (
        len(records) == 2
        and records[1].offset == OFFSETS[1]
        and "record's length" in records[1].fault
    )


def test_every_cut_is_found_unless_it_falls_between_records(shard):
    whole = shard.read_bytes()
    ends = [*OFFSETS[1:], len(whole)]
    for size in range(1, len(whole)):
        shard.write_bytes(whole[:size])
        records = list(read_records(shard))
        if size in ends:
            assert not records[-1].fault and len(records) == ends.index(size) + 1
        else:
            assert "the file ends inside" in records[-1].fault
            assert records[-1].offset == max(offset for offset in OFFSETS if offset < size)


def test_a_length_beyond_memory_is_only_a_cut_file(shard):
    header = (1 << 62).to_bytes(8, "little")
    shard.write_bytes(header + masked_crc(header).to_bytes(4, "little") + b"abc")
    (record,) = read_records(shard)
    assert record.data == b"abc" and "ends inside the record" in record.fault
