"""Thresholds of tIoU: the official grids, and how a user writes one."""

import numpy as np

from bsp_tf.base.errors import InputError

ACTIVITYNET_TIOU = np.linspace(0.5, 0.95, 10)
THUMOS_TIOU = np.linspace(0.3, 0.7, 5)


def parse_tiou(text: str) -> np.ndarray:
    """Thresholds float64 [T] of "start:step:end" (np.linspace, both ends included) or "a,b,c".

    The grid is np.linspace and no repeated addition: 0.3:0.1:0.7 holds 0.39999999999999997, as
    official scorers do.

    Raises:
        InputError: no such form, not in (0, 1], or a step that does not reach the end.

    >>> parse_tiou("0.5:0.25:1")
    array([0.5 , 0.75, 1.  ])
    """
    remedy = (
        "write start:step:end such as 0.5:0.05:0.95, or a list such as 0.5,0.75,0.95, within "
        "(0, 1]."
    )
    try:
        numbers = [float(part) for part in text.split(":" if ":" in text else ",")]
    except ValueError as error:
        raise InputError(f"--tiou={text}: not all parts are numbers; {remedy}") from error
    if ":" in text:
        if (
            len(numbers) != 3
            or not numbers[1] > 0
            or not 0 < numbers[0] <= numbers[2] <= 1
            or numbers[1] < 1e-4
        ):
            raise InputError(f"--tiou={text} is no grid; {remedy}")
        start, step, end = numbers
        steps = round((end - start) / step)
        if abs(start + steps * step - end) > 1e-6:
            raise InputError(
                f"--tiou={text}: steps of {step:g} from {start:g} do not end at {end:g}; {remedy}"
            )
        return np.linspace(start, end, steps + 1)
    if not all(0 < number <= 1 for number in numbers):
        raise InputError(f"--tiou={text} leaves (0, 1]; {remedy}")
    return np.array(numbers)


def check_tiou(tiou: np.ndarray) -> np.ndarray:
    """Thresholds as float64 [T].

    Raises:
        InputError: there is none, or one outside (0, 1].
    """
    tiou = np.atleast_1d(np.asarray(tiou, np.float64))
    if not len(tiou) or not ((tiou > 0) & (tiou <= 1)).all():
        raise InputError(
            f"tIoU thresholds {tiou.tolist()}: give at least one, each above 0 and at most 1."
        )
    return tiou
