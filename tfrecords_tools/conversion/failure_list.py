"""The clips that could not be converted: failures.csv, and the number at which a run stops."""

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import AnyPath, UserPath, given_path
from tfrecords_tools.conversion.clip_results import ClipResult

FAILURES_FILE = "failures.csv"


class FailureList:
    """The failures of one conversion.

    Attributes:
        clips: results of the clips that failed; the caller appends to it.
    """

    def __init__(
        self,
        output: UserPath,
        missing: Sequence[tuple[str, str]],
        clips: Sequence[ClipResult],
        limit: float,
    ) -> None:
        """Begins with the failures that are known.

        Args:
            output: folder of the shards.
            missing: (path or name, reason) of clips whose file is not there.
            clips: those that failed in earlier runs.
            limit: the most failures and missing clips together.
        """
        self.clips = list(clips)
        self._output, self._missing, self._limit = output, missing, limit

    def write(self) -> None:
        """Writes failures.csv."""
        write_failures(
            self._output,
            [
                *((path, reason, 0.0) for path, reason in self._missing),
                *((clip.key, clip.reason, clip.seconds) for clip in self.clips),
            ],
        )

    def stop_if_too_many(self) -> None:
        """Ends the run, after writing failures.csv, if there are more failures than the limit.

        Raises:
            InputError: there are; the message names the number and the last one.
        """
        number = len(self.clips) + len(self._missing)
        if number <= self._limit:
            return
        self.write()
        last = self.clips[-1] if self.clips else None
        path, reason = (last.key, last.reason) if last else self._missing[-1]
        raise InputError(
            f"{number} clips failed or are missing, more than --max_failures allows (the last is "
            f"{path}: {reason.rstrip('.')}). See {self._output / FAILURES_FILE}; then run the same "
            "command again with a higher --max_failures, or with --retry_failures."
        )


def failure_limit(text: str | None, num_clips: int) -> float:
    """The number of failures that --max_failures allows.

    Args:
        text: a number of clips ("20"), a share of them ("5%"), or None: any number.
        num_clips: all clips of the input, missing ones too.
    Raises:
        InputError: the text is neither.

    >>> failure_limit("20", 1000), failure_limit("5%", 1000), failure_limit(None, 1000)
    (20, 50.0, inf)
    """
    if text is None:
        return math.inf
    match = re.fullmatch(r"(\d+)|(\d+(?:\.\d+)?)%", text.strip())
    if not match:
        raise InputError(
            f"--max_failures={text} is neither a number of clips (20) nor a share of them (5%)."
        )
    return int(match[1]) if match[1] else float(match[2]) / 100 * num_clips


def write_failures(output: AnyPath, rows: Iterable[tuple[str, str, float]]) -> None:
    """Writes failures.csv: a header, then a line per clip that was not converted, sorted.

    Args:
        output: folder of the shards.
        rows: (path, reason, seconds spent on it; 0 for a clip without a file).
    """
    text = io.StringIO()
    table = [(path, reason, f"{seconds:.1f}") for path, reason, seconds in sorted(rows)]
    csv.writer(text, lineterminator="\n").writerows([("path", "reason", "seconds"), *table])
    with atomic_write(given_path(output) / FAILURES_FILE) as file:
        file.write(text.getvalue().encode("utf-8", "backslashreplace"))
