"""One file of the sample data: renders a clip or an untrimmed video and encodes it as mp4."""

import dataclasses
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np

from bsp_tf.base.atomic_file import atomic_write
from tfrecords_tools.sample_world import motions
from tfrecords_tools.sample_world.distractors import distractor_bump, distractor_overlay
from tfrecords_tools.sample_world.videos import Piece, Shot, VideoPlan
from tfrecords_tools.sample_world.world import (
    FPS,
    HEIGHT,
    WIDTH,
    Look,
    Scene,
    draw_look,
    scene_kind,
)

CLIP_SECONDS = (3.0, 5.0)
# One key frame per file: a refreshed picture would look like a tiny cut, and so would B-frames,
# which are coarser than their neighbours; a scene-cut search would add key frames at the joints.
# One thread: the same bytes every time.
X264 = {
    "preset": "superfast",
    "crf": "17",
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
    motion = motions.draw_motion(plan.action, rng, motions.draw_speed(rng))
    base = motions.draw_base(motion, rng)
    scene = Scene(draw_look(scene_kind(plan.scene), rng), base, rng)
    seconds = np.arange(plan.num_frames) / FPS
    for time, pose in zip(seconds, base + motion.poses(seconds), strict=True):
        yield _to_bytes(scene.draw(time, pose))


def _to_bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def _piece_seconds(piece: Piece) -> np.ndarray:
    """Seconds since a piece's start of its frames and of the next, where the next piece begins."""
    return np.arange(piece.end - piece.start + 1) / FPS


class _Take:
    """A shot while it is on: its scene and the actor's poses, one per frame."""

    def __init__(
        self, shot: Shot, kind: tuple[str, str], figures_of: Look | None, rng: np.random.Generator
    ):
        self.shot = shot
        self.look = draw_look(kind, rng, figures_of)
        first, *others = shot.pieces
        motion = motions.draw_motion(first.motion, rng, first.speed)
        base = motions.draw_base(motion, rng)
        self.scene = Scene(self.look, base, rng)
        self.poses = base + motion.poses(_piece_seconds(first))
        for piece in others:
            motion, base = motions.continue_motion(piece.motion, self.poses[-1], rng, piece.speed)
            self.poses = np.concatenate(
                [self.poses[:-1], base + motion.poses(_piece_seconds(piece))]
            )

    def draw(self, frame: int, bump: np.ndarray) -> np.ndarray:
        index = frame - self.shot.start
        return self.scene.draw(index / FPS, self.poses[index], bump)


def video_frames(plan: VideoPlan) -> Iterator[np.ndarray]:
    """Frames of an untrimmed video, uint8 [HEIGHT, WIDTH, 3] RGB; holds the takes on screen."""
    rng = np.random.default_rng(plan.seeds)
    waiting = list(plan.shots)
    takes: list[_Take] = []
    look: Look | None = None
    for frame in range(plan.num_frames):
        while waiting and waiting[0].start <= frame:
            shot = waiting.pop(0)
            takes.append(
                _Take(shot, scene_kind(shot.scene), look if shot.same_figures else None, rng)
            )
            look = takes[-1].look
        takes = [take for take in takes if frame < take.shot.end]
        bump = distractor_bump(plan.distractors, frame)
        picture = takes[0].draw(frame, bump)
        if len(takes) == 2:
            coming = takes[1].shot
            share = np.float32((frame - coming.start + 1) / (takes[0].shot.end - coming.start + 1))
            picture += share * (takes[1].draw(frame, bump) - picture)
        yield _to_bytes(distractor_overlay(picture, plan.distractors, frame))


def write_mp4(path: str | os.PathLike, frames: Iterable[np.ndarray]) -> None:
    """Encodes uint8 [HEIGHT, WIDTH, 3] frames as H.264 mp4; the file appears when complete."""
    with atomic_write(path) as file, av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options=X264)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def make_file(root: str, plan: ClipPlan | VideoPlan) -> int:
    """Renders one planned file under `root`; returns its number of frames."""
    frames = clip_frames(plan) if isinstance(plan, ClipPlan) else video_frames(plan)
    write_mp4(Path(root) / plan.path, frames)
    return plan.num_frames
