"""300 spoilt pairs of files, each refused in one line, or scored and counted.

What is scored gives the numbers of the same files without the fault. A mutation returns the two
files as bytes and what is right: None for a refusal; else the documents without the fault, whose
score plain loops compute, and the warning that has to be counted (None for a harmless change).
"""

import copy
import gzip
import json
import zlib

import numpy as np
import pytest

from benchmarks.scoring_loops import map_in_loops
from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.detection_map import WARNING_TEXT, detection_map
from bsp_tf.evaluation.error_analysis import analyze_errors
from bsp_tf.evaluation.ground_truth import load_ground_truth, make_instances
from bsp_tf.evaluation.predictions import load_predictions
from bsp_tf.evaluation.proposal_recall import proposal_recall
from bsp_tf.evaluation.thresholds import ACTIVITYNET_TIOU

SEEDS = range(15)
FAR = [500.0, 501.0]


def make_documents(rng):
    """Ground truth of 6 videos and 3 classes, and 60 predictions with different scores."""
    database, results, scores = {}, {}, iter(rng.permutation(60) / 60)
    for video in range(6):
        start = rng.uniform(0, 50, 3).round(2)
        rows = [
            {
                "segment": [s, round(s + float(rng.uniform(2, 20)), 2)],
                "label": "abc"[(video + i) % 3],
            }
            for i, s in enumerate(start.tolist())
        ]
        database[f"v{video}"] = {"subset": "validation", "duration": 80.0, "annotations": rows}
        results[f"v{video}"] = [
            {
                "segment": np.sort(np.array(rows[i % 3]["segment"]) + rng.normal(0, 1, 2)).tolist(),
                "label": str(rng.choice(list("abc"))) if i > 5 else rows[i % 3]["label"],
                "score": float(next(scores)),
            }
            for i in range(10)
        ]
    return {"version": "x", "database": database}, {"results": results, "external_data": {}}


def pick(rng, document):
    """(entry, its video's entry, its index) of a random segment of either document."""
    videos = document.get("database", document.get("results"))
    entry = videos[str(rng.choice(sorted(videos)))]
    rows = entry["annotations"] if isinstance(entry, dict) else entry
    index = int(rng.integers(len(rows)))
    return rows[index], entry, index


def either(rng, truth, found):
    return truth if rng.random() < 0.5 else found


def missing_key(rng, truth, found):
    row, video, _ = pick(rng, either(rng, truth, found))
    place = video if isinstance(video, dict) and rng.random() < 0.5 else row
    del place[str(rng.choice([key for key in place if key != "duration"]))]
    return truth, found, None


def text_for_a_number(rng, truth, found):
    """Ground truth may hold numbers as text, as THUMOS14's does; predictions may not."""
    before, document = copy.deepcopy((truth, found)), either(rng, truth, found)
    row, _, _ = pick(rng, document)
    is_number = rng.random() < 0.7
    side = int(rng.integers(2))
    row["segment"][side] = str(row["segment"][side]) if is_number else "soon"
    return truth, found, (*before, None) if document is truth and is_number else None


def not_finite(rng, truth, found):
    row, _, _ = pick(rng, document := either(rng, truth, found))
    value = float(rng.choice([np.nan, np.inf, -np.inf]))
    if document is found and rng.random() < 0.5:
        row["score"] = value
    else:
        row["segment"][int(rng.integers(2))] = value
    return truth, found, None


def no_number(rng, truth, found):
    row, _, _ = pick(rng, either(rng, truth, found))
    row["segment"][int(rng.integers(2))] = [True, None, [1.0], {"s": 1}][rng.integers(4)]
    return truth, found, None


def wrong_shape(rng, truth, found):
    row, _, _ = pick(rng, either(rng, truth, found))
    row["segment"] = [[1.0], [1.0, 2.0, 3.0], {"start": 1, "end": 2}, "1 2", 5][rng.integers(5)]
    return truth, found, None


def reversed_prediction(rng, truth, found):
    row, _, _ = pick(rng, found)
    right = copy.deepcopy(found)
    row["segment"] = row["segment"][::-1]
    replace_row(right, row["score"], FAR)
    return truth, found, (truth, right, "reversed_predictions")


def replace_row(document, score, segment):
    for rows in document["results"].values():
        for row in rows:
            if row["score"] == score:
                row["segment"] = list(segment)


def reversed_truth(rng, truth, found):
    row, _, _ = pick(rng, truth)
    row["segment"] = row["segment"][::-1]
    return truth, found, None


def unknown_label(rng, truth, found):
    row, rows, index = pick(rng, found)
    row["label"] = str(rng.choice(["z", "A", "a ", "", "a\n"]))
    right = copy.deepcopy(found)
    for own in right["results"].values():
        own[:] = [other for other in own if other["score"] != row["score"]]
    return truth, found, (truth, right, "predictions_with_unknown_label")


def unknown_video(rng, truth, found):
    name = str(rng.choice(sorted(found["results"])))
    found["results"][str(rng.choice(["v_" + name, name.upper() + "x", ""]))] = found["results"].pop(
        name
    )
    return truth, found, (truth, copy.deepcopy(found), "predictions_for_unknown_video")


def huge_number(rng, truth, found):
    row, _, _ = pick(rng, either(rng, truth, found))
    row["segment"][1] = [1e300, 10**400, 1e10, -1e12][rng.integers(4)]
    return truth, found, None


def empty(rng, truth, found):
    case = rng.integers(5)
    if case == 0:
        found["results"] = {}
        return truth, found, (truth, copy.deepcopy(found), "classes_without_predictions")
    if case == 1:
        rows = found["results"][str(rng.choice(sorted(found["results"])))]
        rows.clear()
        return truth, found, (truth, copy.deepcopy(found), None)
    if case == 2:
        truth["database"] = {}
        return truth, found, None
    return truth, [b"", b"{}", b"[]", b"null"][rng.integers(4)], None


