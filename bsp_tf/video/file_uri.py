"""Video files as web pages name them."""

import os
from urllib.parse import quote


def relative_uri(file: str | os.PathLike, folder: str | os.PathLike) -> str:
    """The way from a folder to a file as a URI reference, whatever bytes its name has.

    >>> relative_uri("videos/50% #1.mp4", "out")
    '../videos/50%25%20%231.mp4'
    """
    return quote(os.fsencode(os.path.relpath(file, folder)))
