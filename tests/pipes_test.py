"""A named pipe in place of an input: its writer may never come, so it is refused at once."""

import json
import os

import pytest

from tests.fixtures import warm_python

DETECT = "bsp_tf.detect --workdir={folder} --features={folder}/f --output={folder}/o.json"
EVALUATE = "bsp_tf.evaluate"
CONVERT = "tfrecords_tools.convert --output={folder}/records"
CASES = [
    f"{DETECT} --annotations={{pipe}}",
    f"{DETECT} --annotations={{truth}} --class_scores={{pipe}}",
    f"{DETECT} --annotations={{truth}} --class_scores={{pipe}}.npy",
    "bsp_tf.classify_videos --features={folder} --annotations={pipe} --output={folder}/c.json",
    f"{EVALUATE} --ground_truth={{pipe}} --predictions={{truth}}",
    f"{EVALUATE} --ground_truth={{truth}} --predictions={{pipe}}",
    f"{EVALUATE} --ground_truth={{truth}} --predictions={{found}} --blocked_videos={{pipe}}",
    f"{EVALUATE} --boundaries --ground_truth={{pipe}} --predictions={{found}}",
    f"{CONVERT} --input={{pipe}}",
    f"{CONVERT} --input={{pipe}}.json --videos={{folder}}",
    f"{CONVERT} --input={{folder}}/clips --labels={{pipe}}",
    "tfrecords_tools.inspect --records={pipe}",
    "bsp_tf.report --root={folder} --annotations={pipe}",
    "bsp_tf.extract --model={folder} --videos={pipe} --output={folder}/features",
    "bsp_tf.boundaries {pipe} --model={folder} --output={folder}/b.json",
    "bsp_tf.predict {pipe} --model={folder} --gtad={folder} --output={folder}/p.json",
    "bsp_tf.train_head --config={pipe} --workdir={folder}/run",
]


@pytest.mark.parametrize("case", CASES)
def test_a_pipe_is_refused_at_once(tmp_path, case):
    for name in ("pipe", "pipe.npy", "pipe.json"):
        os.mkfifo(tmp_path / name)
    truth = {
        "v": {
            "subset": "validation",
            "duration": 9,
            "annotations": [{"segment": [1, 2], "label": "run"}],
        }
    }
    (tmp_path / "truth.json").write_text(json.dumps({"database": truth}))
    (tmp_path / "config.json").write_text(
        json.dumps({"streams": ["action"], "num_segments": 100, "windows": False})
    )
    (tmp_path / "found.json").write_text(json.dumps({"results": {"v": []}}))
    (tmp_path / "clips" / "run").mkdir(parents=True)
    values = {"folder": tmp_path, "pipe": tmp_path / "pipe"}
    values |= {name: tmp_path / f"{name}.json" for name in ("truth", "found")}
    done = warm_python.run("-m", *case.format(**values).split())
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"{tmp_path}/pipe" in done.stderr.strip().splitlines()[-1]
