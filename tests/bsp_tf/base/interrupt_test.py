"""Who answers Ctrl-C: commands, not programs that import the package; what is tidied up."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
DEFAULT = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
IGNORED = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}
WRITES = """
import os, signal, sys
from bsp_tf.base.atomic_file import atomic_folder, atomic_write
from bsp_tf.base.interrupt import answer_interrupts
from bsp_tf.base.output_lock import lock_folder
answer_interrupts()
print("told before")
with lock_folder("out"), atomic_write("out/file"), atomic_folder("out/folder"):
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
"""
STUCK = """
import ctypes, signal
from bsp_tf.base.interrupt import answer_interrupts
answer_interrupts()
print("stuck", flush=True)
lock = ctypes.create_string_buffer(64)
libc = ctypes.CDLL(None)
libc.sem_init(lock, 0, 0)
while True:  # waits in C for ever; an interrupted call is begun again there
    libc.sem_wait(lock)
"""


def run(program, *, options=DEFAULT, folder=PROJECT, arguments=()):
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


def test_an_import_leaves_ctrl_c_to_the_program():
    program = "import signal, bsp_tf.base.command_line, tfrecords_tools; print(signal.getsignal(2))"
    assert "default_int_handler" in run(program).stdout


@pytest.mark.parametrize("module", ["bsp_tf.evaluate", "tfrecords_tools.convert"])
def test_a_command_answers_before_its_own_imports(module):
    """Told by what the package alone does when Python was started for one of its commands."""
    program = (
        "import sys, signal; sys.orig_argv = ['python', '-m', sys.argv[1]]; "
        "__import__(sys.argv[1].partition('.')[0]); print(signal.getsignal(2))"
    )
    assert "_on_interrupt" in run(program, arguments=[module]).stdout


def test_what_runs_in_the_background_of_a_shell_goes_on():
    program = (
        "import os, signal; from bsp_tf.base.interrupt import answer_interrupts; "
        "answer_interrupts(); os.kill(os.getpid(), 2); print('went on')"
    )
    assert run(program, options=IGNORED).stdout == "went on\n"


def test_what_was_printed_stays_and_what_was_half_written_goes(tmp_path):
    ended = run(WRITES, folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (130, "told before\n")
    assert len(ended.stderr.split("\n")) == 3 and "interrupted;" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_main_thread_that_stays_in_c_code_is_ended_too():
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK], cwd=PROJECT, stdout=subprocess.PIPE, text=True, **DEFAULT
    )
    assert process.stdout.readline() == "stuck\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
