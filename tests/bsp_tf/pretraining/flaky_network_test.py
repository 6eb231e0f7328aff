"""Two workers on two hosts with real packet loss between them, and for a while no line at all.

While the line is away, the heartbeats of TensorFlow's coordination service decide: 10 s without one
and a worker is given up.
"""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from tests.fixtures import flaky_link, warm_python
from tests.fixtures.last_checkpoint import last_values

DELAY_SECONDS, LOSS, PARTITION_SECONDS = 0.05, 0.01, 20
PORT = 12000
FIELDS = {
    "model.dropout": 0.0,
    "model.sync_batch_norm": False,
}


def start_two(
    link: flaky_link.FlakyLink, config: Path, workdir: Path, *absent: str
) -> list[warm_python.Process]:
    """The first two workers of a run; `absent`: addresses of others, which never come."""
    addresses = [*(f"{address}:{PORT}" for address in link.addresses), *absent]
    return [
        link.start(
            index,
            "bsp_tf.pretrain",
            f"--config={config}",
            f"--workdir={workdir}",
            "--strategy=multi_worker",
            *(f"--config.{name}={value}" for name, value in FIELDS.items()),
            env={
                **os.environ,
                "TF_CONFIG": json.dumps(
                    {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
                ),
            },
        )
        for index in range(2)
    ]


def statuses(workers: list[warm_python.Process]) -> list[int]:
    """Of both, when they have ended; what they say is one line each, and no traceback."""
    ends = [worker.wait() for worker in workers]
    for worker in workers:
        lines = [line for line in worker.errors.splitlines() if "Start the same" in line]
        assert len(lines) == (worker.returncode == 75), worker.errors
        assert "Traceback" not in worker.errors and "Graph execution error" not in worker.errors
    return ends


@pytest.fixture(autouse=True)
def namespaces():
    if reason := flaky_link.why_not():
        pytest.skip(f"NOT TESTED: a flaky network: {reason}")


@pytest.mark.thorough
def test_a_bad_line_and_none_at_all_end_with_the_weights_of_a_good_one(tiny_config_file, tmp_path):
    good, bad = tmp_path / "good", tmp_path / "bad"
    with flaky_link.FlakyLink() as link:
        assert statuses(start_two(link, tiny_config_file, good)) == [0, 0]
        assert link.counts()["lost"] == 0

    with flaky_link.FlakyLink(DELAY_SECONDS, LOSS, seed=0) as link:
        workers = start_two(link, tiny_config_file, bad)
        workers[0].wait_until((bad / "checkpoints" / "last" / "step-4.index").exists)
        link.cut()
        time.sleep(PARTITION_SECONDS)
        link.join()
        ends = [statuses(workers)]
        # On a busy machine a worker may be given up although the line is there.
        while ends[-1] == [75, 75]:
            ends.append(statuses(start_two(link, tiny_config_file, bad)))
        assert ends[-1] == [0, 0], ends
        counts = link.counts()
        assert counts["lost"] > 10 and counts["cut"] > 0

    values, expected = last_values(bad), last_values(good)
    assert values.keys() == expected.keys() and len(values) > 100
    for name, value in expected.items():
        np.testing.assert_array_equal(values[name], value, err_msg=name)
    evaluations = [json.loads((run / "evaluation.json").read_text()) for run in (good, bad)]
    assert evaluations[0]["confusion"] == evaluations[1]["confusion"]


@pytest.mark.thorough
def test_a_worker_that_dies_while_the_model_is_made(tiny_config_file, tmp_path):
    with flaky_link.FlakyLink(DELAY_SECONDS, LOSS) as link:
        workers = start_two(link, tiny_config_file, tmp_path / "run")
        # The variables, which go from the first worker to the others, take a thousand packets.
        workers[0].wait_until(lambda: link.counts()["passed"] >= 300)
        workers[1].kill()
        assert statuses(workers) == [75, -signal.SIGKILL]
    assert not list((tmp_path / "run" / "checkpoints").glob("**/*.index"))


@pytest.mark.thorough
def test_a_worker_that_dies_before_all_have_come(tiny_config_file, tmp_path):
    with flaky_link.FlakyLink() as link:
        absent = f"{link.addresses[1]}:{PORT + 1}"
        workers = start_two(link, tiny_config_file, tmp_path / "run", absent)
        # To come takes 30 packets, a heartbeat 6.
        workers[0].wait_until(lambda: link.counts()["passed"] >= 45)
        workers[1].kill()
        assert statuses(workers) == [75, -signal.SIGKILL]
