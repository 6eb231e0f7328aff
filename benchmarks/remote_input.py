"""Clips per second of the boundary pipeline from a local folder, and from a web server.

    python -m benchmarks.remote_input

The server runs on the same machine, in processes of its own, and takes its share of the cores; with
and without 20 ms from a request to its answer. All take turns; a ratio is the median of those of
the turns. Records as in benchmarks/input_pipeline.py.
"""

import contextlib
import multiprocessing
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from absl import flags

from benchmarks.input_pipeline import bench_config, rates_in_turns
from benchmarks.made_records import make_records
from bsp_tf.base.command_line import run_command
from bsp_tf.base.json_file import write_json
from bsp_tf.clips import pipelines
from bsp_tf.records.folder import SHARD_PATTERN
from tests.fixtures.web_server import serve

FLAGS = flags.FLAGS

DELAYS_MS = (0, 20)


def run_server(folder: Path, delay_ms: int, end: Connection) -> None:
    """Serves a folder until the other end of the pipe is closed; sends the address first."""
    with serve(folder) as server, contextlib.suppress(EOFError):
        server.delay = delay_ms / 1000
        end.send(server.url)
        end.recv()


@contextlib.contextmanager
def server_process(folder: Path, delay_ms: int) -> Iterator[str]:
    """The address of a server in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_server, args=(folder, delay_ms, theirs))
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.join()


def measure(
    folders: dict[str, str], batch_size: int, batches: int, repeats: int
) -> dict[str, list[float]]:
    """Clips per second of each turn, by the name of the folder."""
    streams = {}
    for name, folder in folders.items():
        config = bench_config(Path(), "boundary")
        config.data.train_dir = folder
        streams[name] = pipelines.dataset_for(config, "train", batch_size, 0)
    return rates_in_turns(streams, batch_size, batches, repeats)


def write_manifest(records: Path, num_clips: int) -> None:
    """Lists the one shard of a folder, as a web server cannot."""
    (shard,) = records.glob(SHARD_PATTERN)
    row = {"name": shard.name, "num_clips": num_clips, "num_bytes": shard.stat().st_size}
    write_json(records / "manifest.json", {"num_clips": num_clips, "shards": [row]})


def main(argv: Sequence[str]) -> None:
    """Prints a line for each place."""
    del argv
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as servers:
        os.environ["XDG_CACHE_HOME"] = f"{temporary}/cache"
        records = Path(temporary, "records")
        make_records(records, FLAGS.clips)
        write_manifest(records, FLAGS.clips)
        folders = {"local": str(records)}
        for delay in DELAYS_MS:
            address = servers.enter_context(server_process(records, delay))
            folders[f"server, {delay} ms"] = address
        rates = measure(folders, FLAGS.batch_size, FLAGS.batches, FLAGS.repeats)
    for name, row in rates.items():
        ratio = statistics.median(a / b for a, b in zip(row, rates["local"], strict=True))
        print(
            f"{name:<16}{statistics.median(row):8.1f} clips/s ({min(row):.1f} to {max(row):.1f}), "
            f"{ratio:.2f} of local"
        )


def define_flags() -> None:
    """Defines the flags of the command."""
    flags.DEFINE_integer("clips", 400, "Clips of the records.", lower_bound=20)
    flags.DEFINE_integer("batch_size", 32, "Clips of a batch.", lower_bound=4)
    flags.DEFINE_integer("batches", 20, "Batches of a turn.", lower_bound=1)
    flags.DEFINE_integer("repeats", 5, "Turns.", lower_bound=1)


if __name__ == "__main__":
    run_command(main, define_flags)
