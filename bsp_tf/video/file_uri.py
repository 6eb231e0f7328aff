"""Video files as web pages name them."""

import os
from pathlib import Path
from urllib.parse import quote

from bsp_tf.base.remote_path import AnyPath, UrlPath, is_url


def relative_uri(file: AnyPath, folder: AnyPath) -> str:
    """The way from a folder to a file as a URI reference, whatever bytes its name has.

    Of a file on a server it is the address, as it may be shown; from a folder on a server to a file
    here, the whole path.

    >>> relative_uri("videos/50% #1.mp4", "out")
    '../videos/50%25%20%231.mp4'
    """
    if isinstance(file, UrlPath):
        return str(file)
    if is_url(folder):
        return Path(file).resolve().as_uri()
    return quote(os.fsencode(os.path.relpath(str(file), str(folder))))
