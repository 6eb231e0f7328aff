"""Which of the paths in a list are files, here or on a server, without a look at each of them."""

import os
import posixpath
from collections.abc import Iterable
from pathlib import Path

from bsp_tf.base.errors import InputError, without_secrets
from bsp_tf.base.remote_path import AnyPath, UrlPath, UserPath, below, given_path, is_url
from bsp_tf.video.folder_listing import list_files


class KnownFiles:
    """Which paths are files: each folder in question is listed once, and no file is opened.

    Of a web server every address is taken for a file: it lists no folders.

    Attributes:
        root: folder that paths are relative to; absolute, or an address.
    """

    def __init__(self, root: AnyPath) -> None:
        self.root = str(root) if is_url(root) else os.path.abspath(str(root))
        self._names: dict[str, set[str]] = {}

    def tidy(self, path: str) -> str:
        """The path relative to the root if it lies below, else absolute."""
        if is_url(path):
            full = path
        elif is_url(self.root) and not path.startswith("/"):
            full = f"{self.root}/{posixpath.normpath(path)}"
        else:
            full = os.path.normpath(os.path.join(self.root, path))
        start = self.root.rstrip("/") + "/"
        return full[len(start) :] if full.startswith(start) else full

    def __contains__(self, path: str) -> bool:
        where = below(self.root, self.tidy(path))
        if isinstance(where, UrlPath) and where.in_web:
            return True
        folder = str(where.parent)
        if folder not in self._names:
            self._names[folder] = _files_in(where.parent)
        return where.name in self._names[folder]

    def listed(self) -> list[str]:
        """All files below the root; none of a web server."""
        where = given_path(self.root)
        return [] if isinstance(where, UrlPath) and where.in_web else list_files(where).paths


def refuse_same_address(paths: Iterable[str], source: str | os.PathLike) -> None:
    """Refuses web addresses that differ in what follows "?" only: names of clips must not hold it.

    Raises:
        InputError: there are two; the message names them.
    """
    seen: dict[str, str] = {}
    for path in filter(is_url, paths):
        if seen.setdefault(without_secrets(path), path) != path:
            raise InputError(
                f"{source} has two addresses that differ only in what follows '?': {path}; it may "
                "be a secret and is not kept, so their clips would have the same name."
            )


def _files_in(folder: UserPath) -> set[str]:
    if isinstance(folder, Path):
        try:
            with os.scandir(folder) as entries:
                return {entry.name for entry in entries if not entry.is_dir()}
        except (OSError, ValueError):
            return set()
    return set(folder.names())
