"""The headline follows the numbers, and claims no more than the interval does."""

import pytest

from bsp_tf.comparison.bootstrap import Comparison, Difference
from bsp_tf.report.inputs import Results
from bsp_tf.report.sections.introduction import headline
from bsp_tf.report.sources import Sources


@pytest.mark.parametrize(
    ("after", "ends", "words"),
    [
        (0.62, (0.02, 0.2), "raise average mAP from 50.1 to 62.0 (+11.9 points, 95% interval +2.0"),
        (0.403, (-0.2, -0.01), "lower average mAP from 50.1 to 40.3 (−9.8 points"),
        (0.403, (-0.2, 0.01), "50.1 without them and 40.3 with them (−9.8 points, 95% interval"),
        (0.62, None, "Average mAP is 50.1 without boundary features and 62.0 with them."),
    ],
)
def test_headline(after, ends, words):
    scores = {"action": {"average_mAP": 0.501}, "two_stream": {"average_mAP": after}}
    comparison = None
    if ends:
        difference = Difference("average mAP", 0.501, after, *ends)
        comparison = Comparison([difference], 24, 60, 1000, (1, 1), 0)
    text = headline(Results(Sources.under("root"), {}, scores, comparison))
    assert words in text
    holds_zero = ends is None or ends[0] < 0 < ends[1]
    assert (" raise " in text or " lower " in text) != holds_zero
    assert ("24 videos do not tell" in text) == (ends is not None and holds_zero)
