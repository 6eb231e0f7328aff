"""Videos per second to JPEGs: `tfrecords_tools.convert` beside the usual tool chain; memory.

    python -m benchmarks.convert --ffmpeg=/usr/bin/ffmpeg --output=convert.json

The tool chain is `ffmpeg -i clip -q:v 2 %05d.jpg`, two processes at a time, a folder per clip. Both
sides read the same 20 clips of 10 s at 340x256 (H.264, made here with PyAV) and write frames of
that size; ours also packs them into shards, with checksums and a manifest. Our JPEG quality is
chosen twice: for as many bytes as FFmpeg writes, and for as good a picture (PSNR of the luma
against the decoded frames). Whole commands are timed, start-up included, in turns, and the median
counts; CPU seconds are those of all processes of a run, and say what a machine that is busy with
other things hides. Memory is that of the largest process of a run.

An ffmpeg comes with `apt-get install ffmpeg`; the wheel of `pip install imageio-ffmpeg` holds one,
too.
"""

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import flags

from benchmarks.conversion_runs import (
    FFMPEG_QUALITY,
    children_cpu_seconds,
    run_convert,
    run_ffmpeg,
)
from benchmarks.jpeg_quality import Yardstick
from benchmarks.made_clips import FPS, HEIGHT, WIDTH, write_clip
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json

FLAGS = flags.FLAGS

CLIPS, SECONDS = 20, 10
# More clips show how work scales, and not how quickly processes start: the same ones, repeated.
SCALING_TIMES = 3
LONG_SIZE = (160, 120)
LARGE_SIZE = (1920, 1080)


def measure(
    ffmpeg: str | None,
    folder: Path,
    repeats: int = 5,
    clips: int = CLIPS,
    seconds: float = SECONDS,
    long_minutes: float = 60.0,
    large_seconds: float = 20.0,
) -> dict:
    """Makes clips, converts them in every way, in turns, and measures memory on large ones.

    Args:
        ffmpeg: the binary; None leaves the tool chain out.
        folder: for clips and outputs; about 1 GB.
        repeats: runs of each way.
        clips: number of clips.
        seconds: length of each.
        long_minutes: length of the long video (160x120).
        large_seconds: length of the large video (1920x1080, stored at that size); 0 leaves it out.
    Returns:
        {"rows": {name: {"clips", "seconds", "runs", "cpu_seconds", "quality", "frame_bytes",
        "psnr", "peak_megabytes"}}, "memory": {name: peak MB}, "clips", "frames"}.
    Raises:
        InputError: `repeats` is below 1.
        RuntimeError, CalledProcessError: a run failed.
    """
    if repeats < 1:
        raise InputError(f"--repeats={repeats}: give at least 1.")
    source = folder / "clips"
    names = [source / "a" / f"{i:02d}.mp4" for i in range(clips)]
    for seed, name in enumerate(names):
        write_clip(name, seed, round(seconds * FPS))
    yardstick = Yardstick(names[0])
    ways: dict[str, Callable[[Path], float | None]] = {}
    rows: dict[str, dict] = {}
    same_bytes = same_psnr = {"quality": 95}
    if ffmpeg:
        ways["ffmpeg, 2 processes"] = lambda output: run_ffmpeg(ffmpeg, names, output)
        run_ffmpeg(ffmpeg, names[:1], folder / "probe")
        theirs = yardstick.score_folder(folder / "probe" / names[0].stem)
        rows["ffmpeg, 2 processes"] = {
            "quality": f"-q:v {FFMPEG_QUALITY}",
            "clips": clips,
            **theirs,
        }
        same_bytes = yardstick.choose("frame_bytes", theirs["frame_bytes"])
        same_psnr = yardstick.choose("psnr", theirs["psnr"])

    many = folder / "many"
    for i in range(SCALING_TIMES):
        (many / str(i)).mkdir(parents=True)
        for name in names:
            (many / str(i) / name.name).symlink_to(name.resolve())

    def add(name: str, scores: dict, workers: int, source: Path, times: int = 1) -> None:
        rows[name] = scores | {"clips": clips * times}
        flag_values = [
            f"--workers={workers}",
            f"--jpeg_quality={scores['quality']}",
            "--num_shards=4",
        ]
        ways[name] = lambda output: run_convert(source, output, *flag_values)

    if ffmpeg:
        add("convert, 2 workers, bytes as ffmpeg", same_bytes, 2, source)
    add("convert, 2 workers, PSNR as ffmpeg", same_psnr, 2, source)
    for workers in (2, 1):
        add(f"convert, {workers} worker(s), more clips", same_psnr, workers, many, SCALING_TIMES)
    runs: dict[str, list[float]] = {name: [] for name in ways}
    cpu_runs: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            output = folder / "output"
            begin, cpu = time.perf_counter(), children_cpu_seconds()
            peak = way(output)
            runs[name].append(time.perf_counter() - begin)
            cpu_runs[name].append(children_cpu_seconds() - cpu)
            rows[name]["peak_megabytes"] = max(rows[name].get("peak_megabytes", 0.0), peak or 0.0)
            shutil.rmtree(output)
    for name, row in rows.items():
        row |= {
            "seconds": statistics.median(runs[name]),
            "runs": runs[name],
            "cpu_seconds": statistics.median(cpu_runs[name]),
        }
    shutil.rmtree(many)
    return {
        "clips": clips,
        "frames": clips * round(seconds * FPS),
        "rows": rows,
        "memory": measure_memory(folder, long_minutes, large_seconds),
    }


