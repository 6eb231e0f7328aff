"""Pictures of the videos that browsers cannot play, in the page itself.

Of all others the page takes the pictures from the file when it shows them.
"""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import numpy as np
import simplejpeg

from bsp_tf.base.remote_path import AnyPath, is_url
from bsp_tf.video.stream import VideoError, open_video
from bsp_tf.video.thumbnails import thumbnails

PICTURES = 24
SHORT_SIDE = 54
# About 30 kB each.
MOST_STRIPS = 100
_QUALITY = 70
_MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
_PLAYABLE_FORMATS = {".mp4": _MP4, ".m4v": _MP4, ".webm": "matroska,webm"}
_PLAYABLE_CODECS = ("h264", "vp8", "vp9", "av1")
_PLAYABLE_PIXELS = ("yuv420p", "yuvj420p")


def plays_in_browsers(path: AnyPath) -> bool:
    """Whether every current browser shows the pictures of a file (H.264, VP8, VP9, AV1; 8 bit).

    Raises:
        VideoError: it cannot be opened.
    """
    with open_video(path) as (container, stream):
        return (
            container.format.name == _PLAYABLE_FORMATS.get(Path(str(path)).suffix.lower())
            and stream.codec_context.codec.canonical_name in _PLAYABLE_CODECS
            and stream.codec_context.pix_fmt in _PLAYABLE_PIXELS
        )


def film_strip(path: AnyPath, duration_seconds: float) -> dict[str, Any]:
    """Evenly spread pictures side by side as one JPEG: {"jpeg": base64, "pictures": their number}.

    Raises:
        VideoError: not one of the frames could be read.
    """
    pictures = thumbnails(path, duration_seconds, PICTURES, SHORT_SIDE)
    strip = np.concatenate(pictures, axis=1)
    jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(strip), quality=_QUALITY)
    return {"jpeg": base64.b64encode(jpeg).decode(), "pictures": len(pictures)}


def _way(folder: Path, uri: str) -> Path:
    """As a browser goes it: ".." takes a name away, also that of a link."""
    return Path(os.path.normpath(folder / os.fsdecode(unquote_to_bytes(uri))))


def with_film_strips(
    data: Mapping[str, Any], folder: Path, most: int = MOST_STRIPS
) -> dict[str, Any]:
    """The data of a page, with a "strip" for the first videos that need one.

    Args:
        data: From `page_data`.
        folder: Where the page lies; its videos are looked for from there. Files that are gone or
            cannot be read have no strip.
        most: How many have one.
    """
    videos, left = [], most
    for video in data["videos"]:
        name = video["uri"]
        path = name if is_url(name) else _way(folder, name)
        try:
            if left and not plays_in_browsers(path):
                video = video | {"strip": film_strip(path, video["duration"])}
                left -= 1
        except VideoError:
            pass
        videos.append(video)
    return {**data, "videos": videos}
