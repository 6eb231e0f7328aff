"""Tables from files, and to files, in any form."""

from dataclasses import replace

from bsp_tf.base.atomic_file import atomic_folder, atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import refuse_remote_output
from bsp_tf.exchange.formats import FORMATS
from bsp_tf.exchange.table import Known, Table, Video
from bsp_tf.exchange.video_files import file_name


def read_table(path: str, form_name: str, known: Known) -> Table:
    """Reads a file, or of forms with a file for each video also a folder of them.

    Args:
        path: Its name; for annotations of this project several with commas between them.
        form_name: A key of `FORMATS`.
        known: What files may leave open.

    Raises:
        InputError: a file is missing or malformed, or holds no video.
    """
    form = FORMATS[form_name]
    table = form.read(path, known)
    if not table.videos:
        reasons = "".join(f"; {note}" for note in table.notes)
        raise InputError(f"{path} holds no video: read as {form.title}{reasons}.")
    return table


def write_table(table: Table, path: str, form_name: str) -> int:
    """Writes a file, or of forms with a file for each video a new folder of them.

    Returns:
        The number of files.

    Raises:
        InputError: the form cannot hold a segment or the id of a video, a name is not UTF-8, or the
            file cannot be written there; nothing is written then.
    """
    form = FORMATS[form_name]
    for video in table.videos:
        _refuse_other_text(video)
    if not form.per_video:
        text = form.write(table)
        with atomic_write(path, "w") as file:
            file.write(text)
        return 1
    texts = {
        file_name(video, form.suffix): form.write(replace(table, videos=(video,)))
        for video in table.videos
    }
    refuse_remote_output(path)
    with atomic_folder(path) as folder:
        for name, text in texts.items():
            (folder / name).write_bytes(text.encode())
    return len(texts)


def _refuse_other_text(video: Video) -> None:
    """Refuses names that are no text: a video may be called after a file that is not in UTF-8."""
    labels = (segment.label for segment in video.segments)
    for name in (video.video_id, video.facts.media, video.facts.subset, *labels):
        try:
            name.encode()
        except UnicodeEncodeError as error:
            place = video.place or f"video {video.video_id!r}"
            raise InputError(f"{place}: the name {name!r} is not UTF-8: rename it.") from error
