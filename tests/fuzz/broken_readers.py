"""Readers that cannot stand damaged files: the fuzzing has to find them out."""

import os
from pathlib import Path

from bsp_tf.base.errors import InputError

SOUND = b"sound"


def seeds() -> list[bytes]:
    return [SOUND]


def raises(path: str) -> None:
    if Path(path).read_bytes() != SOUND:
        raise ZeroDivisionError


def dies(path: str) -> None:
    if Path(path).read_bytes() != SOUND:
        os._exit(11)


class TwoLines(InputError):
    """An InputError itself never has two."""

    def __str__(self) -> str:
        return "one line\nand another"


def says_too_much(path: str) -> None:
    if Path(path).read_bytes() != SOUND:
        raise TwoLines("")


def takes_all_memory(path: str) -> None:
    if Path(path).read_bytes() != SOUND:
        bytearray(1 << 40)
