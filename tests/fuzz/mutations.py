"""Damages of files, as disks, editors, other programs and attackers make them."""

import numpy as np

# Sizes, counts and offsets at their edges.
NUMBERS = (0, 1, -1, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)
TOKENS = (
    b'null NaN -Infinity 1e999 -1 0 1e-320 99999999999999999999 true {} [] "" "\\ud800" , : ; \t '
    b"\x00 \xff\xfe \xef\xbb\xbf \xe2\x80\xa8 \r --> <!DOCTYPE 00:00:00.000 ../ /etc/passwd"
).split(b" ")
MOST_DAMAGES = 4


def mutate(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """A file with one damage, often, or a few; `other` is a sound file to take pieces of."""
    for _ in range(min(int(rng.geometric(0.6)), MOST_DAMAGES)):
        data = rng.choice(KINDS, p=SHARES)(data, other, rng)
    return data


def _place(data: bytes, rng: np.random.Generator) -> int:
    # Headers decide most: half of the damages are near the start.
    end = len(data) if rng.random() < 0.5 else min(len(data), 256)
    return int(rng.integers(end + 1))


def flip(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Some bits."""
    del other
    found = bytearray(data)
    for _ in range(rng.integers(1, 9) if found else 0):
        found[min(_place(data, rng), len(found) - 1)] ^= 1 << int(rng.integers(8))
    return bytes(found)


def cut(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """The end is missing."""
    del other
    return data[: _place(data, rng)]


def drop(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """A piece is missing."""
    del other
    at = _place(data, rng)
    return data[:at] + data[at + int(rng.integers(1, 65)) :]


def repeat(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """A piece is there several times."""
    del other
    at = _place(data, rng)
    piece = data[at : at + int(rng.integers(1, 65))]
    return data[:at] + piece * int(rng.integers(2, 65)) + data[at:]


def number(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """An integer of 1 to 8 bytes is another."""
    del other
    size = int(2 ** rng.integers(4))
    value = NUMBERS[rng.integers(len(NUMBERS))] % 2 ** (8 * size)
    at = _place(data, rng)
    return data[:at] + value.to_bytes(size, rng.choice(["little", "big"])) + data[at + size :]


def token(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """A word that means something to some reader."""
    del other
    at = _place(data, rng)
    end = at + (int(rng.integers(1, 17)) if rng.random() < 0.5 else 0)
    return data[:at] + TOKENS[rng.integers(len(TOKENS))] + data[end:]


def splice(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """The beginning of one file, the end of another."""
    return data[: _place(data, rng)] + other[_place(other, rng) :]


# What keeps the length is refused less often by the first look at a file, and goes deeper.
KINDS = (flip, number, token, cut, drop, repeat, splice)
SHARES = (0.3, 0.2, 0.2, 0.075, 0.075, 0.075, 0.075)
