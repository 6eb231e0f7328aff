"""The wheel, installed in an environment of its own, is complete and works outside the checkout."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import bsp_tf
from bsp_tf.__main__ import COMMANDS, OLDER_NAMES

PROJECT = Path(__file__).resolve().parents[1]
SOURCES = ("bsp_tf", "tfrecords_tools", "configs")
TINY_SAMPLE = (
    "--clips_per_class_train=1",
    "--clips_per_class_validation=1",
    "--videos_train=1",
    "--videos_validation=1",
    "--videos_test=1",
    "--workers=1",
)


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    subprocess.run(command, check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy: setuptools leaves folders behind where it builds."""
    pytest.importorskip("pip")
    copy, output = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        shutil.copytree(PROJECT / name, copy / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, copy)
    pip("wheel", str(copy), "--no-deps", "--no-build-isolation", f"--wheel-dir={output}")
    return next(output.glob("*.whl"))


@pytest.fixture(scope="module")
def scripts(wheel, tmp_path_factory) -> Path:
    """Folder of the scripts of an environment that holds the wheel.

    The dependencies are those of the running environment, which a .pth file makes visible.
    """
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    scripts = environment / "bin"
    packages = sysconfig.get_path("purelib", "venv", {"base": str(environment)})
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(packages) / "dependencies.pth").write_text("".join(f"{path}\n" for path in here))
    pip("--python", str(scripts / "python"), "install", "--no-deps", "--no-index", str(wheel))
    return scripts


@pytest.fixture
def run(scripts, tmp_path):
    """`run(script, *arguments)` runs a script outside the checkout and returns what it prints."""

    def call(script: str, *arguments: str, status: int = 0) -> str:
        result = subprocess.run(
            [scripts / script, *arguments],
            cwd=tmp_path,
            env=outside(),
            capture_output=True,
            text=True,
        )
        assert result.returncode == status, result.stderr
        return result.stdout

    return call


def outside() -> dict[str, str]:
    """The environment variables without those that show Python the checkout."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def test_the_wheel_holds_every_source_file(wheel):
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info" not in name}
    there = {
        str(path.relative_to(PROJECT))
        for name in SOURCES
        for path in (PROJECT / name).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert held == there
    assert bsp_tf.__version__ in wheel.name


def test_every_script_finds_its_function(run):
    program = (
        "from importlib.metadata import distribution\n"
        "for entry in distribution('bsp_tf').entry_points:\n"
        "    entry.load()\n"
        "    print(entry.name)\n"
        "import bsp_tf\n"
        "print(bsp_tf.__file__)"
    )
    *names, file = run("python", "-c", program).splitlines()
    assert len(names) == len(COMMANDS) + len(OLDER_NAMES)
    assert not Path(file).is_relative_to(PROJECT)


def test_help_and_the_list_of_commands(run):
    shown = run("bsp-evaluate", "--help")
    assert "python -m bsp_tf.evaluate" in shown and "--ground_truth" in shown
    assert [line for line in run("python", "-m", "bsp_tf").splitlines() if "bsp_tf.detect" in line]


def test_quickstart_finds_the_installed_configs(run):
    program = (
        "from bsp_tf.quickstart.stages import shipped_config; print(shipped_config('base.py'))"
    )
    path = Path(run("python", "-c", program).strip())
    assert path.is_file() and not path.is_relative_to(PROJECT)


def test_sample_data_and_records(run, tmp_path):
    run("tfrecords-make-sample", "--output=sample", *TINY_SAMPLE)
    run("tfrecords-convert", "--input=sample/clips/train", "--output=records", "--workers=1")
    assert len((tmp_path / "records/labels.txt").read_text().splitlines()) == 10
    assert "clips" in run("tfrecords-inspect", "--records=records")


def test_the_quickstart_finds_its_configs(scripts, tmp_path):
    command = [scripts / "bsp-quickstart", "--output=run", "--workers=1"]
    # A group of its own: what the quickstart has started ends with it.
    with subprocess.Popen(
        command, cwd=tmp_path, env=outside(), stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        first_lines = [process.stdout.readline() for _ in range(3)]
        os.killpg(process.pid, signal.SIGKILL)
    assert b"tfrecords_tools.make_sample" in b"".join(first_lines)
