"""Reading the results of the stages, whole and broken."""

import gzip
import json

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.report.inputs import load_results
from bsp_tf.report.sources import Sources


def test_complete_folder(results_root):
    results = load_results(Sources.under(results_root))
    assert sorted(results.database) == ["video_000", "video_001", "video_002"]
    assert set(results.detections) == {"action", "two_stream"}
    assert set(results.metrics) == {"action", "boundary", "gtad_action", "gtad_two_stream"}
    assert set(results.evaluations) == set(results.configs) == {"action", "boundary"}
    assert results.features and results.is_sample_world()


def test_gzipped_annotations(results_root):
    path = results_root / "sample" / "annotations.json"
    packed = path.with_suffix(".json.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    sources = Sources.under(results_root)
    sources = Sources(**{**vars(sources), "annotations": packed})
    assert len(load_results(sources).database) == 3


def test_annotations_beyond_the_duration_and_without_duration(results_root):
    path = results_root / "sample" / "annotations.json"
    content = json.loads(path.read_text())
    content["database"]["video_000"]["annotations"][1]["segment"][1] = 99.0
    del content["database"]["video_001"]["duration"]
    path.write_text(json.dumps(content))
    database = load_results(Sources.under(results_root)).database
    assert (
        database["video_000"]["annotations"][1]["segment"][1]
        == database["video_000"]["duration"]
        == 8.0
    )
    assert database["video_001"]["duration"] == max(
        a["segment"][1] for a in database["video_001"]["annotations"]
    )


def test_detections_of_another_subset_are_refused(results_root):
    """Their scores would be shown as those of the subset."""
    with pytest.raises(InputError, match="detections.*'training'.*--subset"):
        load_results(Sources.under(results_root, subset="training"))


def test_unknown_subset_names_the_known_ones(results_root):
    with pytest.raises(InputError, match="training.*validation"):
        load_results(Sources.under(results_root, subset="testing"))


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("scores/action.json", "{}", "'tiou'"),
        (
            "scores/action.json",
            '{"tiou": [0.5], "mAP": [], "average_mAP": 0.1, "ap": {}}',
            "'tiou' and 'mAP'",
        ),
        ("scores/two_stream.json", "{", "two_stream"),
        (
            "detections/action.json",
            '{"results": {"v": [{"label": "a", "segment": [0, 1]}]}}',
            "score",
        ),
        ("pretrain/action/evaluation.json", '{"accuracy": 1}', "'per_class'"),
        (
            "pretrain/action/evaluation.json",
            '{"accuracy": 1, "per_class": {}, "confusion": [[1]], "labels": ["a", "b"]}',
            "2 x 2",
        ),
        ("pretrain/boundary/metrics.jsonl", '{"epoch": 1}\n{"step": 2}\n{"epoch": 3}\n', "line 2"),
        ("gtad/action/metrics.jsonl", '{"epoch": 1}\n{"ep', "line 2"),
    ],
)
def test_broken_file_is_named(results_root, name, text, message):
    (results_root / name).write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_results(Sources.under(results_root))
    assert name.rsplit("/", 1)[1] in str(caught.value)


def test_scores_are_needed(results_root):
    (results_root / "scores" / "action.json").unlink()
    with pytest.raises(InputError, match=r"scores.action\.json"):
        load_results(Sources.under(results_root))
