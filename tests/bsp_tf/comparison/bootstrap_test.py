"""Differences and their intervals: what they hold, how often they hold the truth, odd inputs."""

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.comparison import bootstrap
from bsp_tf.comparison.bootstrap import Comparison, compare_runs
from bsp_tf.comparison.measures import measure_names
from bsp_tf.evaluation.detection_map import detection_map
from bsp_tf.evaluation.ground_truth import make_instances
from bsp_tf.evaluation.proposal_recall import proposal_recall

TIOU = np.array([0.5, 0.75])


def fewest_inside(trials: int) -> int:
    """What a 95% interval stays above in all but one of a thousand rows of so many trials."""
    return int(np.quantile(np.random.default_rng(0).binomial(trials, 0.95, 200_000), 0.001))


def columns(comparison: Comparison) -> np.ndarray:
    """Value, low and high of each measure, [M, 3]."""
    return np.array([(item.value, item.low, item.high) for item in comparison.differences])


def test_values_are_those_of_the_scorers(world):
    truth, runs = world(np.random.default_rng(2), 12, (0.5, 1.0, 2.0))
    found = compare_runs(truth, runs[:1], runs[1:], TIOU, num_resamples=100)
    for names, side in (("first", runs[:1]), ("second", runs[1:])):
        maps = [detection_map(truth, run, TIOU) for run in side]
        recalls = [proposal_recall(truth, run, TIOU) for run in side]
        expected = {
            "mAP@0.5": np.mean([scores.mean_ap[0] for scores in maps]),
            "average mAP": np.mean([scores.average for scores in maps]),
            "AR@1": np.mean([scores.at(1) for scores in recalls]),
            "AR@50": np.mean([scores.at(50) for scores in recalls]),
            "AUC": np.mean([scores.area for scores in recalls]),
        }
        for name, value in expected.items():
            assert getattr(found[name], names) == pytest.approx(value, rel=1e-12)
    assert [item.name for item in found.differences] == measure_names(TIOU, 100)
    assert (found.num_videos, found.num_instances, found.num_runs) == (12, len(truth), (1, 2))


def test_the_same_on_both_sides_differs_by_nothing(world):
    truth, (run,) = world(np.random.default_rng(0), 10, (1.0,))
    found = compare_runs(truth, [run], [run], TIOU, num_resamples=100)
    assert not columns(found).any() and all(item.holds_zero for item in found.differences)


def test_sides_swapped(world):
    truth, (one, other) = world(np.random.default_rng(0), 10, (0.5, 2.0))
    forth, back = (
        columns(compare_runs(truth, [a], [b], TIOU, num_resamples=200))
        for a, b in ((one, other), (other, one))
    )
    np.testing.assert_allclose(forth, -back[:, [0, 2, 1]], atol=1e-12)


def test_intervals_hold_a_known_difference_as_often_as_they_say(world):
    trials = []
    for seed in range(80):
        truth, (one, other) = world(np.random.default_rng(seed), 24, (1.0, 1.3))
        trials.append(columns(compare_runs(truth, [one], [other], TIOU, 10, 150, seed)))
    value, low, high = np.moveaxis(np.array(trials), 2, 0)
    true = value.mean(axis=0)
    inside = ((low <= true) & (true <= high)).sum(axis=0)
    assert true[0] < -0.01, "the detector with more noise is worse"
    assert (inside >= fewest_inside(80)).all() and inside.mean() < 79.5
    # Paired: both sides on the same videos. Resampling each on its own would be wider than this.
    assert ((high - low).mean(axis=0) < 1.3 * 3.92 * value.std(axis=0)).all()


