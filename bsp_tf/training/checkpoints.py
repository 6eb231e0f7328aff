"""Restoring tf.train checkpoints: all of them or one line that names the file."""

import os

import tensorflow as tf

from bsp_tf.base.errors import InputError


def restore_checkpoint(checkpoint: tf.train.Checkpoint, path: str, config: str | os.PathLike,
                       whole: bool = False) -> None:
    """Restores `path` into `checkpoint`.

    Args:
        checkpoint: The objects to fill; each must be in the file.
        path: Prefix of the checkpoint's files.
        config: The config file that the objects were made from, for the message.
        whole: Whether everything in the file must also have its object, as when a run is resumed.

    Raises:
        InputError: a file of it is missing, cut or damaged, or it was written by another model.
    """
    try:
        status = checkpoint.restore(path)
        if whole:
            status.assert_consumed()
        else:
            status.expect_partial().assert_existing_objects_matched()
    # TensorFlow tells of a cut file with IndexError.
    except (AssertionError, IndexError, ValueError, tf.errors.OpError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(f"checkpoint {path} does not fit the model of {config} or is damaged ({reason}). Train again "
                         "in a new workdir.") from error
