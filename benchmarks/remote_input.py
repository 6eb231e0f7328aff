"""Clips per second of the boundary pipeline from a local folder, and from S3.

    python -m benchmarks.remote_input

The S3 server (moto's) runs on the same machine, in a process of its own, and takes its share of the
cores; so the CPU time of this process alone is given, too. With and without 20 ms from a request to
its answer; "no read-ahead": a batch is asked for when the one before is taken, and its quads one
after the other. All take turns; a ratio is the median of those of the turns. Records as in
benchmarks/input_pipeline.py, in shards of a few clips: that server reads a whole object for any
part of it.
"""

import contextlib
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import tensorflow as tf
from absl import flags

from benchmarks.input_pipeline import bench_config, rates_in_turns
from benchmarks.made_records import make_records
from bsp_tf.base.command_line import run_command
from bsp_tf.clips import pipelines

FLAGS = flags.FLAGS

CLIPS_PER_SHARD = 4
# Requests to this bucket are answered late.
LATE_BUCKET = "late"
DELAY_SECONDS = 0.02


def run_server(end: Connection) -> None:
    """An S3 server until the other end of the pipe is closed; sends its address first."""
    import threading

    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *arguments: Any) -> None:
            del arguments

    answer = DomainDispatcherApplication(create_backend_app)

    def application(environ: dict[str, Any], start: Callable) -> Any:
        if environ["PATH_INFO"].startswith(f"/{LATE_BUCKET}/"):
            time.sleep(DELAY_SECONDS)
        return answer(environ, start)

    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    end.send(f"http://127.0.0.1:{server.server_port}")
    with contextlib.suppress(EOFError):
        end.recv()
    server.shutdown()


@contextlib.contextmanager
def s3_server() -> Iterator[None]:
    """A server that this process takes for Amazon's."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_server, args=(theirs,))
    process.start()
    theirs.close()
    os.environ |= {
        "AWS_ENDPOINT_URL": ours.recv(),
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_REGION": "us-east-1",
    }
    try:
        yield
    finally:
        ours.close()
        process.join()


def upload(folder: Path, bucket: str) -> str:
    """Puts the files of a folder into a new bucket; returns its address."""
    import boto3  # type: ignore[import-untyped]

    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    client.create_bucket(Bucket=bucket)
    for file in folder.iterdir():
        client.upload_file(str(file), bucket, file.name)
    return f"s3://{bucket}"


def batches_of(folder: str, batch_size: int, ahead: bool = True) -> tf.data.Dataset:
    """The training stream of the boundary task."""
    config = bench_config(Path(), "boundary")
    config.data.train_dir = folder
    if ahead:
        return pipelines.dataset_for(config, "train", batch_size, 0)
    units = pipelines.UNITS["boundary"](config, "train", 0)
    options = tf.data.Options()
    options.autotune.enabled = False
    quads = tf.data.Dataset.range(tf.int64.max).map(units.make)
    return quads.batch(batch_size // units.samples_per_unit).with_options(options)


def cpu_milliseconds(stream: tf.data.Dataset, batch_size: int, batches: int) -> float:
    """What a clip costs this process, without the server."""
    started = time.process_time()
    for _ in stream.take(batches):
        pass
    return 1000 * (time.process_time() - started) / (batches * batch_size)


def measure(
    records: Path, batch_size: int, batches: int, repeats: int
) -> dict[str, tuple[list[float], float]]:
    """Clips a second of each turn, and CPU milliseconds a clip, by where and how they are read."""
    with s3_server():
        now, late = upload(records, "now"), upload(records, LATE_BUCKET)
        streams = {
            "local": batches_of(str(records), batch_size),
            "local, no read-ahead": batches_of(str(records), batch_size, ahead=False),
            "S3": batches_of(now, batch_size),
            "S3, 20 ms": batches_of(late, batch_size),
            "S3, 20 ms, no read-ahead": batches_of(late, batch_size, ahead=False),
        }
        rates = rates_in_turns(streams, batch_size, batches, repeats)
        return {
            name: (rates[name], cpu_milliseconds(stream, batch_size, batches))
            for name, stream in streams.items()
        }


def main(argv: Sequence[str]) -> None:
    """Prints a line for each place."""
    del argv
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["XDG_CACHE_HOME"] = f"{temporary}/cache"
        records = Path(temporary, "records")
        make_records(records, FLAGS.clips, num_shards=-(-FLAGS.clips // CLIPS_PER_SHARD))
        rates = measure(records, FLAGS.batch_size, FLAGS.batches, FLAGS.repeats)
    for name, (row, cpu) in rates.items():
        ratio = statistics.median(a / b for a, b in zip(row, rates["local"][0], strict=True))
        print(
            f"{name:<26}{statistics.median(row):8.1f} clips/s ({min(row):.1f} to {max(row):.1f}), "
            f"{ratio:.2f} of local; {cpu:.1f} CPU ms a clip here"
        )


def define_flags() -> None:
    """Defines the flags of the command."""
    flags.DEFINE_integer("clips", 400, "Clips of the records.", lower_bound=20)
    flags.DEFINE_integer("batch_size", 32, "Clips of a batch.", lower_bound=4)
    flags.DEFINE_integer("batches", 20, "Batches of a turn.", lower_bound=1)
    flags.DEFINE_integer("repeats", 5, "Turns.", lower_bound=1)


if __name__ == "__main__":
    run_command(main, define_flags)
