"""Checkpoints as ActionFormer's training code writes them -> workdirs, with PyTorch's numbers."""

import json

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.import_weights import ImportOptions, import_weights
from tests.fixtures.actionformer_reference import (
    SMALL,
    reference_input,
    reference_model,
    state_by_rule,
)

torch = pytest.importorskip("torch", reason="PyTorch is an extra")

SIZES = ImportOptions(num_segments=256, attention_windows="9")


def save(path, model, change=None):
    """All of what that code saves; the weights by rule are the averaged ones."""
    averaged = {name: torch.as_tensor(array) for name, array in state_by_rule(model).items()}
    averaged |= change or {}
    network = torch.nn.ParameterDict({"weight": torch.nn.Parameter(torch.ones(2))})
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4)
    network["weight"].sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    torch.save(
        {
            "epoch": 35,
            "state_dict": {f"module.{name}": value + 1 for name, value in averaged.items()},
            "state_dict_ema": {f"module.{name}": value for name, value in averaged.items()},
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
        },
        path,
    )
    return path


@pytest.fixture
def labels(tmp_path):
    (tmp_path / "names.txt").write_text("".join(f"action {letter}\n" for letter in "edcba"))
    return tmp_path / "names.txt"


def test_a_checkpoint_gives_the_numbers_of_the_reference(testdata, labels, tmp_path, capsys):
    from bsp_tf.localization.workdir import load_trained

    path = save(tmp_path / "epoch_035.pth.tar", reference_model())
    assert import_weights(path, tmp_path / "out", labels, SIZES)
    assert "check against PyTorch" in capsys.readouterr().out
    trained = load_trained(tmp_path / "out")
    assert trained.class_names == ("action e", "action d", "action c", "action b", "action a")
    assert trained.config.crops and trained.head.names_classes(trained.config)

    golden = np.load(testdata / "actionformer_forward.npz")
    features, inside = reference_input(0, (2, 64, 256), golden["win9/lens"])
    logits = trained.outputs(features, inside)["logits"]
    begin = 0
    for level in range(4):
        part = logits[:, begin : begin + 256 // 2**level]
        begin += part.shape[1]
        expected, places = golden[f"win9/cls_l{level}"], golden.get(f"win9/cls_l{level}_idx")
        part = part.reshape(expected.shape) if places is None else part.ravel()[places]
        np.testing.assert_allclose(part, expected, atol=1e-4)

    assert not import_weights(path, tmp_path / "out", labels, SIZES)
    with pytest.raises(InputError, match="attention_windows"):
        import_weights(path, tmp_path / "out", labels, ImportOptions(num_segments=256))


@pytest.mark.parametrize(
    "sizes",
    [
        {"num_classes": 1, "position_encoding": True, "attention_windows": (7, 7, 7, 0)},
        {"neck": "fpn", "drop_path": 0.0, "attention_windows": (0, 9, 9, 9), "stem_blocks": 1},
    ],
)
def test_other_networks(tmp_path, sizes, capsys):
    from bsp_tf.localization.workdir import load_trained

    windows = ",".join(map(str, sizes["attention_windows"]))
    options = ImportOptions(num_segments=64, attention_windows=windows)
    path = save(tmp_path / "epoch_015.pth.tar", reference_model(**sizes))
    assert import_weights(path, tmp_path / "out", options=options)
    trained = load_trained(tmp_path / "out")
    assert trained.model.sizes == SMALL | sizes | {"num_segments": 64} | {
        "first_normalizer": trained.config.first_normalizer
    }
    named = sizes.get("num_classes", 5) > 1
    assert trained.config.names_classes == named
    assert trained.class_names == (tuple(f"class {n}" for n in range(5)) if named else ())


def test_faults(labels, tmp_path):
    path = save(tmp_path / "w.pth.tar", reference_model())
    for options, message in (
        ({"num_segments": 100}, "num_segments=100 .* 3 times"),
        ({"attention_windows": "9,9"}, "attention_windows=9,9 .* 4 "),
        ({"attention_windows": "-9"}, "attention_windows=-9"),
        ({"feature_settings": {"feature_stride": "eight"}}, "feature_stride"),
    ):
        with pytest.raises(InputError, match=f"w.pth.tar: .*{message}"):
            import_weights(path, tmp_path / "out", options=ImportOptions(**options))
    (tmp_path / "two.txt").write_text("a\nb\n")
    with pytest.raises(InputError, match="5 .*--labels.* 2"):
        import_weights(path, tmp_path / "out", tmp_path / "two.txt", SIZES)
    one = save(tmp_path / "one.pth.tar", reference_model(num_classes=1))
    with pytest.raises(InputError, match="--labels"):
        import_weights(one, tmp_path / "out", labels, SIZES)
    # Another network: relative position encoding, which no published config has.
    extra = {"backbone.stem.0.attn.rel_pe": torch.zeros(1)}
    path = save(tmp_path / "w.pth.tar", reference_model(), extra)
    with pytest.raises(InputError, match=r"missing \[\] .*backbone.stem.0.attn.rel_pe"):
        import_weights(path, tmp_path / "out", options=SIZES)
    assert not (tmp_path / "out").exists()


def test_it_detects_on_arrays_of_other_tools(labels, tmp_path):
    from bsp_tf.detect import detect

    rows = {
        "feature_layout": "snippets",
        "feature_stride": "4",
        "feature_window": "16",
        "feature_fps": "30",
    }
    options = ImportOptions(num_segments=256, attention_windows="9", feature_settings=rows)
    path = save(tmp_path / "w.pth.tar", reference_model())
    import_weights(path, tmp_path / "head", labels, options)
    (tmp_path / "features").mkdir()
    rng = np.random.default_rng(0)
    # One is shorter than the last level is wide, one longer than any video in training.
    for name, length in (("short", 5), ("long", 300)):
        array = rng.standard_normal((length, 64)).astype(np.float32)
        np.save(tmp_path / "features" / f"v_{name}.npy", array)
    database = {
        name: {
            "subset": "test",
            "duration": (4 * length + 12) / 30,
            "annotations": [{"segment": [0.1, 0.5], "label": "action a"}],
        }
        for name, length in (("short", 5), ("long", 300))
    }
    (tmp_path / "annotations.json").write_text(json.dumps({"database": database}))
    output = tmp_path / "detections.json"
    result = detect(
        str(tmp_path / "head"),
        str(tmp_path / "features"),
        str(tmp_path / "annotations.json"),
        "test",
        str(output),
    )
    assert result["videos"] == 2 and not result["left_out"]
    results = json.loads(output.read_text())["results"]
    found = {detection["label"] for video in results.values() for detection in video}
    assert found <= {f"action {letter}" for letter in "abcde"} and len(found) > 1