def twice(rng, truth, found):
    text = json.dumps(document := either(rng, truth, found))
    name = str(
        rng.choice(["v1", "segment", "label", "results" if document is found else "database"])
    )
    at = text.index(f'"{name}": ')
    text = text[:at] + f'"{name}": 0, ' + text[at:]
    return (text.encode(), found, None) if document is truth else (truth, text.encode(), None)


def deep(rng, truth, found):
    depth = int(rng.choice([30, 100_000]))
    text = json.dumps(found)[:-1] + ', "more": ' + "[" * depth + "]" * depth + "}"
    return truth, text.encode(), (truth, found, None) if depth < 100 else None


def cut(rng, truth, found):
    data = json.dumps(document := either(rng, truth, found)).encode()
    data = data[: int(rng.integers(len(data)))]
    return (data, found, None) if document is truth else (truth, data, None)


def wrong_top_level(rng, truth, found):
    value = [
        [found],
        "results",
        3,
        {"results": [1]},
        {"results": {"v0": {}}},
        {"results": {"v0": [[]]}},
        {"database": {}},
        None,
        True,
    ][rng.integers(9)]
    return (value, found, None) if rng.random() < 0.5 else (truth, value, None)


def garbage(rng, truth, found):
    data = bytes(rng.integers(0, 256, 500, dtype=np.uint8))
    data = [data, b"\x1f\x8b" + data, b"\x00" * 50, "ü".encode("latin-1") * 9][rng.integers(4)]
    return (data, found, None) if rng.random() < 0.5 else (truth, data, None)


def gzip_cut(rng, truth, found):
    data = gzip.compress(json.dumps(document := either(rng, truth, found)).encode(), mtime=0)
    data = data[: int(rng.integers(2, len(data)))]
    return (data, found, None) if document is truth else (truth, data, None)


def gzip_flipped(rng, truth, found):
    """A wrong byte after the header: the checksum notices. A whole one: nothing changes."""
    data = bytearray(gzip.compress(json.dumps(found).encode(), mtime=0))
    if is_bad := rng.random() < 0.7:
        data[int(rng.integers(10, len(data)))] ^= 1 << int(rng.integers(8))
    return truth, bytes(data), None if is_bad else (truth, found, None)


def points(rng, truth, found):
    """A ground truth without length cannot be found, not even by a prediction equal to it."""
    row, video, _ = pick(rng, truth)
    row["segment"][1] = row["segment"][0]
    name = next(name for name, entry in truth["database"].items() if entry is video)
    right = copy.deepcopy(found)
    right["results"][name].append({"segment": FAR, "label": row["label"], "score": 2.0})
    found["results"][name].append(
        {"segment": list(row["segment"]), "label": row["label"], "score": 2.0}
    )
    return truth, found, (truth, right, "undefined_overlaps")


def harmless(rng, truth, found):
    before = copy.deepcopy((truth, found))
    row, video, _ = pick(rng, truth)
    row["more"], video["duration"] = (
        {"nested": [None, "x"]},
        [None, "long", -3, True, [1]][rng.integers(5)],
    )
    truth["database"]["elsewhere"] = {"subset": "training", "annotations": [{"anything": 1}]}
    text = json.dumps(found, indent=int(rng.integers(4)))
    return (
        truth,
        text.encode(str(rng.choice(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))),
        (*before, None),
    )


MUTATIONS = [
    missing_key,
    text_for_a_number,
    not_finite,
    no_number,
    wrong_shape,
    reversed_prediction,
    reversed_truth,
    unknown_label,
    unknown_video,
    huge_number,
    empty,
    twice,
    deep,
    cut,
    wrong_top_level,
    garbage,
    gzip_cut,
    gzip_flipped,
    points,
    harmless,
]


def instances(document):
    rows = [
        (video, row)
        for video, entry in document.get("database", document.get("results")).items()
        for row in (entry["annotations"] if isinstance(entry, dict) else entry)
    ]
    scores = [row["score"] for _, row in rows] if "results" in document else None
    return make_instances(
        [video for video, _ in rows],
        [row["label"] for _, row in rows],
        [row["segment"] for _, row in rows],
        scores,
    )


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
@pytest.mark.parametrize("seed", SEEDS)
def test_refused_in_a_line_or_scored_right(tmp_path, mutation, seed):
    rng = np.random.default_rng([seed, zlib.crc32(mutation.__name__.encode())])
    *contents, right = mutation(rng, *make_documents(rng))
    paths = tmp_path / "truth.json", tmp_path / "found.json"
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    if right is None:
        with pytest.raises(InputError, match=r"(truth|found)\.json") as caught:
            detection_map(load_ground_truth(paths[0], "validation"), load_predictions(paths[1]))
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400 + len(str(tmp_path))
        return

    truth, found = load_ground_truth(paths[0], "validation"), load_predictions(paths[1])
    scores = detection_map(truth, found)
    expected = map_in_loops(*(instances(document) for document in right[:2]), ACTIVITYNET_TIOU)
    np.testing.assert_allclose(
        scores.ap, [expected[name] for name in scores.class_names], rtol=0, atol=1e-12
    )
    if right[2]:
        assert scores.warnings[right[2]] > 0 and right[2] in WARNING_TEXT
    else:
        assert set(scores.warnings) <= {"classes_without_predictions"}
    # Nothing else falls over it either.
    assert 0 <= proposal_recall(truth, found).area <= 1
    assert 0 <= analyze_errors(truth, found, ACTIVITYNET_TIOU).missed <= 1


def test_there_are_300():
    assert len(MUTATIONS) * len(SEEDS) == 300
