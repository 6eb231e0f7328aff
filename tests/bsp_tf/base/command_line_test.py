"""How a command ends: with one line for bad input, with a traceback for a fault of the program."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from absl import flags
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError

def define_flags():
    flags.DEFINE_string("name", None, "A name.")
    flags.DEFINE_integer("number", 1, lower_bound=1, help="A number.")
    flags.DEFINE_float("share", None, "A share.", lower_bound=0, upper_bound=1)

def main(argv):
    {body}

run_command(main, define_flags)
"""


def run(body, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


def test_a_locale_that_takes_names_for_ascii_is_named():
    forced = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    ended = run("print('ran')", **forced)
    assert (ended.returncode, ended.stdout) == (2, "") and "PYTHONUTF8=1" in ended.stderr
    assert run("print('ran')", **forced | {"PYTHONUTF8": "1"}).stdout == "ran\n"
    assert run("print('ran')", LC_ALL="C").stdout == "ran\n"


def test_bad_input_is_one_line_and_status_2():
    ended = run("raise InputError('list.csv has no column label: add it.')")
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        2,
        "",
        "error: list.csv has no column label: add it.\n",
    )


def test_a_good_run_ends_with_0():
    ended = run("print(flags.FLAGS.number)", "--number=7")
    assert (ended.returncode, ended.stdout) == (0, "7\n")


def test_a_log_file_has_each_line_at_once_and_in_order(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    body = (
        "print('first'); print('second', file=sys.stderr); "
        "print(open(flags.FLAGS.name).read().splitlines())"
    )
    log = tmp_path / "log"
    with log.open("wb") as file:
        program = [sys.executable, "-c", PROGRAM.format(body=body), f"--name={log}"]
        subprocess.run(program, stdout=file, stderr=file, check=True)
    assert log.read_text().splitlines() == ["first", "second", "['first', 'second']"]


@pytest.mark.parametrize(
    ("body", "arguments"),
    [("print('much ' * 1_000_000)", ()), ("print('little')", ()), ("pass", ("--help",))],
)
def test_a_reader_that_leaves_is_no_fault(body, arguments):
    command = [sys.executable, "-c", PROGRAM.format(body=body), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        started.stdout.close()
        assert (started.stderr.read(), started.wait()) == (b"", 141)


def test_a_pipe_of_the_program_that_breaks_keeps_its_traceback():
    ended = run("raise BrokenPipeError('of a worker')")
    assert ended.returncode == 1 and "of a worker" in ended.stderr


def test_main_chooses_its_status():
    assert run("return 3").returncode == 3


LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20)); "


def test_too_little_memory_to_load_tensorflow_is_one_line():
    ended = run(LIMIT + "import tensorflow", OPENBLAS_NUM_THREADS="1")
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1, ended.stderr
    assert "ulimit -v" in ended.stderr


@pytest.mark.parametrize("file", [True, False])
def test_too_little_memory_is_one_line(tmp_path, file):
    """Really used up: a JSON file, and an array, under a limit on the process."""
    path = tmp_path / "large.json"
    path.write_text(f"[{'[1],' * 10_000_000}1]")
    read = f"from bsp_tf.base.json_file import read_json; read_json({str(path)!r})"
    make = "import numpy; numpy.zeros(10**10)"
    ended = run(LIMIT + (read if file else make), OPENBLAS_NUM_THREADS="1")
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1, ended.stderr
    assert "memory" in ended.stderr and ("large.json" if file else "74.5 GiB") in ended.stderr


def test_a_fault_of_the_program_keeps_its_traceback():
    ended = run("return 1 // 0")
    assert (
        ended.returncode == 1
        and "ZeroDivisionError" in ended.stderr
        and "Traceback" in ended.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["number=3"], "unexpected argument 'number=3'"),
        (["--numbr=3"], "Unknown command line flag 'numbr'. Did you mean: number"),
        (["--number=abc"], "--number=abc: invalid literal"),
        (["--number=-1"], "--number=-1: -1 is not a positive integer"),
        (["--share=nan"], "--share=nan is no number"),
        (["--name="], "--name is empty (an unset shell variable?)"),
    ],
)
def test_wrong_flags_are_one_line_and_status_2(arguments, words):
    ended = run("print('ran')", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert (
        ended.stderr.startswith("error: ")
        and ended.stderr.count("\n") == 1
        and words in ended.stderr
    )


def test_a_required_flag_that_is_not_given():
    program = PROGRAM.replace("1, lower_bound=1", "None, required=True")
    ended = subprocess.run(
        [sys.executable, "-c", program.format(body="pass")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (
        2,
        "error: --number is not set: add --number=VALUE (see --help).\n",
    )
