"""Bars, lanes and hits of a timeline."""

from bsp_tf.report.figures.timeline_bars import Bar, assign_lanes, top_detections


def _detection(start: float, end: float, label: str, score: float) -> dict:
    return {"segment": [start, end], "label": label, "score": score}


def test_best_detections_first_and_hits_counted_once():
    truth = [Bar(0, 10, "a"), Bar(20, 30, "b")]
    bars = top_detections(
        [
            _detection(1, 10, "a", 0.5),
            _detection(0, 10, "a", 0.9),
            _detection(20, 30, "a", 0.8),
            _detection(20, 24, "b", 0.7),
            _detection(20, 25, "b", 0.6),
        ],
        truth,
        most=4,
    )
    assert [bar.score for bar in bars] == [0.9, 0.8, 0.7, 0.6]
    # The second has the wrong class, the third too little overlap; the fourth overlaps by exactly
    # one half.
    assert [bar.hit for bar in bars] == [True, False, False, True]


def test_no_detections():
    assert top_detections([], [Bar(0, 1, "a")], most=5) == []


def test_lanes_hold_no_overlap():
    bars = [Bar(0, 5, "a"), Bar(4, 8, "a"), Bar(5, 9, "a"), Bar(0, 9, "a")]
    assert assign_lanes(bars) == [0, 1, 0, 2]
    assert assign_lanes(bars, clearance_seconds=0.5) == [0, 1, 2, 3]
    assert assign_lanes([]) == []
