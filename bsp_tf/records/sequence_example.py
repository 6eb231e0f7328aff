"""The message class tf.train.SequenceExample, without TensorFlow."""

from collections.abc import MutableMapping, MutableSequence
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message


def _message_class() -> type[Message]:
    """Builds the class from its description.

    Field numbers and types are those of tensorflow/core/example/feature.proto and example.proto.
    The class lives in a pool of its own, so TensorFlow may be loaded beside it.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name="sequence_example.proto", package="tensorflow", syntax="proto3"
    )
    # A field is (name, type: one of `kinds` or the name of a message, whether it is repeated).
    kinds = descriptor_pb2.FieldDescriptorProto

    def add_message(
        name: str,
        *fields: tuple[str, Any, bool],
        parent: descriptor_pb2.DescriptorProto | None = None,
    ) -> descriptor_pb2.DescriptorProto:
        message = (parent.nested_type if parent else file.message_type).add(name=name)
        for number, (field, kind, repeated) in enumerate(fields, 1):
            label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".tensorflow.{kind}"
            else:
                added.type = kind
        return message

    def add_map(name: str, field: str, kind: str) -> None:
        entry = "".join(part.capitalize() for part in field.split("_")) + "Entry"
        message = add_message(name, (field, f"{name}.{entry}", True))
        add_message(
            entry, ("key", kinds.TYPE_STRING, False), ("value", kind, False), parent=message
        ).options.map_entry = True

    add_message("BytesList", ("value", kinds.TYPE_BYTES, True))
    add_message("FloatList", ("value", kinds.TYPE_FLOAT, True))
    add_message("Int64List", ("value", kinds.TYPE_INT64, True))
    feature = add_message(
        "Feature",
        ("bytes_list", "BytesList", False),
        ("float_list", "FloatList", False),
        ("int64_list", "Int64List", False),
    )
    feature.oneof_decl.add(name="kind")
    for field in feature.field:
        field.oneof_index = 0
    add_message("FeatureList", ("feature", "Feature", True))
    add_map("Features", "feature", "Feature")
    add_map("FeatureLists", "feature_list", "FeatureList")
    add_message(
        "SequenceExample", ("context", "Features", False), ("feature_lists", "FeatureLists", False)
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.SequenceExample"))


if TYPE_CHECKING:

    class BytesList:
        value: MutableSequence[bytes]

    class FloatList:
        value: MutableSequence[float]

    class Int64List:
        value: MutableSequence[int]

    class Feature(Message):
        bytes_list: BytesList
        float_list: FloatList
        int64_list: Int64List

    class Features:
        feature: MutableMapping[str, Feature]

    class FeatureList:
        feature: MutableSequence[Feature]

    class FeatureLists:
        feature_list: MutableMapping[str, FeatureList]

    class SequenceExample(Message):
        context: Features
        feature_lists: FeatureLists
else:
    SequenceExample = _message_class()
