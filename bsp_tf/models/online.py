"""A TSM that looks back only, frame by frame: what a frame leaves for the next one is kept.

What is equal to what, for a model with shift "past" whose stream began with the empty state:

- "features" and "logits" of frame t are those of frame t in the clip of frames 0 to t, before the
  mean over the frames. No later frame changes them.
- The means of both over frames 0 to T - 1 are what `TSM.call` answers to that clip. Later on, the
  mean over the last T frames is only like that answer: these frames have seen what came before
  them, while those of a clip begin with nothing.

Source: Lin, Gan and Han, "TSM", ICCV 2019, section 3.3; what is shown live there is an answer of
each frame, too.
"""

from collections.abc import Mapping

import tensorflow as tf

from bsp_tf.models.temporal_shift import Past
from bsp_tf.models.tsm import DIFFERENCE_SCALE, TSM


def online_step(
    model: TSM, frames: tf.Tensor, state: Mapping[str, tf.Tensor]
) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    """The next frame of each of B streams, in evaluation.

    Args:
        model: With shift "past".
        frames: float32 [B, H, W, 3], normalised RGB.
        state: What the frame before has left; {}, or zeros of the same shapes, at the start.

    Returns:
        The answers, as of `TSM.call` but of this frame alone: "logits" [B, K], "features"
        [B, feature_dim], and of the heads that are there "place" [B] and "action" [B, num_actions].
        The state: name of each shifted convolution -> [B, h, w, C // shift_div], its input's first
        channels; with frame differences also "frame" [B, H, W, 3] and "seen" [B], 1. All float32.
    """
    past = Past(state, model.backbone.shifts, model.shift_div)
    kept = {}
    inputs = frames
    if model.input_kind == "rgb_diff":
        kept = {"frame": frames, "seen": tf.ones_like(frames[:, 0, 0, 0])}
        # The difference of a first frame is 0, not that to a black one.
        before, seen = state.get("frame", frames), state.get("seen", kept["seen"])
        difference = DIFFERENCE_SCALE * (frames - before) * seen[:, None, None, None]
        inputs = tf.concat([frames, difference], axis=-1)
    last = next(reversed(model.backbone(inputs, 1, False, past).values()))
    features = tf.reduce_mean(tf.cast(last, tf.float32), axis=[1, 2])
    outputs = {"logits": model.fc(features), "features": features}
    if model.place:
        outputs["place"] = tf.squeeze(model.place(features), axis=-1)
    if model.action:
        outputs["action"] = model.action(features)
    return outputs, {**past.left, **kept}
