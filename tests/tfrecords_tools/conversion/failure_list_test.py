"""Failures: the file that names them, and the number at which a run ends."""

import math

import pytest

from bsp_tf.base.errors import InputError
from tfrecords_tools.conversion.clip_results import failure
from tfrecords_tools.conversion.failure_list import FailureList, failure_limit, write_failures


def test_failures_are_sorted(tmp_path):
    write_failures(tmp_path, [("b", "x, y", 2.0), ("a\udcff", "z", 0.04)])
    assert (
        tmp_path / "failures.csv"
    ).read_text() == 'path,reason,seconds\na\\udcff,z,0.0\nb,"x, y",2.0\n'
    assert failure("a\udcff", "z", 1.0).key == "a\\udcff"


def test_limit():
    assert failure_limit("20", 40) == 20 and failure_limit(" 2.5% ", 40) == 1.0
    assert failure_limit(None, 40) == math.inf
    for text in ("many", "-1", "5 %%", ""):
        with pytest.raises(InputError, match=f"--max_failures={text}"):
            failure_limit(text, 40)


def test_a_run_ends_above_the_limit_and_has_named_all(tmp_path):
    failures = FailureList(tmp_path, [("gone.mp4", "no such file")], [], limit=2)
    failures.clips.append(failure("a.mp4", "empty.", 0.1))
    failures.stop_if_too_many()
    assert not (tmp_path / "failures.csv").exists()
    failures.clips.append(failure("b.mp4", "cut short.", 0.1))
    with pytest.raises(InputError, match=r"3 clips .*b\.mp4: cut short"):
        failures.stop_if_too_many()
    lines = (tmp_path / "failures.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["path", "a.mp4", "b.mp4", "gone.mp4"]


def test_too_many_may_be_missing_before_any_clip_is_converted(tmp_path):
    failures = FailureList(tmp_path, [("gone.mp4", "no such file")], [], limit=0)
    with pytest.raises(InputError, match="1 clips .*gone.mp4"):
        failures.stop_if_too_many()