def measure_memory(folder: Path, long_minutes: float, large_seconds: float) -> dict[str, float]:
    """Peak of the largest process, MB: a long video, a sixtieth of its length, a large one."""
    found = {}
    for name, size, seconds in (
        ("long", LONG_SIZE, 60 * long_minutes),
        ("short", LONG_SIZE, long_minutes),
        ("large", LARGE_SIZE, large_seconds),
    ):
        if not seconds:
            continue
        write_clip(
            folder / name / "a" / "a.mp4", 0, max(round(seconds * FPS), 2), size, preset="ultrafast"
        )
        title = f"{size[0]}x{size[1]}, {seconds:.0f} s"
        found[title] = run_convert(
            folder / name, folder / "output", "--workers=1", "--short_side=0"
        )
        shutil.rmtree(folder / "output")
    return found


def format_costs(result: dict) -> str:
    """A table, then what it means."""
    lines = [
        f"{'':<38}{'clips':>6}{'quality':>9}{'KB/frame':>10}{'PSNR dB':>9}{'seconds':>9}"
        f"{'videos/s':>10}{'CPU s':>8}{'peak MB':>9}"
    ]
    rows = result["rows"]
    for name, row in rows.items():
        sizes = (
            f"{row['frame_bytes'] / 1000:>10.1f}{row['psnr']:>9.2f}"
            if "psnr" in row
            else f"{'':>19}"
        )
        peak = f"{row['peak_megabytes']:>9.0f}" if row["peak_megabytes"] else ""
        lines.append(
            f"{name:<38}{row['clips']:>6}{row['quality']:>9}{sizes}{row['seconds']:>9.2f}"
            f"{row['clips'] / row['seconds']:>10.2f}{row['cpu_seconds']:>8.2f}{peak}"
        )
    repeats = len(next(iter(rows.values()))["runs"])
    lines.append(
        f"seconds: median of {repeats}; {result['clips']} clips are {result['frames']} frames of "
        f"{WIDTH}x{HEIGHT}; PSNR: luma against the decoded frames"
    )
    ours = rows["convert, 2 workers, PSNR as ffmpeg"]["seconds"]
    two, one = (rows[f"convert, {workers} worker(s), more clips"]["seconds"] for workers in (2, 1))
    if "ffmpeg, 2 processes" in rows:
        theirs = rows["ffmpeg, 2 processes"]["seconds"]
        lines.append(
            f"videos per second against ffmpeg: {theirs / ours:.2f} times at its PSNR, "
            f"{theirs / rows['convert, 2 workers, bytes as ffmpeg']['seconds']:.2f} times at its "
            "bytes"
        )
        at_psnr, at_bytes = (
            rows["ffmpeg, 2 processes"]["cpu_seconds"] / rows[name]["cpu_seconds"]
            for name in (
                "convert, 2 workers, PSNR as ffmpeg",
                "convert, 2 workers, bytes as ffmpeg",
            )
        )
        lines.append(
            f"CPU time of ffmpeg against ours: {at_psnr:.2f} times at its PSNR, "
            f"{at_bytes:.2f} times at its bytes"
        )
    lines.append(f"two workers against one: {one / two:.2f} times")
    lines += [
        f"peak of the largest process, {name}: {peak:.0f} MB"
        for name, peak in result["memory"].items()
    ]
    return "\n".join(lines)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string(
        "ffmpeg", shutil.which("ffmpeg"), "The ffmpeg binary (default: the one on the PATH)."
    )
    flags.DEFINE_integer("repeats", 5, "Timed runs of each; the median counts.")
    flags.DEFINE_float("long_minutes", 60.0, "Length of the long video.", lower_bound=0.1)
    flags.DEFINE_string(
        "folder", None, "Where clips and outputs go meanwhile (default: the system's)."
    )
    flags.DEFINE_string("output", None, "JSON to write (default: print only).")


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    if not FLAGS.ffmpeg:
        raise InputError(
            "no ffmpeg on the PATH: `apt-get install ffmpeg`, or give --ffmpeg=BINARY (the wheel "
            "of `pip install imageio-ffmpeg` holds one)."
        )
    with tempfile.TemporaryDirectory(dir=FLAGS.folder) as folder:
        result = measure(
            FLAGS.ffmpeg, Path(folder), repeats=FLAGS.repeats, long_minutes=FLAGS.long_minutes
        )
    print(format_costs(result))
    if FLAGS.output:
        write_json(FLAGS.output, result)
        print(f"wrote {FLAGS.output}")


if __name__ == "__main__":
    run_command(main, define_flags)
