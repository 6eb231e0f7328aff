"""Videos a second to JPEGs: `tfrecords_tools.convert` beside the usual tool chain; scaling with
workers; memory.

    python -m benchmarks.convert --ffmpeg=/usr/bin/ffmpeg --output=convert.json

The tool chain is `ffmpeg -i clip -q:v 2 %05d.jpg`, two processes at a time, a folder a clip. Both
sides read the same 20 clips of 10 s at 340x256 (H.264, made here with PyAV) and write frames of
that size; ours also packs them into shards, with checksums and a manifest. Our JPEG quality is
chosen twice: for as many bytes as FFmpeg writes, and for as good a picture (PSNR of the luma
against the decoded frames). Whole commands are timed, start-up included, in turns, and the median
counts; CPU seconds are those of all processes of a run, and say what a machine that is busy with
other things hides. Memory is that of the largest process of a run.

An ffmpeg comes with `apt-get install ffmpeg`; the wheel of `pip install imageio-ffmpeg` holds one,
too.
"""

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import simplejpeg
from absl import flags
from av.video.reformatter import ColorRange, Colorspace

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json
from bsp_tf.video.reader import decode_frames
from tfrecords_tools.conversion.clip_encoder import JpegEncoder

FLAGS = flags.FLAGS

PROJECT = Path(__file__).resolve().parents[1]
CLIPS, SECONDS, FPS, WIDTH, HEIGHT = 20, 10, 30, 340, 256
# To see how work scales, and not how quickly processes start, the same clips are taken so many
# times.
SCALING_TIMES = 3
PROCESSES = 2
# The scale of FFmpeg's -q:v: 2 is the best that is recommended, 31 the worst.
FFMPEG_QUALITY = 2
# A process counts as large as the one that it was forked from. This one here is large, so a small
# one is put between.
LAUNCHER = """import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)"""
LONG_SIZE = (160, 120)
LARGE_SIZE = (1920, 1080)


def smooth_noise(rng: np.random.Generator, height: int, width: int, slope: float) -> np.ndarray:
    """Noise whose amplitude falls with frequency as in photographs (about 1/f), zero mean, unit
    variance, [H, W].
    """
    spectrum = np.fft.rfft2(rng.standard_normal((height, width)))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    radius[0, 0] = 1.0
    noise = np.fft.irfft2(spectrum / radius**slope, s=(height, width))
    return (noise - noise.mean()) / noise.std()


def write_clip(
    path: Path,
    seed: int,
    num_frames: int,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    preset: str = "medium",
) -> None:
    """A camera that swings over a scene, with a moving object and the sensor's noise; H.264 as
    uploads are.
    """
    width, height = size
    rng = np.random.default_rng(seed)
    luma = 128 + 45 * smooth_noise(rng, 2 * height, 2 * width, 1.2)[..., None]
    colour = np.stack([15 * smooth_noise(rng, 2 * height, 2 * width, 1.8) for _ in range(3)], -1)
    scene = np.clip(luma + colour, 16, 240).astype(np.int16)
    sensor = rng.normal(0, 2, (2 * height, 2 * width, 1)).astype(np.int16)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": preset})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i in range(num_frames):
            top = int(height / 2 * (1 + np.cos(i / 55)))
            left = int(width / 2 * (1 + np.sin(i / 40)))
            image = scene[top : top + height, left : left + width].copy()
            step = i % (width - width // 5)
            image[height // 4 : height // 2, step : step + width // 5] = scene[
                : height // 2 - height // 4, : width // 5
            ]
            top, left = rng.integers(0, height), rng.integers(0, width)
            image += sensor[top : top + height, left : left + width]
            frame = av.VideoFrame.from_ndarray(image.astype(np.uint8), format="rgb24")
            frame = frame.reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU601,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def psnr(ours: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal to noise ratio of 8-bit images, decibels."""
    return float(10 * np.log10(255**2 / np.mean((ours.astype(float) - truth) ** 2)))


class Yardstick:
    """The decoded frames of one clip, and how near JPEGs come to them."""

    def __init__(self, clip: Path, stride: int = 10) -> None:
        self._stride = stride
        self._frames = [
            shown.picture for i, shown in enumerate(decode_frames(clip)) if i % stride == 0
        ]
        full = [
            frame.reformat(
                format="yuv420p", src_color_range=frame.color_range, dst_color_range=ColorRange.JPEG
            )
            for frame in self._frames
        ]
        self._luma = [
            np.ndarray(
                (frame.height, frame.width),
                np.uint8,
                frame.planes[0],
                strides=(frame.planes[0].line_size, 1),
            ).copy()
            for frame in full
        ]

    def score(self, jpegs: Sequence[bytes]) -> dict:
        """Mean bytes and mean luma PSNR of the JPEGs of the frames that are kept here."""
        values = [
            psnr(simplejpeg.decode_jpeg(jpeg, "GRAY")[..., 0], luma)
            for jpeg, luma in zip(jpegs, self._luma, strict=True)
        ]
        return {
            "frame_bytes": float(np.mean([len(jpeg) for jpeg in jpegs])),
            "psnr": float(np.mean(values)),
        }

    def score_folder(self, folder: Path) -> dict:
        """The same for FFmpeg's files of this clip."""
        return self.score([path.read_bytes() for path in sorted(folder.iterdir())[:: self._stride]])

    def choose(self, key: str, wanted: float) -> dict:
        """Our lowest quality whose `key` (frame_bytes or psnr) is at least `wanted`, with its
        scores.
        """
        for quality in range(75, 101):
            encoder = JpegEncoder(0, quality)
            scores = self.score([encoder(frame) for frame in self._frames])
            if scores[key] >= wanted:
                break
        return {"quality": quality, **scores}


def run_ffmpeg(ffmpeg: str, clips: Sequence[Path], output: Path) -> None:
    """The tool chain: one process a clip, PROCESSES at a time."""

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


def measure(
    ffmpeg: str | None,
    folder: Path,
    repeats: int = 5,
    clips: int = CLIPS,
    seconds: float = SECONDS,
    long_minutes: float = 60.0,
    large_seconds: float = 20.0,
) -> dict:
    """Makes the clips below `folder`, converts them in every way, in turns, and measures memory on
    long and large ones.

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
    """Peak of the largest process, MB, for a long video, one of a sixtieth of its length, and a
    large one.
    """
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
        f"{'':<38}{'clips':>6}{'quality':>9}{'KB/frame':>10}{'PSNR dB':>9}{'seconds':>9}{'videos/s':>10}"
        f"{'CPU s':>8}{'peak MB':>9}"
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
            f"videos a second against ffmpeg: {theirs / ours:.2f} times at its PSNR, "
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
            "of `pip "
            "install imageio-ffmpeg` holds one)."
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
