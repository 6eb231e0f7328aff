"""Batches made on other machines by tf.data service, with the order and the content of batches made here.

The service alone promises neither: workers deliver in any order, and what a worker holds when it dies is lost. But
batch n is a pure function of n. So the service deals out *numbers of batches* (dynamic sharding), each batch comes with
its number, and here they are put back in order; a batch that does not come is made here. A run with the service ends
with the weights of a run without it, whatever happens to the workers, and its state is the number of the next batch.
"""

import sys
from collections.abc import Callable, Iterator

import tensorflow as tf

from bsp_tf.base.errors import InputError

# Batches that may wait for an earlier one before that one counts as lost: the lead of the fastest worker, in memory.
MAX_HELD_BATCHES = 8

MakeBatches = Callable[[int, int | None], tf.data.Dataset]


class ServiceBatches:
    """An endless stream of batches; each `iter` starts it anew."""

    def __init__(self, address: str, first_batch: int, make_batches: MakeBatches):
        """Keeps the arguments.

        Args:
            address: of the dispatcher, "grpc://host:port".
            first_batch: number of the first batch.
            make_batches: (first, end) -> Dataset of (number int64 [], batch) for first <= number < end (None: no end).
        Raises:
            InputError: the address is none.
        """
        if not address.startswith("grpc://") or ":" not in address[len("grpc://"):]:
            raise InputError(f"config: data.service={address!r} is no dispatcher's address such as "
                             "grpc://10.0.0.1:5050 (empty: no service).")
        self.address, self.first_batch, self.make_batches = address, first_batch, make_batches

    def __iter__(self) -> "ServiceIterator":
        return ServiceIterator(self)


class ServiceIterator(tf.train.experimental.PythonState, Iterator):
    """The batches in order. tf.train.Checkpoint saves and restores it: its state is `position`, the next number."""

    def __init__(self, batches: ServiceBatches):
        """Connects when the first batch is asked for, so that a restored position counts."""
        self.position = batches.first_batch
        self.num_lost = 0
        self._batches = batches
        self._expected = -1
        self._held: dict[int, dict] = {}

    def __next__(self) -> dict[str, tf.Tensor]:
        """The batch at `position`. Waits as long as no worker answers."""
        number = self.position
        if number != self._expected:
            self._connect(number)
        while number not in self._held and len(self._held) < MAX_HELD_BATCHES:
            arrived, batch = next(self._arriving)
            if arrived >= number:
                self._held[int(arrived)] = batch
        batch = self._held.pop(number, None)
        if batch is None:
            self.num_lost += 1
            print(f"batch {number} did not come from {self._batches.address} (a worker died or is far behind); it is "
                  "made here", file=sys.stderr)
            _, batch = next(iter(self._batches.make_batches(number, number + 1)))
        self._expected = self.position = number + 1
        return batch

    def serialize(self) -> str:
        """The state for a checkpoint."""
        return str(self.position)

    def deserialize(self, string_value: bytes) -> None:
        """Takes the state of a checkpoint; the next batch is asked for anew."""
        self.position = int(string_value)

    def _connect(self, number: int) -> None:
        self._held = {}
        service = tf.data.experimental.service.distribute(
            tf.data.experimental.service.ShardingPolicy.DYNAMIC, self._batches.address,
            max_outstanding_requests=MAX_HELD_BATCHES // 2, compression=None)
        self._arriving = iter(self._batches.make_batches(number, None).apply(service))
