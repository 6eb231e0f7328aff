"""The forks that most tests take for processes: what they are given, and how they end."""

import os
import signal

import pytest

from tests.fixtures import warm_python

SHOW = """
import os, sys
print(sys.argv[1:], os.getcwd(), os.environ["WORD"], "tensorflow" in sys.modules)
sys.exit(7)
"""


def test_arguments_folder_environment_and_status(tmp_path):
    done = warm_python.run("-c", SHOW, 1, "two", cwd=tmp_path, env=os.environ | {"WORD": "here"})
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout == f"['1', 'two'] {tmp_path} here True\n"


def test_an_exception_is_a_traceback_and_status_1():
    done = warm_python.run("-c", "print('begun')\nraise ValueError('what')")
    assert (done.returncode, done.stdout) == (1, "begun\n")
    assert done.stderr.endswith("ValueError: what\n")


def test_what_a_program_has_registered_is_done_at_its_end():
    assert warm_python.run("-c", "import atexit; atexit.register(print, 'end')").stdout == "end\n"


def test_signals_end_it():
    process = warm_python.Process("-c", "import time; print('line', flush=True); time.sleep(99)")
    assert process.first_line() == "line" and process.poll() is None
    process.kill()
    assert process.wait() == process.poll() == -signal.SIGKILL


def test_a_program_that_ends_too_early_is_told_with_what_it_said():
    process = warm_python.Process("-c", "raise SystemExit(3)")
    with pytest.raises(AssertionError, match="3: "):
        process.wait_until(lambda: False)
