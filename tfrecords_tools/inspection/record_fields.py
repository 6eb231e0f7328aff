"""What stands in a record: its fields, its frames, and a key that names it, even if it is damaged.

The key of a record is the path of its source file and, as one file may give several clips, the
times between which it lies there: `a.mp4#t=12.5,22`.
"""

from google.protobuf.message import DecodeError

from bsp_tf.records import schema
from bsp_tf.records.schema import SequenceExample
from tfrecords_tools.inputs.clip_index import format_seconds

# Field 1 of a SequenceExample, length-delimited.
_CONTEXT_TAG = 0x0A


def integer(example: SequenceExample, key: str) -> int:
    """The one integer of a context key."""
    return example.context.feature[key].int64_list.value[0]


def number(example: SequenceExample, key: str) -> float:
    """The one float of a context key."""
    return example.context.feature[key].float_list.value[0]


def text(example: SequenceExample, key: str) -> str:
    """The one text of a context key."""
    return example.context.feature[key].bytes_list.value[0].decode("utf-8", "backslashreplace")


def frames_of(example: SequenceExample) -> list[bytes]:
    """The JPEGs of a record."""
    features = example.feature_lists.feature_list[schema.IMAGE_ENCODED].feature
    return [feature.bytes_list.value[0] for feature in features]


def record_key(example: SequenceExample | None) -> str:
    """`<path>#t=<start>,<end>` of a record, as far as it says; "" if it names no file."""
    if example is None:
        return ""
    context = example.context.feature
    if schema.FILENAME not in context or not context[schema.FILENAME].bytes_list.value:
        return ""
    name = context[schema.FILENAME].bytes_list.value[0].decode("utf-8", "backslashreplace")
    times = [
        context[key].int64_list.value[0]
        for key in (schema.START_TIMESTAMP, schema.END_TIMESTAMP)
        if key in context and context[key].int64_list.value
    ]
    if len(times) < 2:
        return name
    return "{}#t={},{}".format(
        name, *(format_seconds(time / schema.MICROSECONDS) for time in times)
    )


def parse_beginning(data: bytes) -> SequenceExample | None:
    """The context of a damaged record, if it can be read: writers put it before the frames."""
    # A field of a proto: tag, length as a varint (7 bits a byte, lowest first), bytes.
    if len(data) < 2 or data[0] != _CONTEXT_TAG:
        return None
    length = 0
    for position, byte in enumerate(data[1:10]):
        length |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            break
    try:
        return SequenceExample.FromString(data[: position + 2 + length])
    except DecodeError:
        return None
