"""Options of Beam, and pipelines that end well, badly or too early."""

import contextlib
import importlib.util

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.beam.pipelines import pipeline_arguments, run_tasks

HAS_BEAM = importlib.util.find_spec("apache_beam") is not None
needs_beam = pytest.mark.skipif(
    not HAS_BEAM,
    reason="apache-beam is not installed (pip install '.[beam]'): --runner=beam was NOT tested",
)
IN_THIS_PROCESS = ["--runner=DirectRunner", "--direct_running_mode=in_memory"]


@contextlib.contextmanager
def start():
    def write(path):
        if path.name == "bad":
            raise OSError("no room for it")
        path.write_text(path.name)

    yield write


def run(folder, names):
    tasks = {folder / name: folder / name for name in names}
    return run_tasks(
        tasks, lambda path: path.read_text() or None, start, folder / "tasks", IN_THIS_PROCESS
    )


@needs_beam
def test_every_task_is_done_and_told_once(tmp_path):
    names = [f"{number:04d}" for number in range(1201)]
    done = dict(run(tmp_path, names))
    assert done == {tmp_path / name: name for name in names}
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@needs_beam
def test_what_a_worker_cannot_do_is_one_line(tmp_path):
    with pytest.raises(InputError, match="1 of 1 tasks .*no room for it"):
        list(run(tmp_path, ["bad"]))
    assert not (tmp_path / "tasks").exists()


@needs_beam
def test_options():
    assert pipeline_arguments("--runner=FlinkRunner --flink_master='host name:8081'") == [
        "--runner=FlinkRunner",
        "--flink_master=host name:8081",
    ]
    own = pipeline_arguments("--direct_num_workers=3", workers=2)
    assert own.index("--direct_num_workers=3") > own.index("--direct_num_workers=2")
    # Of Dask each file of tasks is a partition, or there are as many as are asked for.
    dask = "--runner=apache_beam.runners.dask.dask_runner.DaskRunner"
    assert pipeline_arguments(dask) == [dask, "--dask_partition_size=1"]
    assert pipeline_arguments(f"{dask} --dask_npartitions=7") == [dask, "--dask_npartitions=7"]


@pytest.mark.skipif(HAS_BEAM, reason="apache-beam is installed")
def test_without_beam_the_remedy_is_named():
    with pytest.raises(InputError, match=r"pip install '\.\[beam\]'"):
        pipeline_arguments("")
