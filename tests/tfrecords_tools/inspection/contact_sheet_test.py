"""The picture of a folder of records: which clips, and what it shows of broken ones."""

import numpy as np
from PIL import Image

from bsp_tf.records.schema import encode_clip
from tests.fixtures.small_records import (
    make_clip,
    make_jpeg,
    write_folder,
)
from tfrecords_tools.inspection.contact_sheet import choose_clips, write_contact_sheet
from tfrecords_tools.inspection.folder_check import check_folder


def test_contact_sheet(records, tmp_path):
    clips = check_folder(records).clips
    assert [clip.label for clip in choose_clips(clips, 2)] == ["jump", "run up"]
    assert len(choose_clips(clips, 24)) == 6 and choose_clips([], 24) == []
    write_contact_sheet(tmp_path / "sheet.png", records, choose_clips(clips, 4))
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.format == "PNG"
        size, pixels = image.size, np.asarray(image.convert("RGB")).astype(int)
    # The first strip shows noise, what lies below it is paper and text.
    assert pixels[20:100, 40:140].std() > 20 and size[0] > size[1]
    write_contact_sheet(tmp_path / "empty.png", records, [])
    assert (tmp_path / "empty.png").stat().st_size > 0


def test_contact_sheet_of_a_clip_whose_jpeg_is_broken_and_whose_name_is_long(tmp_path):
    clip = make_clip(0, frames=[make_jpeg(0), b"nothing"], filename="ä" * 300)
    folder = write_folder(tmp_path / "records", [[encode_clip(clip)]])
    write_contact_sheet(tmp_path / "sheet.png", folder, check_folder(folder).clips)
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.width > 600
