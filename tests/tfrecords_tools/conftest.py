"""Fixtures for what only file names matter to."""

from collections.abc import Callable
from pathlib import Path

import pytest


def _touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.fixture(scope="session")
def touch() -> Callable[..., None]:
    """`touch(root, "a/1.mp4", ...)` makes empty files and their folders."""
    return _touch
