"""The package for each kind of server, which fsspec finds by the scheme of an address."""

import contextlib
from typing import Any
from urllib.parse import urlsplit

from bsp_tf.base.errors import InputError, cannot_read

EXTRAS = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "http": "http", "https": "http"}


def file_system(name: str) -> tuple[Any, str]:
    """fsspec's object for the scheme of a name, and the name as that object wants it.

    Raises:
        InputError: fsspec knows no such scheme, its package is not installed, or the name holds a
            password.
    """
    scheme = urlsplit(name).scheme
    if urlsplit(name).username is not None:
        raise InputError(
            f"a {scheme}:// name with a password in it would stand in logs and configs: set the "
            "keys in the environment instead, as the server's package expects them."
        )
    extra = EXTRAS.get(scheme)
    advice = f"pip install 'bsp_tf[{extra}]'" if extra else "pip install the package for it"
    with contextlib.suppress(ImportError):
        from fsspec import core, get_filesystem_class

        try:
            get_filesystem_class(scheme)
        except ValueError as error:
            raise InputError(
                f"{name}: fsspec knows no {scheme}:// (s3, gs and https are some that it knows)."
            ) from error
        with cannot_read(name):
            # Listings that are kept would hide what is written later.
            return core.url_to_fs(name, use_listings_cache=False)
    raise InputError(f"{name}: {scheme}:// needs a package that is not installed: {advice}.")
