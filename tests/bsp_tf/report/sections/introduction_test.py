"""The headline follows the numbers."""

import pytest

from bsp_tf.report.inputs import Results
from bsp_tf.report.sections.introduction import headline
from bsp_tf.report.sources import Sources


@pytest.mark.parametrize(
    "before, after, word",
    [(0.501, 0.62, " raise "), (0.501, 0.403, " lower "), (0.501, 0.5013, " not ")],
)
def test_headline(before, after, word):
    scores = {"action": {"average_mAP": before}, "two_stream": {"average_mAP": after}}
    text = headline(Results(Sources.under("root"), {}, scores))
    assert word in text
    assert f"{100 * before:.1f}" in text and f"{100 * after:.1f}" in text
