"""Scores come from models that have not seen the video, and say what it shows."""

import dataclasses

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.classify_videos.cross_validation import cross_validated_scores, split_folds
from bsp_tf.classify_videos.settings import Settings
from bsp_tf.classify_videos.video_steps import pool_steps
from tests.fixtures.small_videos import CLASSES, shown_features

SETTINGS = Settings(num_folds=3, num_steps=16, fewest_updates=100, epochs=1)
# The last six are of another subset.
COUNT, TRAINING = 36, np.arange(30)


@pytest.fixture(scope="module")
def videos():
    """Features and classes; every fifth video shows two."""
    labels = [
        {CLASSES[i % 3], CLASSES[(i + 1) % 3]} if i % 5 == 0 else {CLASSES[i % 3]}
        for i in range(COUNT)
    ]
    features = [pool_steps(shown_features(sorted(own), i), 16) for i, own in enumerate(labels)]
    return features, np.array([[name in own for name in CLASSES] for own in labels])


@pytest.fixture(scope="module")
def scores(videos):
    return cross_validated_scores(*videos, TRAINING, SETTINGS)


def test_folds_are_of_one_size_and_follow_the_seed():
    folds = split_folds(11, 3, seed=4)
    assert sorted(np.bincount(folds)) == [3, 4, 4]
    assert (folds == split_folds(11, 3, seed=4)).all() and (folds != split_folds(11, 3, 5)).any()


def test_a_model_needs_other_videos_than_it_scores():
    with pytest.raises(InputError, match="--folds=1"):
        Settings(num_folds=1)


def test_scores_are_distributions_that_name_the_classes(videos, scores):
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-6)
    best = videos[1][np.arange(COUNT), scores.argmax(axis=1)]
    assert best[:30].mean() > 0.8 and best[30:].mean() > 0.8


@pytest.mark.thorough
def test_the_same_seed_gives_the_same_numbers(videos, scores):
    again = cross_validated_scores(*videos, TRAINING, SETTINGS)
    assert again.tobytes() == scores.tobytes()
    other = cross_validated_scores(*videos, TRAINING, dataclasses.replace(SETTINGS, seed=1))
    assert np.abs(other - scores).max() > 0.01


def test_no_video_has_a_say_in_its_own_scores(videos, scores):
    """Other labels for one video change the scores of the other folds, and not of its own."""
    features, shown = videos
    shown = shown.copy()
    shown[7] = ~shown[7]
    changed = cross_validated_scores(features, shown, TRAINING, SETTINGS)
    folds = split_folds(30, 3, SETTINGS.seed)
    own = TRAINING[folds == folds[7]]
    assert changed[own].tobytes() == scores[own].tobytes()
    others = np.setdiff1d(np.arange(COUNT), own)
    assert np.abs(changed[others] - scores[others]).max(axis=1).min() > 0


def test_labels_and_features_of_other_subsets_are_not_learned_from(videos, scores):
    features, shown = videos
    elsewhere = [*features[:30], *(array + 100 for array in features[30:])]
    blind = shown.copy()
    blind[30:] = False
    changed = cross_validated_scores(elsewhere, blind, TRAINING, SETTINGS)
    assert changed[:30].tobytes() == scores[:30].tobytes()
