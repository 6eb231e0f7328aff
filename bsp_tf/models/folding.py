"""A trained TSM for evaluation only: its normalisations are part of its convolutions."""

from bsp_tf.base.stack import named_variables
from bsp_tf.models.tsm import TSM


def folded_copy(model: TSM, dtype: str | None = None) -> TSM:
    """A copy that gives the same numbers but for rounding, and reads and writes less memory.

    Args:
        model: With all its variables; left as it is.
        dtype: Keras' policy of the copy; None: the model's. Variables stay float32.
    """
    copy = TSM.from_config(model.get_config() | ({"dtype": dtype} if dtype else {}))
    copy.build()
    values = named_variables(model)
    for path, variable in named_variables(copy).items():
        variable.assign(values[path])
    for conv, norm in copy.backbone.normalised():
        norm.fold_into(conv)
    return copy
