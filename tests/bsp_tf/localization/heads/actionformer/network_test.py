"""The network against the reference's own numbers, at every level."""

import json

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.localization.heads.actionformer.network import ActionFormer, position_table
from bsp_tf.torch_import.actionformer.names import torch_plan
from tests.fixtures.actionformer_reference import (
    SMALL,
    largest_errors,
    reference_input,
    reference_model,
)

THUMOS = {
    "feature_dim": 2048,
    "num_classes": 20,
    "num_segments": 2304,
    "width": 512,
    "attention_windows": (19,) * 6,
}
FULL = {"attention_windows": (0,) * 4}


def forward_errors(model, golden, case, features, inside):
    levels = model.backbone(features, inside)
    neck = model.neck(levels)
    found = {
        "backbone": [values for values, _ in levels],
        "neck": [values for values, _ in neck],
        "cls": [model.class_predictor(*level) for level in neck],
        "off_raw": model.distances(neck),
    }
    for number, (_, positions) in enumerate(levels):
        valid = positions.numpy().sum((1, 2))
        np.testing.assert_array_equal(valid, golden[f"{case}/valid_l{number}"])
    return largest_errors(golden, case, found)


@pytest.mark.parametrize(("case", "sizes"), [("win9", {}), ("full", FULL)])
def test_forward(testdata, case, sizes):
    golden = np.load(testdata / "actionformer_forward.npz")
    features, inside = reference_input(0, (2, 64, 256), golden[f"{case}/lens"])
    errors = forward_errors(reference_model(**sizes), golden, case, features, inside)
    assert max(errors.values()) < 1e-4, errors


@pytest.mark.parametrize(
    ("case", "sizes", "seed", "length"),
    [
        ("win9", {}, 0, 256),
        ("full", FULL, 0, 256),
        ("fpn", {"neck": "fpn"}, 0, 256),
        ("abspe", {"position_encoding": True}, 0, 256),
        ("abspe_T320", {"position_encoding": True}, 1, 320),
    ],
)
def test_forward_of_every_variant(shared, case, sizes, seed, length):
    variants = "" if case in ("win9", "full") else "variants_"
    golden = np.load(shared / f"golden/af_small_{variants}forward.npz")
    features, inside = reference_input(seed, (2, 64, length), golden[f"{case}/lens"])
    errors = forward_errors(reference_model(**sizes), golden, case, features, inside)
    assert max(errors.values()) < 1e-4, errors


@pytest.mark.parametrize(("case", "seed", "length"), [("T2304", 2, 1703), ("T2880", 3, 2500)])
def test_forward_of_the_published_size(shared, case, seed, length):
    golden, padded = np.load(shared / "golden/af_thumos_forward.npz"), int(case[1:])
    features, _ = reference_input(seed, (1, 2048, length), [length])
    features = np.pad(features, [(0, 0), (0, padded - length), (0, 0)])
    inside = (np.arange(padded) < length).astype(np.float32)[np.newaxis]
    model = reference_model(**THUMOS)
    errors = forward_errors(model, golden, case, features, inside)
    assert max(errors.values()) < 1e-4, errors


@pytest.mark.parametrize("file", ["small", "small_fpn", "thumos", "anet"])
def test_parameters_are_those_of_the_reference(shared, file):
    sizes = {
        "small": {},
        "small_fpn": {"neck": "fpn"},
        "thumos": THUMOS,
        "anet": {
            "feature_dim": 512,
            "num_classes": 1,
            "num_segments": 192,
            "width": 256,
            "attention_windows": (7, 7, 7, 7, 7, 0),
            "position_encoding": True,
        },
    }[file]
    model = ActionFormer(**SMALL | sizes)
    model.build()
    found = {name: list(place.shape) for name, place in torch_plan(model).items()}
    assert found == json.loads((shared / f"golden/af_{file}_params.json").read_text())


def test_how_much_is_padded_does_not_matter():
    model = reference_model()
    features, inside = reference_input(4, (2, 64, 96), [70, 41])
    short = model(features, inside)["logits"][:, :70]
    more = [(0, 0), (0, 64), (0, 0)]
    long = model(np.pad(features, more), np.pad(inside, more[:2]))["logits"][:, :70]
    np.testing.assert_allclose(short, long, atol=1e-5)


def test_a_replica_may_have_no_example():
    model = reference_model()
    with tf.GradientTape() as tape:
        outputs = model(np.zeros((0, 64, 64), np.float32), np.zeros((0, 64), np.float32))
        total = tf.add_n([tf.reduce_sum(values) for values in outputs.values()])
    gradients = tape.gradient(total, model.trainable_variables)
    assert all(np.all(gradient.numpy() == 0) for gradient in gradients)


def test_position_table(shared):
    golden = np.load(shared / "golden/af_small_variants_forward.npz")
    table = position_table(256, 256, 64)
    expected = golden["abspe_table"]
    found = table.T.ravel()[golden["abspe_table_idx"]] if "abspe_table_idx" in golden else table.T
    np.testing.assert_allclose(found, np.reshape(expected, found.shape), atol=1e-6)
    np.testing.assert_array_equal(position_table(100, 256, 64), table[:100])
    stretched = position_table(512, 256, 64)
    np.testing.assert_allclose(stretched[1:5:2], 0.75 * table[:2] + 0.25 * table[1:3], atol=1e-7)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="num_heads"):
        ActionFormer(**SMALL | {"num_heads": 3})
    with pytest.raises(InputError, match="64 channels, got 8"):
        reference_model()(np.zeros((1, 64, 8), np.float32), np.ones((1, 64), np.float32))
