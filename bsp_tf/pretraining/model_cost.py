"""What a network costs: parameters, multiply-adds and the memory that training keeps, read from its
graph.
"""

import math

import tensorflow as tf

from bsp_tf.models.tsm import TSM

# Ops whose output is their input's memory.
_ALIASES = ("Identity", "Reshape", "EnsureShape", "StopGradient", "ExpandDims", "Squeeze")
_PARAMETERS = ("ReadVariableOp", "Const", "Placeholder")


def multiply_adds(model: TSM, clip_shape: tuple[int, ...]) -> int:
    """Multiply-adds of all convolutions and matrix products for one clip [T, S, S, 3] in
    evaluation.

    What the papers call FLOPs: 33 G for TSM ResNet-50 with 8 frames of 224 pixels (Lin et al.,
    table 1).
    """
    function = tf.function(lambda frames: model(frames, training=False)["logits"])
    graph = function.get_concrete_function(tf.TensorSpec([1, *clip_shape])).graph
    total = 0
    for op in graph.get_operations():
        if op.type == "Conv2D":
            total += math.prod(op.outputs[0].shape) * math.prod(op.inputs[1].shape[:3])
        elif op.type == "MatMul":
            total += math.prod(op.outputs[0].shape) * op.inputs[1].shape[0]
    return total


def activation_bytes(model: TSM, clip_shape: tuple[int, ...]) -> int:
    """Bytes that the forward pass of one clip [T, S, S, 3] must keep for the backward pass.

    Counted exactly in the graph: tensors of the forward part that an op of the backward part reads.
    XLA may keep less by computing some anew.
    """
    forward_ops = 0

    @tf.function
    def gradients(frames):
        nonlocal forward_ops
        variables = [variable.value for variable in model.trainable_variables]
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
