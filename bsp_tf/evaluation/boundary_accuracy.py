"""How well boundary types are recognised: by type, place, speeds and length of transition.

All tables take the same samples: arrays of one entry per sample, as the pipeline gives them.
The pairs of types are never averaged: with the joints solved and the speeds at chance the accuracy
over the four types is .75.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bsp_tf.evaluation.clip_accuracy import confusion_matrix
from bsp_tf.synthesis.boundary_types import PAPER_TRANSITION, ids, pair_ids


class BoundarySamples(NamedTuple):
    """What was shown and what was answered; arrays of n entries.

    Attributes:
        label: integer [n], id of the type.
        predicted: integer [n], id of the type.
        boundary: float [n], position in frames; -1 for none.
        strides: integer [n, 2], before and after.
        transition_length: integer [n], blended frames, 0 for a cut.
    """

    label: np.ndarray
    predicted: np.ndarray
    boundary: np.ndarray
    strides: np.ndarray
    transition_length: np.ndarray


Cells = dict[str, list[dict]]


def summarize(samples: BoundarySamples, types: Sequence[str]) -> dict:
    """All scores of one pass, ready for JSON.

    Args:
        samples: What was shown and answered.
        types: Names of the K types in use, by id.

    Returns:
        {"num_samples", "accuracy", "confusion": counts [K, K], rows = truth, "pairs": {"joined",
        "speed": {"accuracy" (of the pair's samples), "kept" (share answered with one of the
        pair)}}, "by_position", "by_speeds", "by_transition_length": {key: [a cell per type]}}. A
        cell is {"num_samples", "accuracy" (None without samples)}.
    """
    correct = samples.label == samples.predicted
    pairs = {}
    for name, members in pair_ids(types).items():
        shown = np.isin(samples.label, members)
        pairs[name] = {
            "accuracy": _mean(correct[shown]),
            "kept": _mean(np.isin(samples.predicted[shown], members)),
        }
    has_boundary = np.isin(samples.label, ids(types, lambda row: row.has_boundary))
    joined = np.isin(samples.label, ids(types, lambda row: row.is_joined))
    cells = functools.partial(_cells, samples, len(types))
    return {
        "num_samples": len(correct),
        "accuracy": _mean(correct),
        "confusion": confusion_matrix(samples.label, samples.predicted, len(types)).tolist(),
        "pairs": pairs,
        "by_position": cells(samples.boundary, lambda value: f"{value:g}", has_boundary),
        "by_speeds": cells(samples.strides, _speeds),
        "by_transition_length": cells(samples.transition_length, str, joined),
    }


def blend_or_class(samples: BoundarySamples, types: Sequence[str]) -> dict[str, float | None]:
    """Whether answers to joined types follow the blend or the classes of the two clips.

    Under the paper's rule (only diff_class is blended) both give the same answers and nothing can
    be said; where both or neither are blended, or a coin says which, they differ.

    Args:
        samples, types: As in `summarize`.

    Returns:
        Of the joined samples that were answered with a joined type: "num_samples"; "by_class",
        share whose answer joins two classes if the sample does (.5 by guessing); "by_blend", share
        whose answer is a type that the paper's rule blends if the sample is blended. None without
        samples.
    """
    joined = ids(types, lambda row: row.is_joined)
    shown = np.isin(samples.label, joined) & np.isin(samples.predicted, joined)
    two_classes = ids(types, lambda row: row.joins_classes)
    by_class = np.isin(samples.predicted, two_classes) == np.isin(samples.label, two_classes)
    blended = ids(types, lambda row: PAPER_TRANSITION in row.blended_by)
    by_blend = np.isin(samples.predicted, blended) == (samples.transition_length > 0)
    return {
        "num_samples": int(shown.sum()),
        "by_class": _mean(by_class[shown]),
        "by_blend": _mean(by_blend[shown]),
    }


def _speeds(strides: np.ndarray) -> str:
    """ "1->4 (x4)"; the ratio only where the clip plays forwards on both sides."""
    before, after = strides
    ratio = f" (x{after / before:g})" if before > 0 and after > 0 else ""
    return f"{before}->{after}{ratio}"


def _cells(
    samples: BoundarySamples,
    num_types: int,
    keys: np.ndarray,
    name: Callable,
    chosen: np.ndarray | None = None,
) -> Cells:
    """A row per distinct key (ascending) of the chosen samples, a cell per type."""
    chosen = np.ones(len(samples.label), bool) if chosen is None else chosen
    correct = samples.label == samples.predicted
    keys = keys.reshape(len(keys), -1)
    table = {}
    for key in np.unique(keys[chosen], axis=0):
        here = chosen & (keys == key).all(axis=1)
        table[name(key if len(key) > 1 else key[0])] = [
            {
                "num_samples": int((here & (samples.label == kind)).sum()),
                "accuracy": _mean(correct[here & (samples.label == kind)]),
            }
            for kind in range(num_types)
        ]
    return table


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
