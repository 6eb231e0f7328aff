"""Parts of objects on S3 through obstore, where a request costs a quarter of s3fs's CPU time.

Where a bucket lies, and with which keys, region and headers it is asked, is set in s3fs alone. So
it fetches the first part of each minute, and obstore then asks as that request did. If there is
anything in it that is not known here, or the session does not have its keys, s3fs goes on alone. So
it does for a minute after a failure; what failed it is asked for again, as it knows how to wait and
what to tell.
"""

import asyncio
import contextvars
import os
import re
import time
import weakref
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from bsp_tf.base.servers import failures

# botocore renews keys 10 minutes before they expire.
LIFETIME_SECONDS = 60
# Of obstore; then it is s3fs's turn.
_RETRIES = 2
_TOKEN = "x-amz-security-token"
_HEADERS = {
    *("host", "user-agent", "range", "accept-encoding", "authorization"),
    *("x-amz-date", "x-amz-content-sha256", "x-amz-checksum-mode", _TOKEN),
    *("amz-sdk-invocation-id", "amz-sdk-request"),
}
_SIGNER = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d+/([^/]+)/s3/aws4_request,")


class _Kept(NamedTuple):
    """How a bucket is asked: obstore's object, or None for s3fs alone, and since when."""

    store: Any
    since: float

    def is_new(self) -> bool:
        """Whether it still holds."""
        return time.monotonic() < self.since + LIFETIME_SECONDS


# Client of a file system -> bucket -> how it is asked. Only fsspec's thread reads and writes it.
_kept: weakref.WeakKeyDictionary[Any, dict[str, _Kept]] = weakref.WeakKeyDictionary()
# Requests that s3fs sends for the part at hand.
_sent: contextvars.ContextVar[list[Any] | None] = contextvars.ContextVar("_sent", default=None)
# Processes with obstore's threads, which do not survive a fork.
_processes: set[int] = set()


def cat_ranges(
    files: Any, places: Sequence[str], starts: Sequence[int], ends: Sequence[int]
) -> list[bytes | memoryview | BaseException]:
    """Each part, or why it did not come, as s3fs's method of this name returns them.

    Args:
        files: A file system of s3fs.
        places: The objects, as it names them.
        starts, ends: First byte of each part, and the first behind it.
    """
    from fsspec.asyn import sync

    return sync(files.loop, _all_parts, files, places, starts, ends)


def is_usable() -> bool:
    """Whether obstore is installed, and is not that of a process from which this one was forked."""
    try:
        import obstore  # noqa: F401
    except ImportError:
        return False
    return not _processes or os.getpid() in _processes


async def _all_parts(
    files: Any, places: Sequence[str], starts: Sequence[int], ends: Sequence[int]
) -> list[bytes | memoryview | BaseException]:
    client = await files.set_session()
    if client not in _kept:
        _kept[client] = {}
        client.meta.events.register("before-send.s3.GetObject", _note)
    buckets = _kept[client]
    objects = [_object(*files.split_path(place)) for place in places]
    parts = await _from_stores(buckets, objects, starts, ends)
    missing = [k for k, part in enumerate(parts) if part is None]
    rest = (_from_s3fs(buckets, files, objects[k], places[k], starts[k], ends[k]) for k in missing)
    for k, part in zip(missing, await asyncio.gather(*rest, return_exceptions=True), strict=True):
        parts[k] = part
    return parts


async def _from_stores(
    buckets: dict[str, _Kept],
    objects: Sequence[tuple[str, str]],
    starts: Sequence[int],
    ends: Sequence[int],
) -> list[Any]:
    """The parts that obstore has fetched, and None in place of others."""
    from obstore import Bytes, get_range_async

    parts: list[Any] = [None] * len(objects)
    asked = {}
    for k, (bucket, key) in enumerate(objects):
        kept = buckets.get(bucket)
        if kept and kept.store and kept.is_new() and _is_plain(key):
            _processes.add(os.getpid())
            asked[k] = get_range_async(kept.store, key, start=starts[k], end=ends[k])
    came = await asyncio.gather(*asked.values(), return_exceptions=True)
    for k, part in zip(asked, came, strict=True):
        if isinstance(part, Bytes):
            parts[k] = memoryview(part)
        elif not isinstance(part, FileNotFoundError):
            failures.repeated.note(1)
            buckets[objects[k][0]] = _Kept(None, time.monotonic())
    return parts


