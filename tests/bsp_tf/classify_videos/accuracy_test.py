"""Accuracy of videos that may show several classes."""

import numpy as np

from bsp_tf.classify_videos.accuracy import accuracy_table, average_precision, video_accuracy


def test_any_class_of_a_video_is_right():
    scores = np.array([[0.6, 0.3, 0.1], [0.1, 0.7, 0.2], [0.5, 0.1, 0.4]])
    shown = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]], bool)
    # Class 0: its video is first. 1: 0.7, 0.3 both right. 2: 0.4 is first.
    assert video_accuracy(scores, shown) == {"videos": 3, "top1": 2 / 3, "mAP": 1.0}


def test_top_5_of_more_than_5_classes():
    scores = np.tile(np.arange(7.0), (2, 1))
    shown = np.zeros((2, 7), bool)
    shown[0, 2] = shown[1, 1] = True
    numbers = video_accuracy(scores, shown)
    assert (numbers["top1"], numbers["top5"]) == (0, 0.5)
    # Classes that no video shows do not count; of equal scores the first video is the better.
    assert numbers["mAP"] == (1 + 1 / 2) / 2


def test_average_precision_by_hand():
    positive = np.array([False, True, False, True])
    assert average_precision(np.array([0.9, 0.8, 0.7, 0.6]), positive) == (1 / 2 + 2 / 4) / 2


def test_the_table_shows_percent():
    lines = accuracy_table({"training": {"videos": 12, "top1": 0.5, "mAP": 0.25}}).splitlines()
    assert lines[0].split() == ["videos", "top1", "mAP", "(%)"]
    assert lines[1].split() == ["training", "12", "50.0", "25.0"]
