"""Values of a user's JSON: of the right type, or an InputError that names them."""

import math
from typing import Any

from bsp_tf.annotations.reader import LONGEST_SECONDS
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import show_value

# More frames than any video has, and few enough for exact seconds.
_MOST_FRAMES = 10**12


def as_object(value: Any, what: str) -> dict[str, Any]:
    """`value` if it is an object; `what` is its name in the message of the InputError."""
    if not isinstance(value, dict):
        raise InputError(f"{what} is {show_value(value)}; write an object.")
    return value


def as_list(value: Any, what: str, size: int | None = None) -> list[Any]:
    """`value` if it is a list, of `size` items if given."""
    if not isinstance(value, list) or size not in (None, len(value)):
        items = "" if size is None else f" of {size}"
        raise InputError(f"{what} is {show_value(value)}; write a list{items}.")
    return value


def as_text(value: Any, what: str) -> str:
    """`value` if it is a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise InputError(f"{what} is {show_value(value)}; write its name.")
    return value


def as_number(value: Any, what: str) -> float:
    """`value` as a finite float."""
    # A bool is an int to Python, but no number.
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    number = float(value) if usable and abs(value) <= LONGEST_SECONDS else math.nan
    if math.isnan(number):
        raise InputError(f"{what} is {show_value(value)}; write a finite number.")
    return number


def parse_number(text: str, what: str) -> float:
    """The finite float that a text spells."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{what} is {show_value(text)}; write a finite number.")
    return number


def as_frame(value: Any, what: str) -> int:
    """`value` if it is the number of a frame, counted from 1."""
    usable = isinstance(value, int) and not isinstance(value, bool)
    if not usable or not 1 <= value <= _MOST_FRAMES:
        raise InputError(f"{what} is {show_value(value)}; write the number of a frame, from 1.")
    return value


def as_positive(value: Any, what: str) -> float | None:
    """`value` as a float above 0; None for None."""
    if value is None:
        return None
    number = as_number(value, what)
    if number <= 0:
        raise InputError(f"{what} is {show_value(value)}; write a number above 0.")
    return number
