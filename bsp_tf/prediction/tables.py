"""Answers about videos as people read them in a terminal, and as CSV."""

import csv
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.remote_path import AnyPath
from bsp_tf.prediction.answer_file import AnswerFile

SOME_FAILED_STATUS = 3


def time_text(seconds: float) -> str:
    """A moment as players show it, with hundredths of a second.

    >>> time_text(0.5), time_text(3725.128), time_text(59.999)
    ('0:00.50', '1:02:05.13', '1:00.00')
    """
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02d}:{rest / 100:05.2f}" if hours else f"{minutes}:{rest / 100:05.2f}"
    return f"{hours}:{text}" if hours else text


def show_boundaries(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """A table for each video: time, type, score.

    >>> print(show_boundaries({"a": [{"time": 2.5, "type": "diff_class", "score": 0.91}], "b": []}))
    a
       0:02.50  diff_class    0.910
    b
      no boundary
    """
    return "\n".join(_boundary_lines(results))


def _boundary_lines(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    for name, boundaries in results.items():
        yield name
        if not boundaries:
            yield "  no boundary"
        for boundary in boundaries:
            yield boundary_line(boundary)


def boundary_line(boundary: Mapping[str, Any]) -> str:
    """Time, type and score of one boundary."""
    return f"{time_text(boundary['time']):>10}  {boundary['type']:<12}{boundary['score']:7.3f}"


def show_detections(results: Mapping[str, Sequence[Mapping[str, Any]]], most: int) -> str:
    """A table for each video: start, end, label, score of its best `most` detections.

    >>> found = [{"label": "jump", "score": 0.25, "segment": [1, 2.5]},
    ...          {"label": "run", "score": 0.5, "segment": [63, 70]}]
    >>> print(show_detections({"a": found}, 1))
    a
       1:03.00 -    1:10.00  0.5000  run
      1 more with lower scores
    """
    lines = []
    for name, detections in results.items():
        best = sorted(detections, key=lambda detection: -detection["score"])[:most]
        lines.append(name)
        for detection in best:
            start, end = map(time_text, detection["segment"])
            lines.append(f"{start:>10} - {end:>10}  {detection['score']:.4f}  {detection['label']}")
        if not detections:
            lines.append("  no detection")
        elif len(best) < len(detections):
            lines.append(f"  {len(detections) - len(best)} more with lower scores")
    return "\n".join(lines)


def write_boundaries_csv(path: AnyPath, results: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Writes a line for each boundary: video, time (seconds), type, score.

    Raises:
        InputError: the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("video", "time", "type", "score"))
    for name, boundaries in results.items():
        for boundary in boundaries:
            writer.writerow(
                (name, f"{boundary['time']:.3f}", boundary["type"], f"{boundary['score']:.5f}")
            )
    with atomic_write(path, "w") as file:
        file.write(text.getvalue())


def report_failures(answers: AnswerFile) -> int:
    """Names the videos that failed on stderr; the exit status, 0 if there are none."""
    for path, reason in answers.failures.items():
        print(f"failed: {path}: {reason}", file=sys.stderr)
    if not answers.failures:
        return 0
    print(f"{len(answers.failures)} of {len(answers.asked)} videos failed", file=sys.stderr)
    return SOME_FAILED_STATUS
