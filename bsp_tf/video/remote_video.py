"""A video on a server, as PyAV reads it: block by block, from where FFmpeg wants it."""

import contextlib
from collections.abc import Iterator

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UrlPath, refuse_web_page
from bsp_tf.base.servers.failures import retried

# A request each; the blocks that were used last are kept.
BLOCK_BYTES = 1 << 20
MOST_BLOCKS = 32


class RemoteVideo:
    """The bytes of a video.

    Attributes:
        name: its address; FFmpeg sees by some suffixes what a file is.
        failure: what the server failed with; FFmpeg may take it for the end of the video.
    """

    def __init__(self, path: UrlPath) -> None:
        """Opens it.

        Raises:
            InputError: there is none, or the server refuses or sends no parts of files.
        """
        self._scheme, self.name = path.scheme, str(path)
        self.failure: InputError | None = None
        blocks = {"maxblocks": MOST_BLOCKS}
        self._file = path.open(
            block_size=BLOCK_BYTES, cache_type="blockcache", cache_options=blocks
        )
        try:
            is_empty = not self.seek(0, 2)
        except ValueError as error:
            raise InputError("it is empty, or its server sends no parts of files.") from error
        if is_empty:
            raise InputError("the file is empty; upload it again.")
        self.seek(0)

    def read(self, size: int) -> bytes:
        """The next bytes, `size` at most."""
        try:
            return retried("it", self._scheme, lambda: self._file.read(size))
        except InputError as error:
            self.failure = error
            raise

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell()

    def close(self) -> None:
        """Lets the blocks go."""
        self._file.close()


@contextlib.contextmanager
def open_remote(path: UrlPath) -> Iterator[RemoteVideo]:
    """Opens a video; the block ends with what the server failed with, if it did.

    Raises:
        InputError: see `RemoteVideo`, a server that fails, or sends a web page.
    """
    video = RemoteVideo(path)
    try:
        yield video
    except InputError:
        if path.in_web and video.failure is None:
            video.seek(0)
            refuse_web_page(path, video.read(64))
        raise
    finally:
        video.close()
        if video.failure is not None:
            raise video.failure