@pytest.mark.parametrize("num_runs", [(3, 3), (2, 4)])
def test_intervals_cover_the_seeds(world, num_runs):
    held, held_by_one = 0, 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        # Seeds make the detectors differ by chance; the sides do not differ at all.
        truth, runs = world(rng, 20, tuple(np.exp(rng.normal(0, 0.6, sum(num_runs)))))
        sides = runs[: num_runs[0]], runs[num_runs[0] :]
        found = compare_runs(truth, *sides, TIOU, 1, 100, seed)
        held += found["average mAP"].holds_zero
        alone = compare_runs(truth, sides[0][:1], sides[1][:1], TIOU, 1, 100, seed)
        held_by_one += alone["average mAP"].holds_zero
        assert found.covers_seeds and not alone.covers_seeds
    assert held >= fewest_inside(30) > held_by_one


def test_seeds_as_pairs_where_there_are_equally_many(world):
    truth, runs = world(np.random.default_rng(0), 20, (0.5, 1.0, 2.0, 4.0))
    same = compare_runs(truth, runs, runs, TIOU, num_resamples=100)
    assert not columns(same).any(), "the seeds differ much, but each pair by nothing"
    unpaired = compare_runs(truth, runs, runs[:-1], TIOU, num_resamples=100)["average mAP"]
    assert unpaired.high - unpaired.low > 0.2


def test_the_seed_gives_the_draws(world):
    truth, (one, other) = world(np.random.default_rng(0), 10, (0.5, 2.0))
    first, again, another = (
        compare_runs(truth, [one], [other], TIOU, num_resamples=100, seed=seed).to_json()
        for seed in (1, 1, 2)
    )
    assert first == again and first["measures"] != another["measures"]
    values = first["measures"]["average mAP"]
    assert values["difference"] == pytest.approx(values["b"] - values["a"])
    assert values["interval"][0] < values["difference"] < values["interval"][1]


def test_resamples_without_ground_truth_are_left_out():
    truth = make_instances(["v"], ["jump"], [[0, 1]], more_videos=["w"])
    found = make_instances(["v", "w"], ["jump"] * 2, [[0, 1], [2, 3]], [0.5, 0.9])
    comparison = compare_runs(truth, [found], [found], TIOU, num_resamples=400)
    assert 240 < comparison.num_resamples < 360


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_resamples": 99}, "99 resamples"),
        ({"max_proposals": 0}, "0 proposals"),
        ({"tiou": np.array([0.0])}, "0.0"),
        ({"ground_truth": make_instances([], [], [])}, "no segment"),
        ({"ground_truth": make_instances(["v"], ["a"], [[0, 1]])}, "1 video"),
        ({"first": [make_instances(["v"], ["a"], [[0, 1]])]}, "no scores"),
    ],
)
def test_bad_input(world, change, message):
    truth, (run,) = world(np.random.default_rng(0), 3, (1.0,))
    arguments = {"ground_truth": truth, "first": [run], "second": [run], "num_resamples": 100}
    with pytest.raises(InputError, match=message):
        compare_runs(**arguments | change)


def test_what_seeds_add_to_the_resamples():
    """By hand: the spread between the runs, wholly on top of what the videos do by themselves."""
    rng = np.random.default_rng(0)
    resamples, runs, spread = 200_000, 3, 0.5
    of_videos = rng.normal(0, 1, (1, resamples, 1))
    of_runs = rng.normal(0, 0.3, (runs, resamples, 1))
    drawn = of_videos + of_runs
    whole = np.array([[-spread], [0.0], [spread]])
    (found,) = bootstrap._with_seed_errors(drawn.mean(axis=0), [whole], [drawn], rng).T
    # Without what the runs add in the resamples, the videos' variance; Student's t of 2 degrees of
    # freedom times the standard error of the mean, in quantiles, as its variance is infinite.
    error = spread / np.sqrt(3)
    t = rng.standard_t(2, resamples) * error
    expected = np.quantile(rng.normal(0, 1, resamples) + t, [0.05, 0.25, 0.75, 0.95])
    np.testing.assert_allclose(np.quantile(found, [0.05, 0.25, 0.75, 0.95]), expected, rtol=0.03)