async def _from_s3fs(
    buckets: dict[str, _Kept],
    files: Any,
    object_: tuple[str, str],
    place: str,
    start: int,
    end: int,
) -> bytes:
    """One part; the store of its bucket is made where that is due."""
    sent: list[Any] = []
    _sent.set(sent)
    part = await files._cat_file(place, start=start, end=end)
    bucket, key = object_
    if sent and _is_plain(key) and not (bucket in buckets and buckets[bucket].is_new()):
        buckets[bucket] = _Kept(await _store_like(sent[-1], files, key), time.monotonic())
    return part


def _object(bucket: str, key: str, version: str | None) -> tuple[str, str]:
    """Bucket and key; a key that is not plain if a version is asked for."""
    return bucket, key if version is None else ""


def _is_plain(key: str) -> bool:
    """Whether obstore leaves a name of an object as it is."""
    return all(name not in ("", ".", "..") for name in key.split("/"))


def _note(request: Any, **about: Any) -> None:
    """Hears of each request that s3fs sends; each part has a context of its own."""
    del about
    sent = _sent.get()
    if sent is not None:
        sent.append(request)


async def _store_like(request: Any, files: Any, key: str) -> Any:
    """obstore's object for the bucket of a request, as that asked for it; None if it cannot."""
    from obstore.store import S3Store

    client = await files.set_session()
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    path = f"/{quote(key, safe='/~')}"
    options = client.meta.config
    if (
        not request.url.endswith(path)
        or not headers.keys() <= _HEADERS
        or options.proxies
        or options.client_cert
    ):
        return None
    settings: dict[str, Any] = {"skip_signature": True}
    if "authorization" in headers:
        signer = _SIGNER.match(headers["authorization"])
        keys = await _keys(files)
        if not signer or (signer[1], headers.get(_TOKEN)) != (keys["access_key_id"], keys["token"]):
            return None
        settings = {
            "skip_signature": False,
            "region": signer[2],
            "credential_provider": lambda: keys,
        }
    address = request.url.removesuffix(path)
    pause = timedelta(seconds=failures.FIRST_PAUSE_SECONDS)
    # obstore has variables of its own in the environment, which say nothing here.
    return S3Store(
        bucket="as-in-the-address",
        endpoint=address,
        aws_endpoint_url_s3=address,
        virtual_hosted_style_request=True,
        request_payer=False,
        s3_express=False,
        client_options={
            "allow_http": address.startswith("http:"),
            "allow_invalid_certificates": False,
            "connect_timeout": timedelta(seconds=options.connect_timeout),
            "read_timeout": timedelta(seconds=options.read_timeout),
        },
        retry_config={
            "max_retries": _RETRIES,
            "backoff": {"init_backoff": pause, "max_backoff": 2 * pause, "base": 2},
            "retry_timeout": timedelta(seconds=LIFETIME_SECONDS),
        },
        **settings,
    )


async def _keys(files: Any) -> dict[str, Any]:
    """Those with which s3fs signs, in obstore's words."""
    keys = {
        "access_key_id": files.key,
        "secret_access_key": files.secret,
        "token": files.token,
    }
    if not files.key:
        found = await files.session.get_credentials()
        id_, secret, token = (await found.get_frozen_credentials())[:3] if found else (None,) * 3
        keys = {"access_key_id": id_, "secret_access_key": secret, "token": token}
    return keys | {"expires_at": None}


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
