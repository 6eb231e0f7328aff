"""What a network costs: parameters, multiply-adds, and the memory that training keeps.

Both are read from its graph. An op that is in none of the lists below is an error: a layer whose
cost is not known would otherwise count as free.
"""

import math
from collections.abc import Callable

import tensorflow as tf

from bsp_tf.base.stack import named_variables
from bsp_tf.models.tsm import TSM

# Ops whose output is their input's memory.
_ALIASES = ("Identity", "Reshape", "EnsureShape", "StopGradient", "ExpandDims", "Squeeze")
_PARAMETERS = ("ReadVariableOp", "Const", "Placeholder")
# Not counted, as in the papers: what moves data, works on shapes, or does a few operations for each
# value (additions, activations, normalisation, pooling, means).
_NOT_COUNTED = frozenset(
    """
    Abs Add AddN AddV2 All ArgMax Assert AssignVariableOp AvgPool BiasAdd BroadcastArgs BroadcastTo
    Cast Concat ConcatV2 Const Cos Cumsum Div DivNoNan Elu EnsureShape Equal Erf Exp ExpandDims Fill
    FloorDiv FloorMod FusedBatchNormV3 GatherV2 Greater GreaterEqual Identity IdentityN LeakyRelu
    Less LessEqual Log LogicalAnd LogicalNot LogicalOr Max MaxPool Maximum Mean Min Minimum
    MirrorPad Mul Neg NoOp NotEqual OnesLike Pack Pad PadV2 Placeholder Pow Prod RandomUniform Range
    Rank ReadVariableOp RealDiv Reciprocal Relu Relu6 Reshape Rsqrt Select SelectV2 Selu Shape
    ShapeN Sigmoid Sin Size Slice Softmax Softplus Split SplitV Sqrt Square SquaredDifference
    Squeeze StopGradient StridedSlice Sub Sum Tanh Tile Transpose Unpack ZerosLike
    """.split()
)


def _convolution(op: tf.Operation) -> int:
    # [kernel height, kernel width, input channels of a group, filters]
    return math.prod(op.outputs[0].shape) * math.prod(op.inputs[1].shape[:3])


def _depthwise_convolution(op: tf.Operation) -> int:
    return math.prod(op.outputs[0].shape) * math.prod(op.inputs[1].shape[:2])


def _matrix_product(op: tf.Operation) -> int:
    transposed = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
    return math.prod(op.outputs[0].shape) * op.inputs[0].shape[-2 if transposed else -1]


def _einsum(op: tf.Operation) -> int:
    """One multiply-add for each combination of the letters of a product of two tensors."""
    letters = op.get_attr("equation").decode().partition("->")[0].split(",")
    if "." in "".join(letters):
        raise ValueError(f"op {op.name}: the cost of an einsum with an ellipsis is not known")
    sizes: dict[str, int] = {}
    for names, tensor in zip(letters, op.inputs, strict=True):
        sizes |= dict(zip(names, tensor.shape, strict=True))
    return math.prod(sizes.values())


_COUNTED: dict[str, Callable[[tf.Operation], int]] = {
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise_convolution,
    "MatMul": _matrix_product,
    "BatchMatMulV2": _matrix_product,
    "Einsum": _einsum,
}


def multiply_adds(model: TSM, clip_shape: tuple[int, ...]) -> int:
    """Multiply-adds of all convolutions and matrix products for one clip in evaluation.

    What the papers call FLOPs: 33 G for TSM ResNet-50 with 8 frames of 224 pixels (Lin et al.,
    table 1).

    Args:
        model: The network.
        clip_shape: (T, S, S, 3).

    Raises:
        ValueError: the graph has an op of unknown cost; the message names its type.
    """
    function = tf.function(lambda frames: model(frames, training=False)["logits"], autograph=False)
    graph = function.get_concrete_function(tf.TensorSpec([1, *clip_shape])).graph
    return graph_multiply_adds(graph)


def graph_multiply_adds(graph: tf.Graph) -> int:
    """Multiply-adds of a graph whose shapes are all known; errors as `multiply_adds`."""
    operations = graph.get_operations()
    unknown = sorted({op.type for op in operations} - _NOT_COUNTED - _COUNTED.keys())
    if unknown:
        raise ValueError(
            f"the cost of the ops {', '.join(unknown)} is not known: add each to _COUNTED or "
            f"_NOT_COUNTED of {__name__}"
        )
    return sum(_COUNTED[op.type](op) for op in operations if op.type in _COUNTED)


def activation_bytes(model: TSM, clip_shape: tuple[int, ...]) -> int:
    """Bytes that the forward pass of one clip must keep for the backward pass.

    Counted exactly in the graph: tensors of the forward part that an op of the backward part reads.
    XLA may keep less by computing some anew.

    Args:
        model: The network.
        clip_shape: (T, S, S, 3).
    """
    forward_ops = 0

    @tf.function(autograph=False)
    def gradients(frames):
        nonlocal forward_ops
        variables = list(named_variables(model, trainable_only=True).values())
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(frames, training=True)["logits"])
        forward_ops = len(tf.compat.v1.get_default_graph().get_operations())
        return tape.gradient(loss, variables)

    operations = gradients.get_concrete_function(
        tf.TensorSpec([1, *clip_shape])
    ).graph.get_operations()
    position = {op.name: number for number, op in enumerate(operations)}
    kept = {}
    for op in operations[forward_ops:]:
        for tensor in op.inputs:
            while tensor.op.type in _ALIASES:
                tensor = tensor.op.inputs[0]
            known = position[tensor.op.name] < forward_ops and tensor.op.type not in _PARAMETERS
            if known and tensor.shape.is_fully_defined():
                kept[tensor.name] = math.prod(tensor.shape) * tensor.dtype.size
    return sum(kept.values())
