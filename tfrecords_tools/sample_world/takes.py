"""A take: a scene and what both figures do in it, from its first frame to its last."""

from collections.abc import Sequence

import numpy as np

from tfrecords_tools.sample_world.motions import Piece, draw_speed, perform
from tfrecords_tools.sample_world.programs import BACKGROUND
from tfrecords_tools.sample_world.world import CENTER, FPS, Look, Scene

BYSTANDER_SECONDS = (2.0, 6.0)  # of one motion
BYSTANDER_REACH = 0.6  # of its motions, compared with those of the actor
APART = 30.0  # pixels from the actor's first place, if the frame has room


class Take:
    """What is seen of one shot; the bystander's motions change when they like, never to an action.

    Attributes:
        look: what is seen, without what moves.
    """

    def __init__(self, pieces: Sequence[Piece], look: Look, rng: np.random.Generator):
        """Draws all motions.

        Args:
            pieces: of the actor.
            look: of scene and figures.
            rng: for everything else.
        """
        self.look = look
        self._scene = Scene(look, rng)
        self._actor = perform(pieces, rng)
        self._bystander = _bystander_poses(len(self._actor), self._actor[0], rng)

    def draw(self, index: int, bump: np.ndarray | None = None) -> np.ndarray:
        """Frame `index` of the take, float32 [HEIGHT, WIDTH, 3]; `bump` as in Scene.draw."""
        return self._scene.draw(index / FPS, self._actor[index], self._bystander[index], bump)


def _bystander_poses(num_frames: int, actor_pose: np.ndarray, rng: np.random.Generator):
    """Poses of somebody who keeps away from the actor; float64 [num_frames, 5]."""
    pieces: list[Piece] = []
    start = 0
    while start < num_frames:
        end = start + round(rng.uniform(*BYSTANDER_SECONDS) * FPS)
        pieces.append(Piece(str(rng.choice(BACKGROUND)), draw_speed(rng), start, end))
        start = end
    poses = perform(pieces, rng)[:num_frames]
    places = rng.uniform(-1, 1, (16, 2)) * (CENTER - 12)
    distance = np.hypot(*(places - actor_pose[:2]).T)
    far = np.flatnonzero(distance > APART)
    poses[:, :2] *= BYSTANDER_REACH
    poses[:, :2] += places[far[0] if len(far) else distance.argmax()]
    return poses
