"""What is wrong with a record that can be read: its fields against the schema, and its JPEGs."""

from collections.abc import Sequence

import simplejpeg

from bsp_tf.records import schema
from bsp_tf.records.schema import SequenceExample
from bsp_tf.video.limits import size_fault
from tfrecords_tools.inspection.record_fields import integer, number, text

KINDS = {
    schema.LABEL_INDEX: "int64_list",
    schema.LABEL_TEXT: "bytes_list",
    schema.START_TIMESTAMP: "int64_list",
    schema.END_TIMESTAMP: "int64_list",
    schema.FILENAME: "bytes_list",
    schema.FRAME_RATE: "float_list",
    schema.HEIGHT: "int64_list",
    schema.WIDTH: "int64_list",
}


def schema_faults(example: SequenceExample, labels: Sequence[str] | None = None) -> list[str]:
    """What differs from `bsp_tf.records.schema`; keys that it does not know are allowed."""
    context = example.context.feature
    faults = []
    for key, kind in KINDS.items():
        if key not in context:
            faults.append(f"key {key!r} is missing")
        elif context[key].WhichOneof("kind") != kind:
            faults.append(f"key {key!r} holds {context[key].WhichOneof('kind')}, not {kind}")
        elif len(getattr(context[key], kind).value) != 1:
            faults.append(
                f"key {key!r} holds {len(getattr(context[key], kind).value)} values, not one"
            )
    if schema.IMAGE_ENCODED not in example.feature_lists.feature_list:
        faults.append(f"feature list {schema.IMAGE_ENCODED!r} is missing")
    else:
        features = example.feature_lists.feature_list[schema.IMAGE_ENCODED].feature
        unfit = next(
            (i for i, feature in enumerate(features) if len(feature.bytes_list.value) != 1), None
        )
        if not features or unfit is not None:
            fault = (
                "holds no frame" if unfit is None else f"does not hold one JPEG at frame {unfit}"
            )
            faults.append(f"feature list {schema.IMAGE_ENCODED!r} {fault}")
    return faults or _value_faults(example, labels)


def _value_faults(example: SequenceExample, labels: Sequence[str] | None) -> list[str]:
    faults = []
    index, label = integer(example, schema.LABEL_INDEX), text(example, schema.LABEL_TEXT)
    if labels is not None and index != schema.UNLABELLED:
        if not 0 <= index < len(labels):
            faults.append(
                f"label index {index} is not in labels.txt, which has {len(labels)} lines"
            )
        elif labels[index] != label:
            faults.append(
                f"label {label!r} has index {index}, which labels.txt gives to {labels[index]!r}"
            )
    if integer(example, schema.END_TIMESTAMP) <= integer(example, schema.START_TIMESTAMP):
        faults.append("the clip ends before it starts")
    positive = {
        schema.FRAME_RATE: number(example, schema.FRAME_RATE),
        schema.HEIGHT: integer(example, schema.HEIGHT),
        schema.WIDTH: integer(example, schema.WIDTH),
    }
    faults += (
        f"key {key!r} is {value:g}, not positive"
        for key, value in positive.items()
        if not value > 0
    )
    return faults


def jpeg_fault(data: bytes, height: int, width: int) -> str | None:
    """What is wrong with a JPEG that should be of this size in pixels; None if nothing is.

    libjpeg decodes much that is damaged and only warns; here a warning is a fault.
    """
    try:
        stored_height, stored_width = simplejpeg.decode_jpeg_header(data)[:2]
        if (stored_height, stored_width) != (height, width):
            return f"the JPEG is {stored_width}x{stored_height}, the record says {width}x{height}"
        if fault := size_fault(stored_height, stored_width):
            return fault
        # Grey spares the colours' conversion; all bytes are read in any case.
        simplejpeg.decode_jpeg(data, "GRAY", strict=True)
    except ValueError as error:
        return f"no whole JPEG ({error})"
    return None
