"""Fixtures of the tests of tfrecords_tools: empty files, and a small folder of records."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bsp_tf.records.schema import encode_clip
from tests.fixtures.small_records import make_clip, write_folder


def _touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.fixture(scope="session")
def touch() -> Callable[..., None]:
    """`touch(root, "a/1.mp4", ...)` makes empty files and their folders."""
    return _touch


@pytest.fixture
def records(tmp_path):
    """Two shards of three records each."""
    return write_folder(
        tmp_path / "records",
        [[encode_clip(make_clip(3 * shard + i)) for i in range(3)] for shard in range(2)],
    )
