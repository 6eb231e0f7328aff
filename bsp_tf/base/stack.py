"""What differs between the two stacks: TensorFlow 2.21 with Keras 3, TensorFlow 2.15 with Keras 2.

No other module asks which stack it runs on. Both make the same variables under the same names, so
checkpoints, records, features and SavedModels of one are read by the other.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

KERAS_2 = keras.__version__.startswith("2.")

# Arguments of `add_weight`. All replicas compute the same value: the first one's is everybody's.
FIRST_REPLICA: dict[str, Any] = {
    "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA if KERAS_2 else "only_first_replica"
}
# The variable stays float32 where mixed precision casts the others.
NEVER_CAST: dict[str, Any] = {"experimental_autocast" if KERAS_2 else "autocast": False}


def fresh_seed() -> int:
    """A seed for one initializer, which keras.utils.set_random_seed decides.

    Initializers without a seed take one from another generator on each stack, so a run would start
    from other weights.
    """
    return random.randint(1, 10**9)


def named_variables(model: keras.Model, trainable_only: bool = False) -> dict[str, tf.Variable]:
    """Path in the model ("layer1.0/conv1/kernel") -> TensorFlow's variable, in order of creation.

    Keras 3 wraps TensorFlow's variables and knows their paths. Those of Keras 2 are TensorFlow's
    own, whose names lack the layers when `build` was called directly.

    Args:
        model: A built model.
        trainable_only: Whether to leave out running statistics and random states.
    """
    variables = model.trainable_variables if trainable_only else model.variables
    if not KERAS_2:
        return {variable.path.partition("/")[2]: variable.value for variable in variables}
    wanted = {id(variable) for variable in variables}
    return {
        # In mixed precision a wrapper gives the variable's value in the type of the computation.
        path: getattr(variable, "_variable", variable)
        for path, variable in _paths(model, "")
        if id(variable) in wanted
    }


def weights_digest(model: keras.Model) -> str:
    """SHA-256 of the names and values of all variables."""
    digest = hashlib.sha256()
    for path, variable in named_variables(model).items():
        digest.update(path.encode())
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    return digest.hexdigest()


def _paths(layer: keras.layers.Layer, above: str) -> Iterator[tuple[str, tf.Variable]]:
    """Each variable of a Keras 2 layer, its own first, with its path under `above`."""
    for variable in (*layer._trainable_weights, *layer._non_trainable_weights):
        yield above + variable.name.rpartition("/")[2].partition(":")[0], variable
    for part in layer._flatten_layers(recursive=False, include_self=False):
        yield from _paths(part, f"{above}{part.name}/")


def adam_moments(
    optimizer: keras.optimizers.Adam, variable: tf.Variable
) -> tuple[tf.Variable, tf.Variable]:
    """The first and the second moment that a built Adam keeps of a variable."""
    if KERAS_2:
        index = optimizer._index_dict[optimizer._var_key(variable)]
        return optimizer._momentums[index], optimizer._velocities[index]
    index = optimizer._get_variable_index(variable)
    return optimizer._momentums[index].value, optimizer._velocities[index].value


def optimizer_state(
    optimizer: keras.optimizers.Adam, variables: Sequence[tf.Variable]
) -> keras.optimizers.Adam | tf.Module:
    """What a checkpoint saves of a built Adam, under the names that Keras 3 gives it.

    Keras 2 lists all first moments, then all second ones; Keras 3 the two of each variable, after
    the learning rate.

    Args:
        optimizer: Adam, built for `variables`.
        variables: Trainable variables of the model, in its order.
    """
    if not KERAS_2:
        return optimizer
    moments = zip(optimizer._momentums, optimizer._velocities, strict=True)
    state = tf.Module()
    state._iterations, state._learning_rate = optimizer.iterations, optimizer._learning_rate
    state._variables = [
        state._iterations,
        state._learning_rate,
        *(moment for pair in moments for moment in pair),
    ]
    state._trainable_variables = list(variables)
    return state
