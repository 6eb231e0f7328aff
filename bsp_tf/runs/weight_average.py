"""Exponential moving average (EMA) of the weights: evaluated and kept as best when it is on."""

import contextlib
from collections.abc import Iterator, Mapping

import tensorflow as tf


class WeightAverage:
    """a <- a + (1 - d) * (w - a) after every step, for all floating-point variables.

    BatchNorm statistics are among them.
    d = min(decay, (1 + s) / (10 + s)) with s finished steps, so that the random start is forgotten
    soon (tf.train.ExponentialMovingAverage's `num_updates` rule); without warm-up it is the decay
    from the first step on. Make it inside `strategy.scope()`.

    Attributes:
        averages: Name -> variable, same shapes as the weights; for checkpoints.
    """

    def __init__(self, weights: Mapping[str, tf.Variable], decay: float, warm_up: bool = True):
        """Starts with the weights as they are.

        Args:
            weights: Name -> variable.
            decay: d of a long run, in (0, 1).
            warm_up: Whether d begins smaller.
        """
        self._weights = {
            name: weight for name, weight in weights.items() if weight.dtype.is_floating
        }
        self._decay, self._warm_up = decay, warm_up
        self._strategy = tf.distribute.get_strategy()
        self.averages = {
            name: tf.Variable(weight, trainable=False, name="average")
            for name, weight in self._weights.items()
        }

    def update(self, step: tf.Tensor) -> None:
        """One step of the average; call it in cross-replica context, after the optimizer.

        Args:
            step: Finished steps, int64 [].
        """
        step = tf.cast(step, tf.float32)
        rate = 1.0 - (
            tf.minimum(self._decay, (1.0 + step) / (10.0 + step)) if self._warm_up else self._decay
        )

        def move(copy, weight, rate):
            copy.assign_add(rate * (weight - copy))

        for name, average in self.averages.items():
            self._strategy.extended.update(
                average, move, args=(self._weights[name], rate), group=False
            )

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Exchanges weights and averages for the time of a `with` block."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        for name, average in self.averages.items():
            weight = self._weights[name]
            values = tf.identity(weight), tf.identity(average)
            average.assign(values[0])
            weight.assign(values[1])
