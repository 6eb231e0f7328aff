"""Feeds one reader with damaged files in a process of its own, and keeps what it could not stand.

A fault is any exception but InputError, a crash of the process, more than MOST_SECONDS for a file,
or more than MOST_BYTES of memory. A file that was a fault is found again by its number: the damages
of file n of a reader follow from n alone.
"""

import contextlib
import multiprocessing
import resource
import signal
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import numpy as np

from bsp_tf.base.errors import InputError
from tests.fuzz.mutations import mutate
from tests.fuzz.readers import Reader

MOST_SECONDS = 10
MOST_BYTES = 4 << 30
REPORT_EVERY_SECONDS = 0.5


@dataclass
class Tally:
    """What came of the files of one reader.

    Attributes:
        tried: Files read.
        refused: Of these, told to be bad.
        seconds: What it took.
        faults: Number of the file -> what happened.
    """

    tried: int = 0
    refused: int = 0
    seconds: float = 0.0
    faults: dict[int, str] = field(default_factory=dict)


class TooLong(Exception):
    """A file took more than MOST_SECONDS."""


def damaged(reader: Reader, number: int, seeds: list[bytes]) -> bytes:
    """The damaged file of that number; the first ones are sound."""
    if number < len(seeds):
        return reader.wrap(seeds[number])
    rng = np.random.default_rng(number)
    data, other = (seeds[rng.integers(len(seeds))] for _ in range(2))
    return reader.wrap(mutate(data, other, rng))


def fuzz(
    reader: Reader, files: int, seconds: float, first: int = 0, most_faults: int = 10
) -> Tally:
    """Tries files `first`, `first` + 1, ... until one of the limits is reached.

    Args:
        reader: Whose files.
        files: How many at most.
        seconds: How long at most.
        first: Number of the first file.
        most_faults: After so many faults it ends.
    """
    tally, context = Tally(), multiprocessing.get_context("spawn")
    start, end = first, first + files
    while start < end and tally.seconds < seconds and len(tally.faults) < most_faults:
        (ours, theirs), current = context.Pipe(duplex=False), context.Value("q", start)
        process = context.Process(
            target=_read_all, args=(theirs, current, reader, start, end, seconds - tally.seconds)
        )
        process.start()
        theirs.close()
        with contextlib.suppress(EOFError):
            while True:
                kind, number, value = ours.recv()
                if kind == "fault":
                    tally.faults[number] = value
                else:
                    tally.tried += value["tried"]
                    tally.refused += value["refused"]
                    tally.seconds += value["seconds"]
                    start = number
        process.join()
        if process.exitcode:
            tally.faults[current.value] = f"the process died with status {process.exitcode}"
            start = current.value + 1
    return tally


def _alarm(*_: object) -> None:
    raise TooLong


def _read_all(
    pipe: Connection, current: Synchronized, reader: Reader, start: int, end: int, seconds: float
) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    signal.signal(signal.SIGALRM, _alarm)
    warnings.simplefilter("ignore")
    seeds = reader.seeds()
    tried = refused = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, reader.name)
        begun = told = time.monotonic()
        for number in range(start, end):
            now = time.monotonic()
            if now > told + REPORT_EVERY_SECONDS:
                facts = {"tried": tried, "refused": refused, "seconds": now - told}
                pipe.send(("so far", number, facts))
                told, tried, refused = now, 0, 0
                if now > begun + seconds:
                    return
            current.value = number
            path.write_bytes(damaged(reader, number, seeds))
            signal.alarm(MOST_SECONDS)
            try:
                reader.read(str(path))
            except InputError as error:
                refused += 1
                if len(str(error).splitlines()) > 1:
                    pipe.send(("fault", number, f"more than one line: {error}"))
            except TooLong:
                pipe.send(("fault", number, f"more than {MOST_SECONDS} s"))
            except BaseException:  # noqa: BLE001 - whatever it is, it is what is looked for
                pipe.send(("fault", number, traceback.format_exc(limit=-4)))
            finally:
                signal.alarm(0)
            tried += 1
        facts = {"tried": tried, "refused": refused, "seconds": time.monotonic() - told}
        pipe.send(("so far", end, facts))
