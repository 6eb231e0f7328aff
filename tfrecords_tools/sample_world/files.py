"""One file of the sample data: renders a clip or an untrimmed video and encodes it as mp4."""

import dataclasses
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np

from bsp_tf.base.atomic_file import atomic_write
from tfrecords_tools.sample_world.distractors import distractor_bump, distractor_overlay
from tfrecords_tools.sample_world.motions import Piece, draw_speed
from tfrecords_tools.sample_world.takes import Take
from tfrecords_tools.sample_world.videos import VideoPlan
from tfrecords_tools.sample_world.world import FPS, HEIGHT, WIDTH, Look, draw_look, scene_kind

CLIP_SECONDS = (3.0, 5.0)
CRF = (17, 31)  # least and most compression, drawn for each file
# One key frame per file: a refreshed picture would look like a tiny cut, and so would B-frames,
# which are coarser than their neighbours; a scene-cut search would add key frames at the joints.
# One thread: the same bytes every time.
X264 = {
    "preset": "superfast",
    "x264-params": "keyint=infinite:scenecut=0:bframes=0:threads=1:lookahead-threads=1",
}


@dataclasses.dataclass(frozen=True)
class ClipPlan:
    """A trimmed clip to render: where, of which action class, in which scene, from which seeds."""

    path: str
    action: str
    scene: int
    seeds: tuple[int, ...]
    num_frames: int


def plan_clip(path: str, action: str, scene: int, seeds: tuple[int, ...]) -> ClipPlan:
    """A clip of random length (3-5 s) for one path; `seeds` decide everything else about it."""
    seconds = np.random.default_rng((*seeds, 0)).uniform(*CLIP_SECONDS)
    return ClipPlan(path, action, scene, seeds, round(seconds * FPS))


def clip_frames(plan: ClipPlan) -> Iterator[np.ndarray]:
    """Frames of a clip, uint8 [HEIGHT, WIDTH, 3] RGB."""
    rng = np.random.default_rng((*plan.seeds, 1))
    piece = Piece(plan.action, draw_speed(rng), 0, plan.num_frames)
    take = Take([piece], draw_look(scene_kind(plan.scene), rng), rng)
    for index in range(plan.num_frames):
        yield _to_bytes(take.draw(index))


def _to_bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def video_frames(plan: VideoPlan) -> Iterator[np.ndarray]:
    """Frames of an untrimmed video, uint8 [HEIGHT, WIDTH, 3] RGB; holds the takes on screen."""
    rng = np.random.default_rng(plan.seeds)
    waiting = list(plan.shots)
    shown: list[tuple[int, int, Take]] = []  # first frame and end of the shot
    look: Look | None = None
    for frame in range(plan.num_frames):
        while waiting and waiting[0].start <= frame:
            shot = waiting.pop(0)
            look = draw_look(scene_kind(shot.scene), rng, look if shot.same_figures else None)
            shown.append((shot.start, shot.end, Take(shot.pieces, look, rng)))
        shown = [entry for entry in shown if frame < entry[1]]
        bump = distractor_bump(plan.distractors, frame)
        pictures = [take.draw(frame - start, bump) for start, _, take in shown]
        picture = pictures[0]
        if len(shown) == 2:
            (_, end, _), (start, _, _) = shown
            share = np.float32((frame - start + 1) / (end - start + 1))
            picture += share * (pictures[1] - picture)
        yield _to_bytes(distractor_overlay(picture, plan.distractors, frame))


def write_mp4(path: str | os.PathLike, frames: Iterable[np.ndarray], crf: int) -> None:
    """Encodes uint8 [HEIGHT, WIDTH, 3] frames as H.264 mp4; the file appears when complete."""
    with atomic_write(path) as file, av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options={**X264, "crf": str(crf)})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def make_file(root: str, plan: ClipPlan | VideoPlan) -> int:
    """Renders one planned file under `root`; returns its number of frames."""
    frames = clip_frames(plan) if isinstance(plan, ClipPlan) else video_frames(plan)
    crf = int(np.random.default_rng((*plan.seeds, 2)).integers(*CRF, endpoint=True))
    write_mp4(Path(root) / plan.path, frames, crf)
    return plan.num_frames
