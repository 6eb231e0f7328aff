"""Which operations a SavedModel of unknown origin may have: those that only compute on tensors.

The list says what is allowed, not what is forbidden: TensorFlow has about 1,500 operations, some of
them open files without a word of it in their name (DebugIdentity, ImmutableConst, PrintV2), and
every version adds more. Nothing of the model is loaded or run for the check.
"""

from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow.core.framework import function_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from bsp_tf.base.errors import InputError

# All that our own models need on both stacks, and what other networks for video are made of.
COMPUTING = frozenset(
    """
    Const Fill Identity IdentityN NoOp OnesLike Placeholder PlaceholderWithDefault Range LinSpace
    StopGradient PreventGradient ZerosLike

    PartitionedCall StatefulPartitionedCall If StatelessIf While StatelessWhile Case StatelessCase
    Assert

    AssignAddVariableOp AssignSubVariableOp AssignVariableOp DisableCopyOnRead ReadVariableOp
    ResourceGather VarHandleOp VarIsInitializedOp VariableShape

    BatchToSpaceND BroadcastArgs BroadcastTo Concat ConcatV2 DepthToSpace EnsureShape ExpandDims
    Gather GatherNd GatherV2 InvertPermutation MatrixBandPart MatrixDiag MatrixDiagV3 MirrorPad
    OneHot Pack Pad PadV2 ParallelConcat Rank Reshape Reverse ReverseV2 Roll ScatterNd Shape ShapeN
    Size Slice SpaceToBatchND SpaceToDepth Split SplitV Squeeze StridedSlice
    TensorScatterAdd TensorScatterUpdate Tile Transpose Unpack Where

    EmptyTensorList TensorListConcatV2 TensorListElementShape TensorListFromTensor TensorListGather
    TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack TensorListReserve
    TensorListResize TensorListSetItem TensorListStack

    Abs Add AddN AddV2 All Any ArgMax ArgMin Bitcast Cast Ceil ClipByValue Cos Cumprod Cumsum
    DivNoNan Einsum Equal Erf Erfc Exp Expm1 Floor FloorDiv FloorMod Greater GreaterEqual IsFinite
    IsInf IsNan Less LessEqual Log Log1p LogicalAnd LogicalNot LogicalOr MatMul BatchMatMul
    BatchMatMulV2 BatchMatMulV3 Max Maximum Mean Min Minimum Mod Mul MulNoNan Neg NotEqual Pow Prod
    RealDiv Reciprocal Rint Round Rsqrt SegmentMax SegmentMean SegmentSum Select SelectV2 Sigmoid
    Sign Sin Sqrt Square SquaredDifference Sub Sum Tan Tanh TopKV2 TruncateDiv UnsortedSegmentMax
    UnsortedSegmentSum

    AvgPool AvgPool3D BiasAdd Conv2D Conv2DBackpropInput Conv3D Conv3DBackpropInputV2
    DepthwiseConv2dNative Elu FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 L2Loss LRN LeakyRelu
    LogSoftmax MaxPool MaxPool3D MaxPoolV2 Relu Relu6 Selu Softmax Softplus Softsign

    StatelessRandomGetKeyCounter StatelessRandomNormalV2 StatelessRandomUniformIntV2
    StatelessRandomUniformV2 RandomUniform RandomStandardNormal

    AdjustContrastv2 AdjustHue AdjustSaturation CropAndResize DecodeAndCropJpeg DecodeJpeg DecodePng
    ExtractJpegShape HSVToRGB RGBToHSV ResizeArea ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor ScaleAndTranslate

    ShardedFilename StaticRegexFullMatch StringJoin
    """.split()
)
# Every SavedModel has them, in two functions for programs that save or restore it. TensorFlow does
# not use them on loading, so they are allowed where nothing in the model can call them.
SAVING = frozenset({"MergeV2Checkpoints", "RestoreV2", "SaveV2"})

_NAMED_AT_MOST = 3


def refuse_untrusted_operations(path: Path) -> None:
    """Reads the graph of a SavedModel and refuses what could do more than compute.

    Args:
        path: folder with a saved_model.pb.

    Raises:
        InputError: an operation outside of COMPUTING, something that is no SavedModel of
            TensorFlow 2, or a file that cannot be read.
    """
    file = path / "saved_model.pb"
    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString(file.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}. Check the path.") from error
    except DecodeError as error:
        raise InputError(
            f"{file} cannot be read: {str(error).splitlines()[0]}. Export the model again."
        ) from error
    # TensorFlow loads any other kind by running operations of its graph.
    if len(model.meta_graphs) != 1 or not model.meta_graphs[0].HasField("object_graph_def"):
        raise InputError(
            f"{file} is no SavedModel of TensorFlow 2: make it with python -m bsp_tf.export, or "
            "give --trust_model if you trust its author as you trust a program's."
        )
    unknown = sorted(set(_untrusted(model.meta_graphs[0])))
    if unknown:
        more = len(unknown) - _NAMED_AT_MOST
        names = ", ".join(unknown[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
        raise InputError(
            f"{path} is not loaded: its graph has operations that may do more than compute, "
            f"such as read or write files ({names}). Give --trust_model if you trust its author as "
            "you trust a program's."
        )


def _untrusted(graph: meta_graph_pb2.MetaGraphDef) -> Iterator[str]:
    """The names of all operations that are not allowed where they stand."""
    library = graph.graph_def.library
    # The nodes of the graph itself may call what saves: TensorFlow 2 loads a model without them.
    callers = library.SerializeToString() + graph.object_graph_def.SerializeToString()
    yield from (node.op for node in graph.graph_def.node if node.op not in COMPUTING)
    for function in library.function:
        unknown = {node.op for node in function.node_def} - COMPUTING
        if not unknown <= SAVING or (unknown and _callable(function, callers)):
            yield from unknown


def _callable(function: function_pb2.FunctionDef, callers: bytes) -> bool:
    """Whether a loaded model may call a function.

    Args:
        function: one of its functions.
        callers: all of its functions and objects, serialized. Functions are named in attributes,
            in attributes of those and in strings, so any mention counts.
    """
    # "api_implements": TensorFlow may put it in the place of another function.
    return callers.count(function.signature.name.encode()) > 1 or any(
        "implements" in name for name in function.attr
    )
