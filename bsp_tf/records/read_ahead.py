"""Frames that will be asked for soon are read meanwhile, in threads of their own.

tf.data has a thread for each core, and one that waits for a server decodes nothing. So a pipeline
asks for the frames of its next units without waiting, and takes them when their turn has come.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

Fetch = Callable[[np.ndarray, np.ndarray], np.ndarray]

# Units that were asked for and not taken: a pipeline that was given up leaves some behind.
MOST_KEPT = 256


class ReadAhead:
    """What `fetch` returns, begun before it is wanted; the same whether it was asked for or not."""

    def __init__(self, fetch: Fetch):
        """`fetch`: rows and frames, both int [n], -> strings [n]; called from many threads."""
        self._fetch = fetch
        self._lock = threading.Lock()
        self._asked: OrderedDict[tuple[bytes, bytes], Future] = OrderedDict()

    def ask(self, rows: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Begins to fetch, and returns `rows` at once."""
        future: Future = Future()
        with self._lock:
            self._asked[rows.tobytes(), frames.tobytes()] = future
            if len(self._asked) > MOST_KEPT:
                self._asked.popitem(last=False)
        # TensorFlow may use the memory of both for other tensors after this call.
        wanted = (rows.copy(), frames.copy())
        # A daemon does not keep a program that ends from ending.
        threading.Thread(target=self._run, args=(future, *wanted), daemon=True).start()
        return rows

    def take(self, rows: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """What was asked for, when it has come; else it is fetched now."""
        with self._lock:
            future = self._asked.pop((rows.tobytes(), frames.tobytes()), None)
        return self._fetch(rows, frames) if future is None else future.result()

    def _run(self, future: Future, rows: np.ndarray, frames: np.ndarray) -> None:
        try:
            future.set_result(self._fetch(rows, frames))
        except Exception as error:  # it is raised where the frames are taken
            future.set_exception(error)
