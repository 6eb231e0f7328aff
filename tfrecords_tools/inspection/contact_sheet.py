"""A contact sheet: some clips of a folder of records as rows of frames, to see what is in it."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from bsp_tf.base.atomic_file import atomic_write
from tfrecords_tools.inspection.record_check import StoredClip, read_frames_of

FRAMES_PER_CLIP = 4
CLIPS_PER_ROW = 2
FRAME_SIZE = (160, 120)
CAPTION_HEIGHT = 40
MARGIN = 12
INK, MUTED, PAPER, EMPTY = "#1d2733", "#66717f", "#ffffff", "#dfe3e8"


def choose_clips(clips: Sequence[StoredClip], number: int) -> list[StoredClip]:
    """At most `number` clips, evenly spread over the classes; the same ones every time."""
    ordered = sorted(clips, key=lambda clip: (clip.label_index, clip.key))
    number = min(number, len(ordered))
    return [ordered[(2 * i + 1) * len(ordered) // (2 * number)] for i in range(number)]


def write_contact_sheet(
    path: str | os.PathLike, folder: str | os.PathLike, clips: Sequence[StoredClip]
) -> None:
    """Writes a PNG of the clips, two per row, four frames each: first, last and two between.

    Args:
        path: file to write, atomically.
        folder: folder of the shards.
        clips: what to show; sound records. A JPEG that cannot be decoded is left as a crossed box.
    Raises:
        InputError: the file cannot be written.
        OSError: a shard cannot be read.
    """
    strip_width = FRAMES_PER_CLIP * FRAME_SIZE[0]
    cell = strip_width + MARGIN, FRAME_SIZE[1] + CAPTION_HEIGHT + MARGIN
    columns = min(CLIPS_PER_ROW, max(len(clips), 1))
    rows = max(-(-len(clips) // columns), 1)
    sheet = Image.new("RGB", (columns * cell[0] + MARGIN, rows * cell[1] + MARGIN), PAPER)
    for number, clip in enumerate(clips):
        left = MARGIN + number % columns * cell[0]
        top = MARGIN + number // columns * cell[1]
        _draw_clip(sheet, left, top, clip, read_frames_of(Path(folder, clip.shard), clip.offset))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def _draw_clip(
    sheet: Image.Image, left: int, top: int, clip: StoredClip, frames: Sequence[bytes]
) -> None:
    draw = ImageDraw.Draw(sheet)
    for i in range(FRAMES_PER_CLIP):
        frame = frames[round(i * (len(frames) - 1) / (FRAMES_PER_CLIP - 1))]
        x = left + i * FRAME_SIZE[0]
        draw.rectangle((x, top, x + FRAME_SIZE[0] - 2, top + FRAME_SIZE[1] - 1), EMPTY)
        try:
            with Image.open(io.BytesIO(frame), formats=["JPEG"]) as image:
                # Decodes at a fraction of the size where that is enough.
                image.draft("RGB", FRAME_SIZE)
                picture = image.convert("RGB")
        except (OSError, SyntaxError, Image.DecompressionBombError):
            draw.line((x, top, x + FRAME_SIZE[0] - 2, top + FRAME_SIZE[1] - 1), MUTED)
            draw.line((x, top + FRAME_SIZE[1] - 1, x + FRAME_SIZE[0] - 2, top), MUTED)
            continue
        picture = ImageOps.contain(picture, (FRAME_SIZE[0] - 2, FRAME_SIZE[1]))
        inset = (FRAME_SIZE[0] - picture.width) // 2, (FRAME_SIZE[1] - picture.height) // 2
        sheet.paste(picture, (x + inset[0], top + inset[1]))
    title = f"{clip.label} ({clip.label_index})" if clip.label else "no label"
    detail = f"{clip.key}   {clip.num_frames} frames, {clip.fps:g} fps, {clip.width}x{clip.height}"
    width = FRAMES_PER_CLIP * FRAME_SIZE[0]
    for text, size, color, y in ((title, 14, INK, 2), (detail, 11, MUTED, 20)):
        font = ImageFont.load_default(size)
        draw.text((left, top + FRAME_SIZE[1] + y), _shortened(text, font, width), color, font)


def _shortened(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The text without its middle if it is wider than `width` pixels: names differ at the ends."""
    kept, shown = len(text), text
    while font.getlength(shown) > width:
        kept -= 1
        shown = f"{text[: kept // 2]}...{text[len(text) - (kept - kept // 2) :]}"
    return shown
