"""Both ways from clips to JPEGs as whole commands: the usual tool chain, and ours."""

import resource
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PROCESSES = 2
# The scale of FFmpeg's -q:v: 2 is the best that is recommended, 31 the worst.
FFMPEG_QUALITY = 2
# A process counts as large as the one that it was forked from. This one here is large, so a small
# one is put between.
LAUNCHER = """import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)"""


def run_ffmpeg(ffmpeg: str, clips: Sequence[Path], output: Path) -> None:
    """The tool chain: one process per clip, PROCESSES at a time."""

    def convert_one(clip: Path) -> None:
        folder = output / clip.stem
        folder.mkdir(parents=True)
        subprocess.run(
            [
                ffmpeg,
                "-v",
                "error",
                "-nostdin",
                "-i",
                clip,
                "-q:v",
                str(FFMPEG_QUALITY),
                folder / "%05d.jpg",
            ],
            check=True,
        )

    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(convert_one, clips))


def run_convert(clips: Path, output: Path, *arguments: str) -> float:
    """Our command; returns the resident memory of its largest process, MB.

    Raises:
        RuntimeError: it failed.
    """
    command = [
        sys.executable,
        "-c",
        LAUNCHER,
        sys.executable,
        "-m",
        "tfrecords_tools.convert",
        f"--input={clips}",
        f"--output={output}",
        *arguments,
    ]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"tfrecords_tools.convert failed: {run.stderr[-500:]}")
    return int(run.stdout.split()[-1]) / 1024


def children_cpu_seconds() -> float:
    """CPU seconds of all processes that this one has started and waited for, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
