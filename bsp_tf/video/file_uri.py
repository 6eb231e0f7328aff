"""Video files as web pages name them."""

import os
from urllib.parse import quote

from bsp_tf.base.remote_path import AnyPath, UrlPath


def relative_uri(file: AnyPath, folder: str | os.PathLike) -> str:
    """The way from a folder to a file as a URI reference, whatever bytes its name has.

    Of a file on a server it is the address, as it may be shown.

    >>> relative_uri("videos/50% #1.mp4", "out")
    '../videos/50%25%20%231.mp4'
    """
    if isinstance(file, UrlPath):
        return str(file)
    return quote(os.fsencode(os.path.relpath(file, folder)))
