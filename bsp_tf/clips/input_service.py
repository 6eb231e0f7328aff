"""Batches made on other machines by tf.data service, equal to batches made here.

The service alone promises neither: workers deliver in any order, and what a worker holds when it
dies is lost. But batch n is a pure function of n. So the service deals out *numbers of batches*
(dynamic sharding), each batch comes with its number, and here they are put back in order; a batch
that does not come is made here. A run with the service ends with the weights of a run without it,
whatever happens to workers and dispatcher, and its state is the number of the next batch.

TensorFlow waits for a dispatcher without end and without a word, deaf to signals. So a thread does
the waiting.
"""

import queue
import sys
import threading
from collections.abc import Callable, Iterator

import tensorflow as tf

from bsp_tf.base.errors import InputError

# Batches held in memory while an earlier one is awaited; with more, that one counts as lost.
MAX_HELD_BATCHES = 8
# After this long without any batch they are made here until one comes. SIGTERM waits no longer.
PATIENCE_SECONDS = 10.0
# What a worker meets in its records; everything else is the service's own trouble.
DATA_ERRORS = (tf.errors.DataLossError, tf.errors.InvalidArgumentError)

MakeBatches = Callable[[int, int | None], tf.data.Dataset]


class ServiceBatches:
    """An endless stream of batches; each `iter` starts it anew."""

    def __init__(self, address: str, first_batch: int, make_batches: MakeBatches):
        """Keeps the arguments.

        Args:
            address: of the dispatcher, "grpc://host:port".
            first_batch: number of the first batch.
            make_batches: (first, end) -> Dataset of (number int64 [], batch) for first <= number <
                end (None: no end).
        Raises:
            InputError: not such an address.
        """
        if not address.startswith("grpc://") or ":" not in address[len("grpc://") :]:
            raise InputError(
                f"config: data.service={address!r} is not an address like "
                "grpc://10.0.0.1:5050 (empty: no service)."
            )
        self.address, self.first_batch, self.make_batches = address, first_batch, make_batches

    def __iter__(self) -> "ServiceIterator":
        return ServiceIterator(self)


class ServiceIterator(tf.train.experimental.PythonState, Iterator):
    """The batches in order.

    tf.train.Checkpoint saves and restores it: its state is `position`, the next number.
    """

    def __init__(self, batches: ServiceBatches):
        """Connects when the first batch is asked for, so that a restored position counts."""
        self.position = batches.first_batch
        self.num_lost = 0
        self._batches = batches
        self._expected = -1
        self._held: dict[int, dict] = {}
        self._connection: _Connection | None = None
        self._answers = True

    def __next__(self) -> dict[str, tf.Tensor]:
        """The batch at `position`.

        Raises:
            tf.errors.DataLossError, tf.errors.InvalidArgumentError: a worker met a damaged record.
        """
        number = self.position
        if number != self._expected:
            self._connect(number)
        while number not in self._held and len(self._held) < MAX_HELD_BATCHES:
            if not self._take_one(number):
                break
        batch = self._held.pop(number, None)
        if batch is None:
            self.num_lost += 1
            if self._answers:
                self._say(f"lost batch {number} (a worker died or is far behind); it is made here")
            _, batch = next(iter(self._batches.make_batches(number, number + 1)))
        self._expected = self.position = number + 1
        return batch

    def serialize(self) -> str:
        """The state for a checkpoint."""
        return str(self.position)

    def deserialize(self, string_value: bytes) -> None:
        """Takes the state of a checkpoint; the next batch is asked for anew."""
        self.position = int(string_value)

    def _take_one(self, number: int) -> bool:
        """Keeps the next batch that arrives, if not older than `number`; False if none arrives."""
        try:
            connection = self._connection or self._connect(number)
            received = connection.received.get(timeout=PATIENCE_SECONDS if self._answers else 0.001)
        except queue.Empty:
            self._be_silent(
                f"sends nothing for {PATIENCE_SECONDS:g} s: is the dispatcher running, and a "
                "worker?"
            )
            return False
        if isinstance(received, DATA_ERRORS):
            raise received
        if isinstance(received, tf.errors.OpError):
            self._be_silent(f"is lost ({received.message.strip().splitlines()[0]}).")
            self._connect(number)
            return False
        if not self._answers:
            self._answers = True
            self._say("answers again")
        arrived, batch = received
        if arrived >= number:
            self._held[int(arrived)] = batch
        return True

    def _be_silent(self, why: str) -> None:
        if self._answers:
            self._answers = False
            self._say(f"{why} Batches are made here until one comes")

    def _say(self, text: str) -> None:
        print(f"{self._batches.address} {text}", file=sys.stderr)

    def _connect(self, number: int) -> "_Connection":
        self._held = {}
        if self._connection:
            self._connection.is_wanted = False
        self._connection = _Connection(self._batches, number)
        return self._connection


class _Connection:
    """A thread that asks the service for batches from a number on.

    Attributes:
        received: pairs (number, batch), or the error that ended the connection.
        is_wanted: False lets the thread end.
    """

    def __init__(self, batches: ServiceBatches, number: int):
        self.received: queue.Queue = queue.Queue(maxsize=1)
        self.is_wanted = True
        threading.Thread(target=self._receive, args=(batches, number), daemon=True).start()

    def _receive(self, batches: ServiceBatches, number: int) -> None:
        service = tf.data.experimental.service.distribute(
            tf.data.experimental.service.ShardingPolicy.DYNAMIC,
            batches.address,
            max_outstanding_requests=MAX_HELD_BATCHES // 2,
            compression=None,
        )
        try:
            for numbered in batches.make_batches(number, None).apply(service):
                self._hand_over(numbered)
                if not self.is_wanted:
                    return
        except tf.errors.OpError as error:
            self._hand_over(error)

    def _hand_over(self, received: tuple | tf.errors.OpError) -> None:
        while self.is_wanted:
            try:
                self.received.put(received, timeout=1)
                return
            except queue.Full:
                continue
