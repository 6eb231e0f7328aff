"""Where a run is, and whether its numbers are still numbers."""

from collections.abc import Sequence

import tensorflow as tf


class TrainingDivergedError(ArithmeticError):
    """A loss, gradient or weight is no longer finite; the message says where and what to do."""


def diverged_error(step: int, checkpoint: str | None, remedy: str) -> TrainingDivergedError:
    """The error for a run that diverged at `step`; `checkpoint` is the last good one."""
    good = (
        f"the last good checkpoint is {checkpoint}"
        if checkpoint
        else "there is no checkpoint before it"
    )
    return TrainingDivergedError(f"the loss is no longer finite at step {step}; {good}. {remedy}")


class Progress(tf.Module):
    """Where the run is: saved with each checkpoint."""

    def __init__(self):
        """Step 0."""
        super().__init__(name="progress")

        def variable(value, dtype):
            return tf.Variable(value, dtype=dtype, trainable=False)

        self.step = variable(0, tf.int64)
        # Sums over the running epoch. Float64: a long epoch of float32 additions would lose digits.
        self.loss_sum = variable(0.0, tf.float64)
        self.num_correct = variable(0, tf.int64)
        self.seconds = variable(0.0, tf.float64)
        self.wait_seconds = variable(0.0, tf.float64)
        # First step whose loss or gradient was not finite; -1 while there is none. Set inside the
        # graph, so that the exact step is known although values are fetched only now and then.
        self.diverged_step = variable(-1, tf.int64)

    def start_epoch(self) -> None:
        """Sets the sums of the epoch to 0."""
        for variable in (self.loss_sum, self.num_correct, self.seconds, self.wait_seconds):
            variable.assign(tf.zeros_like(variable))

    def note_divergence(self, diverged: tf.Tensor, step: tf.Tensor) -> None:
        """Keeps `step` as the diverged one if bool [] says so and none was before it."""
        first = diverged & (self.diverged_step < 0)
        self.diverged_step.assign(tf.where(first, step, self.diverged_step))


@tf.function(autograph=False, reduce_retracing=True)
def all_finite(variables: Sequence[tf.Variable]) -> tf.Tensor:
    """Whether all floating-point values of `variables` are finite, bool []."""
    checks = [tf.reduce_all(tf.math.is_finite(v)) for v in variables if v.dtype.is_floating]
    return tf.reduce_all(tf.stack(checks))
