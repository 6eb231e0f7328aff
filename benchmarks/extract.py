"""How fast features are extracted: snippets and frames a second, times real time, time waiting.

    python -m benchmarks.extract --output=extract.json

For each network a SavedModel of both streams with random weights, as `bsp_tf.export` writes it, and
for each frame height a video of --seconds seconds at 25 frames/s, which shows moving stripes. The
way is that of `bsp_tf.extract` (decoding ahead in a thread, snippets of 8 frames, stride 8), but no
file is written. "waiting" is the share of the time in which the model has no snippets.

Of the frame height that comes first two other forms of the model take turns with the exported one:
"unfolded" (as it was trained, normalisations beside the convolutions) and "bfloat16" (exported with
--dtype=bfloat16); "error" is the largest difference of its features, relative to the largest one.
"""

import functools
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.json_file import write_json
from bsp_tf.export import evaluation_input, export_two_stream
from bsp_tf.features.extraction import Run, video_events
from bsp_tf.video.snippets import SnippetBatch

FLAGS = flags.FLAGS

# Name -> what TSM takes.
NETWORKS: dict[str, dict[str, Any]] = {
    "MobileNetV2": {"backbone": "mobilenet_v2"},
    "R18": {"depth": 18},
    "R50": {"depth": 50},
}
FPS, WINDOW = 25, 8
SHORT_SIDE, CROP_SIZE = 256, 224


EXPORTED, UNFOLDED, BFLOAT16 = "exported", "unfolded", "bfloat16"


def make_models(network: str, folder: Path) -> dict[str, Run]:
    """A model of two streams in its three forms; `network` is a name in NETWORKS."""
    import tensorflow as tf

    from bsp_tf.models.snippet_model import load_snippet_model
    from bsp_tf.models.tsm import TSM
    from bsp_tf.models.two_stream import TwoStream

    streams = [TSM(classes, **NETWORKS[network]) for classes in (400, 4)]
    for stream in streams:
        stream.build()
    prepare = functools.partial(evaluation_input, short_side=SHORT_SIDE, crop_size=CROP_SIZE)
    labels = [f"class {number}" for number in range(400)]
    config: dict[str, Any] = {"action": {}, "boundary": {}, "num_frames": WINDOW}
    forms = {}
    for name, dtype in ((EXPORTED, "float32"), (BFLOAT16, "bfloat16")):
        export_two_stream(*streams, labels, labels[:4], config, folder / name, prepare, dtype)
        forms[name] = load_snippet_model(folder / name).run
    frames = tf.TensorSpec([None, None, None, None, 3], tf.uint8)
    unfolded = tf.function(TwoStream(*streams, prepare), input_signature=[frames], autograph=False)
    forms[UNFOLDED] = lambda given: {
        name: values.numpy() for name, values in unfolded(tf.constant(given)).items()
    }
    return forms


def relative_error(run: Run, expected: Run) -> float:
    """Of the features of two random snippets, as the self check of an export compares them."""
    frames = np.random.default_rng(0).integers(0, 256, (2, WINDOW, 288, 352, 3), dtype=np.uint8)
    found, right = (np.asarray(each(frames)["features"]) for each in (run, expected))
    return float(np.abs(found - right).max() / np.abs(right).max())


def make_video(path: Path, height: int, seconds: float) -> Path:
    """H.264, 16:9, stripes that move by three pixels a frame."""
    width = round(height * 8 / 9) * 2
    stripes = np.add.outer(np.arange(height), np.arange(width))[..., None] * [1, 2, 3]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(round(seconds * FPS)):
            image = ((stripes + 3 * number) % 256).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def measure(run: Run, video: Path, batch_size: int, compiled: bool = False) -> dict[str, float]:
    """One pass over a video, the second one if the model is not `compiled` yet.

    Returns:
        "snippets_per_second", "frames_per_second" (of the video), "times_real_time", "waiting"
        (share of the time).
    """
    settings = {"short_side": SHORT_SIDE, "window": WINDOW, "frame_step": 1, "stride": WINDOW}
    if not compiled:
        # The first calls compile, one for each size of a batch.
        for item in video_events({"v": video}, settings, batch_size):
            if isinstance(item, SnippetBatch):
                run(item.frames)
    num_snippets = num_frames = 0
    waiting = 0.0
    begin = asked = time.perf_counter()
    for item in video_events({"v": video}, settings, batch_size):
        waiting += time.perf_counter() - asked
        if isinstance(item, SnippetBatch):
            run(item.frames)
            num_snippets += len(item.frames)
            num_frames = item.num_frames
        asked = time.perf_counter()
    seconds = time.perf_counter() - begin
    return {
        "snippets_per_second": num_snippets / seconds,
        "frames_per_second": num_frames / seconds,
        "times_real_time": num_frames / FPS / seconds,
        "waiting": waiting / seconds,
    }


def row_of(
    network: str, form: str, video: tuple[str, Path], run: Run, turn: int = 0
) -> dict[str, Any]:
    """One measurement, which is printed, too; `video`: height and file."""
    height, path = video
    row = measure(run, path, FLAGS.batch_size, compiled=turn > 0)
    print(
        f"{network:12s} {form:9s} {height:>5s}p  {row['snippets_per_second']:8.2f} snippets/s  "
        f"{row['frames_per_second']:8.1f} frames/s  {row['times_real_time']:6.2f} x real time  "
        f"waiting {row['waiting']:.0%}"
    )
    return {"network": network, "form": form, "height": int(height), "turn": turn, **row}


def define_flags() -> None:
    """Defines the flags of the command."""
    flags.DEFINE_list("networks", list(NETWORKS), f"Some of {', '.join(NETWORKS)}.")
    flags.DEFINE_list("heights", ["240", "480", "1080"], "Frame heights, pixels.")
    flags.DEFINE_float("seconds", 20.0, "Length of the videos.", lower_bound=1.0)
    flags.DEFINE_integer("batch_size", 16, "Snippets in one step.", lower_bound=1)
    flags.DEFINE_integer("repeats", 3, "Turns of the forms of a model.", lower_bound=1)
    flags.DEFINE_string("output", None, "JSON to write (default: print only).")


def main(argv: Sequence[str]) -> None:
    """Prints a row for each network and height."""
    del argv
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        videos = {
            height: make_video(Path(folder, f"{height}.mp4"), int(height), FLAGS.seconds)
            for height in FLAGS.heights
        }
        for network in FLAGS.networks:
            forms = make_models(network, Path(folder, network))
            first, *others = videos.items()
            speeds: dict[str, list[float]] = {form: [] for form in forms}
            for turn in range(FLAGS.repeats):
                for form, run in forms.items():
                    rows.append(row_of(network, form, first, run, turn))
                    speeds[form].append(rows[-1]["snippets_per_second"])
            for form in (UNFOLDED, BFLOAT16):
                ratios = [a / b for a, b in zip(speeds[EXPORTED], speeds[form], strict=True)]
                error = relative_error(forms[form], forms[EXPORTED])
                print(
                    f"{network}: exported is {statistics.median(ratios):.2f} "
                    f"({min(ratios):.2f} to {max(ratios):.2f}) times as fast as {form}, whose "
                    f"error is {error:.1e}"
                )
                rows.append({"network": network, "form": form, "error": error})
            rows += [row_of(network, EXPORTED, video, forms[EXPORTED]) for video in others]
    if FLAGS.output:
        write_json(FLAGS.output, rows)


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
