"""Top-k accuracy, recall a class and confusion against plain loops."""

import numpy as np
import pytest

from bsp_tf.evaluation.clip_accuracy import confusion_matrix, summarize, top_k_accuracy


@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_top_k_is_the_share_among_the_k_best(k):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(200, 7)), rng.integers(0, 7, 200)
    expected = np.mean(
        [label in np.argsort(-row)[:k] for row, label in zip(logits, labels, strict=True)]
    )
    assert top_k_accuracy(logits, labels, k) == expected


def test_ties_are_no_credit():
    labels = np.repeat(np.arange(10), 3)
    assert top_k_accuracy(np.zeros([30, 10]), labels, 1) == 0.1
    assert top_k_accuracy(np.zeros([30, 10]), labels, 5) == 0.5


def test_answers_that_are_no_numbers_are_no_credit():
    logits, labels = np.zeros([4, 10]), np.array([0, 0, 3, 3])
    logits[[0, 2]] = np.nan
    assert top_k_accuracy(logits, labels, 1) == 0.25
    assert top_k_accuracy(np.full([4, 10], np.nan), labels, 5) == 0


def test_summary_of_a_known_confusion():
    confusion = np.array([[3, 1, 0], [0, 0, 0], [2, 0, 2]])
    labels, predicted = (
        np.concatenate([np.repeat(index[i], confusion[index]) for index in np.ndindex(3, 3)])
        for i in range(2)
    )
    result = summarize(np.eye(3)[predicted], labels, ["a", "b", "c"])
    assert (
        result["confusion"] == confusion.tolist() == confusion_matrix(labels, predicted, 3).tolist()
    )
    assert result["num_clips"] == 8 and result["top1"] == 5 / 8 and result["top5"] is None
    assert result["mean_class_recall"] == (3 / 4 + 1 / 2) / 2
    assert result["per_class"]["a"] == {
        "num_clips": 4,
        "recall": 0.75,
        "most_taken_for": "b",
        "times": 1,
    }
    assert result["per_class"]["b"] == {
        "num_clips": 0,
        "recall": None,
        "most_taken_for": None,
        "times": 0,
    }
    assert result["per_class"]["c"]["most_taken_for"] == "a"
