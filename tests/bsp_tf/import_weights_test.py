"""Checkpoints as PyTorch writes them -> workdirs that the other commands take, with PyTorch's own
numbers.
"""

import json
import math
import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.import_weights import ImportOptions, import_weights

torch = pytest.importorskip("torch", reason="PyTorch is an extra")

PROJECT = Path(__file__).resolve().parents[2]
NUM_FRAMES, CLASSES = 8, 5
GTAD_SIZES = ImportOptions(num_segments=12, max_duration=8)


# Blocks of MobileNetV2 with an expansion and a sum.
SHIFTED_FEATURES = "3|5|6|8|9|10|12|13|15|16"


def as_tsm(name: str) -> str:
    """A torchvision name as TSM's training code saves it from DataParallel."""
    if name.startswith("fc."):
        return f"module.new_{name}"
    if name.startswith("layer"):
        name = name.replace(".conv1.", ".conv1.net.")
    name = re.sub(rf"(features\.({SHIFTED_FEATURES})\.conv\.0)\.", r"\1.net.", name)
    return f"module.base_model.{name}"


@pytest.fixture(scope="module")
def networks() -> dict:
    """Depth or name -> TSM in PyTorch with torchvision's names and uneven statistics."""
    from benchmarks.torch_tsm import make_torch_mobilenet_v2, make_torch_tsm

    torch.manual_seed(0)
    made = {depth: make_torch_tsm(depth, CLASSES).eval() for depth in (18, 50)}
    made["mobilenet_v2"] = make_torch_mobilenet_v2(CLASSES).eval()
    for network in made.values():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
                torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
                torch.nn.init.uniform_(module.weight, 0.5, 1.0)
                torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    return made


@pytest.fixture
def plain_state() -> dict:
    """A narrow, shallow TSM with torchvision's names and random numbers."""
    from bsp_tf.base.stack import named_variables
    from bsp_tf.models.tsm import TSM
    from bsp_tf.torch_import.tsm.names import torch_name

    model, rng, state = TSM(CLASSES, depth=10, width=0.125), np.random.default_rng(0), {}
    model.build()
    for path, variable in named_variables(model).items():
        if path == "dropout/state":
            continue
        shape = tuple(variable.shape)
        shape = (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape[::-1]
        spread = math.sqrt(2 / math.prod(shape[1:]))
        value = rng.uniform(0.5, 1, shape) if len(shape) == 1 else rng.normal(0, spread, shape)
        state[torch_name(path)] = torch.tensor(value).float()
    return state


@pytest.fixture
def tsm_state(plain_state) -> dict:
    return {as_tsm(name): value for name, value in plain_state.items()}


def save(path: Path, state: dict) -> Path:
    """As TSM's training code does."""
    torch.save(
        {"epoch": 50, "arch": "resnet", "state_dict": state, "optimizer": {}, "best_prec1": 71.2},
        path,
    )
    return path


@pytest.fixture
def labels(tmp_path) -> Path:
    (tmp_path / "names.txt").write_text("".join(f"action {letter}\n" for letter in "edcba"))
    return tmp_path / "names.txt"


def gtad_state(channels: int, bins: int, kernel: int) -> dict:
    """The reference's names and shapes at small widths, random numbers by name."""
    base, branch, first, then = 32, 16, 24, 12
    layers = {
        "backbone1.0": (base, channels // 4, 3),
        "localization.0": (first, base * bins, 1, 1),
        "localization.2": (then, first, 1, 1),
        "localization.4": (then, then, kernel, kernel),
        "localization.6": (then, then, kernel, kernel),
        "localization.8": (2, then, 1, 1),
        "regu_s.1": (1, base, 1),
        "regu_e.1": (1, base, 1),
    }
    for block in ("backbone1.2", "backbone2.0", "regu_s.0", "regu_e.0"):
        layers |= {
            f"{block}.tconvs.0": (branch, base, 1),
            f"{block}.tconvs.2": (branch, 4, 3),
            f"{block}.tconvs.4": (base, branch, 1),
            f"{block}.sconvs.0": (branch, 2 * base, 1, 1),
            f"{block}.sconvs.2": (branch, 4, 1, 1),
            f"{block}.sconvs.4": (base, branch, 1, 1),
        }
    state = {}
    for name, shape in layers.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        state[f"module.{name}.weight"] = torch.tensor(
            rng.standard_normal(shape) * math.sqrt(2 / math.prod(shape[1:]))
        )
        state[f"module.{name}.bias"] = torch.tensor(rng.standard_normal(shape[0]) * 0.1)
    return {name: value.float() for name, value in state.items()}


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        (18, {"depth": 18, "width": 1}),
        (50, {"depth": 50, "width": 1}),
        ("mobilenet_v2", {"width": 1}),
    ],
)
def test_a_tsm_checkpoint_gives_its_own_numbers(networks, labels, tmp_path, name, sizes, capsys):
    from bsp_tf.pretraining.trained_model import load_trained_model

    network = networks[name]
    state = {as_tsm(name): value for name, value in network.state_dict().items()}
    assert any(name.endswith("num_batches_tracked") for name in state)
    path = save(tmp_path / "no_hint_in_the_name.pth.tar", state)
    assert import_weights(path, tmp_path / "out", labels)
    assert "check against PyTorch" in capsys.readouterr().out

    model, config, names = load_trained_model(tmp_path / "out")
    assert model.backbone.sizes == sizes
    assert model.num_classes == CLASSES and config.imported.shifted
    assert names == ["action e", "action d", "action c", "action b", "action a"]
    clip = np.random.default_rng(3).standard_normal((1, NUM_FRAMES, 72, 48, 3)).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.tensor(clip[0]).permute(0, 3, 1, 2)).numpy()
    found = model(clip, training=False)["logits"]
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())

    assert not import_weights(path, tmp_path / "out", labels)
    with pytest.raises(InputError, match="imported.labels_given was True, is now False"):
        import_weights(path, tmp_path / "out")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "names.txt",
        "no_hint_in_the_name.pth.tar",
        "out",
    ]


def test_a_backbone_without_its_classifier(shared, tmp_path, tiny_config, capsys):
    """Real ImageNet weights of MobileNetV2, in torch.save's old format."""
    from bsp_tf.models.tsm import TSM
    from bsp_tf.pretraining.learner import Learner
    from bsp_tf.pretraining.trained_model import load_trained_model
    from bsp_tf.runs.strategy import strategy_for
    from bsp_tf.torch_import.check import relative_difference
    from bsp_tf.torch_import.files import read_state_dict
    from bsp_tf.torch_import.tsm.mobilenet_v2_reference import mobilenet_v2_maps
    from bsp_tf.torch_import.tsm.names import load_torch_state
    from bsp_tf.torch_import.tsm.reference import tsm_outputs

    path = shared / "weights" / "mobilenetv2_imagenet_features.pt"
    assert import_weights(path, tmp_path / "out")
    assert "no classes" in capsys.readouterr().out
    assert not import_weights(path, tmp_path / "out")
    with pytest.raises(InputError, match="labels.txt .*init_from"):
        load_trained_model(tmp_path / "out")

    state, model = read_state_dict(path), TSM(3, backbone="mobilenet_v2")
    load_torch_state(model, state)
    clip = np.random.default_rng(3).standard_normal((8, 112, 96, 3)).astype(np.float32)
    expected = tsm_outputs(mobilenet_v2_maps, state, clip, 8)
    found = {"features": model(clip[np.newaxis])["features"][0].numpy()}
    assert relative_difference(found, expected) < 1e-4

    tiny_config.init_from = str(tmp_path / "out")
    tiny_config.model.update({"backbone": "mobilenet_v2", "width": 1.0})
    trained = Learner(tiny_config, 3, 3, 6, strategy_for("one_device")).model
    np.testing.assert_array_equal(
        np.asarray(trained.features_17.conv_3.kernel)[:, :, 7, 0],
        state["features.17.conv.3.weight"][7, 0],
    )


def test_labels_of_a_file_without_classifier(networks, labels, tmp_path):
    state = networks["mobilenet_v2"].state_dict()
    state = {name: value for name, value in state.items() if not name.startswith("fc.")}
    with pytest.raises(InputError, match="w.pth: .*--labels.* 5"):
        import_weights(save(tmp_path / "w.pth", state), tmp_path / "out", labels)


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name,
        lambda name: f"module.{name}",
        lambda name: f"base_model.{name}",
        lambda name: as_tsm(name).removeprefix("module."),
        lambda name: as_tsm(name).replace("new_fc", "base_model.fc"),
    ],
)
def test_every_way_of_naming(plain_state, tmp_path, rename):
    from bsp_tf.pretraining.trained_model import load_trained_model

    torch.save({rename(name): value for name, value in plain_state.items()}, tmp_path / "w.pth")
    import_weights(tmp_path / "w.pth", tmp_path / "out")
    model, config, names = load_trained_model(tmp_path / "out")
    np.testing.assert_array_equal(model.fc.kernel, plain_state["fc.weight"].numpy().T)
    assert config.imported.shifted == (".net." in rename("layer1.0.conv1.weight"))
    assert names[:2] == ["class 0", "class 1"] and not config.imported.labels_given


def test_wrong_names_and_shapes_are_listed(tsm_state, tmp_path):
    tsm_state["module.base_model.layer3.0.bn9.weight"] = tsm_state.pop(
        "module.base_model.layer3.0.bn1.weight"
    )
    tsm_state["module.base_model.bn1.bias"] = torch.zeros(65)
    with pytest.raises(InputError) as error:
        import_weights(save(tmp_path / "w.pth.tar", tsm_state), tmp_path / "out")
    message = str(error.value)
    assert (
        "layer3.0.bn9.weight: unexpected" in message and "layer3.0.bn1.weight: missing" in message
    )
    assert "bn1.bias: shape (65,), the model has (8,)" in message and "w.pth.tar" in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda state: state.update(
                {"module.base_model.bn1.running_var": torch.full((8,), -1.0)}
            ),
            "w.pth.tar: .*0.0001",
        ),
        (
            lambda state: state.update(
                {"module.new_fc.weight": torch.full((CLASSES, 64), math.nan)}
            ),
            "new_fc.weight.*NaN",
        ),
        (
            lambda state: state.clear() or state.update(a=torch.zeros(1)),
            "w.pth.tar: .* a",
        ),
    ],
)
def test_unfit_weights(tsm_state, tmp_path, change, message):
    change(tsm_state)
    with pytest.raises(InputError, match=message):
        import_weights(save(tmp_path / "w.pth.tar", tsm_state), tmp_path / "out")
    assert [file.name for file in tmp_path.iterdir()] == ["w.pth.tar"]


def test_labels_that_do_not_fit(tsm_state, tmp_path):
    path = save(tmp_path / "w.pth.tar", tsm_state)
    (tmp_path / "names.txt").write_text("a\nb\n")
    with pytest.raises(InputError, match="5 .*--labels.* 2"):
        import_weights(path, tmp_path / "out", tmp_path / "names.txt")
    (tmp_path / "names.txt").write_text("a\nb\na\n")
    with pytest.raises(InputError, match="names.txt, line 3: .*'a'"):
        import_weights(path, tmp_path / "out", tmp_path / "names.txt")
    with pytest.raises(InputError, match="none.txt"):
        import_weights(path, tmp_path / "out", tmp_path / "none.txt")


def test_an_output_that_is_something_else(tsm_state, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="--output=.*out "):
        import_weights(save(tmp_path / "w.pth.tar", tsm_state), tmp_path / "out")


def test_training_starts_from_it_with_other_classes_and_it_is_exported(
    tsm_state, labels, tmp_path, tiny_config
):
    import tensorflow as tf

    from bsp_tf.export import export_workdirs
    from bsp_tf.pretraining.learner import Learner
    from bsp_tf.pretraining.trained_model import build_model, model_state
    from bsp_tf.runs.strategy import strategy_for
    from bsp_tf.runs.workdir import checkpoint_folder, claim_workdir

    sizes = ImportOptions(num_frames=4, short_side=32, crop_size=32)
    import_weights(save(tmp_path / "w.pth.tar", tsm_state), tmp_path / "action", labels, sizes)
    tiny_config.init_from = str(tmp_path / "action")
    model = Learner(tiny_config, 3, 3, 6, strategy_for("one_device")).model
    np.testing.assert_array_equal(
        np.asarray(model.conv1.kernel)[1, 2, 0],
        tsm_state["module.base_model.conv1.weight"][:, 0, 1, 2],
    )
    assert model.num_classes == 3

    tiny_config.task = "boundary"
    boundary = ("diff_class", "same_class", "diff_speed", "same_speed")
    claim_workdir(tmp_path / "boundary", tiny_config, boundary)
    checkpoint = tf.train.Checkpoint(model=model_state(build_model(tiny_config, 4)))
    tf.train.CheckpointManager(
        checkpoint, str(checkpoint_folder(tmp_path / "boundary", "best")), 1
    ).save()
    assert export_workdirs(tmp_path / "action", tmp_path / "boundary", tmp_path / "two_stream")
    exported = tf.saved_model.load(str(tmp_path / "two_stream"))
    assert exported.signatures["serving_default"].structured_outputs["action"].shape[-1] == CLASSES


@pytest.mark.parametrize(
    ("bins", "kernel", "windows"), [(36, 1, False), (32, 3, True), (32, 1, False)]
)
def test_a_gtad_of_either_branch(tmp_path, bins, kernel, windows, capsys):
    from bsp_tf.localization.workdir import load_trained

    torch.save(
        {"epoch": 5, "state_dict": gtad_state(8, bins, kernel)}, tmp_path / "GTAD_best.pth.tar"
    )
    assert import_weights(tmp_path / "GTAD_best.pth.tar", tmp_path / "out", options=GTAD_SIZES)
    assert "check against PyTorch" in capsys.readouterr().out
    _, model, config, _ = load_trained(tmp_path / "out")
    assert (config.windows, config.num_segments, config.max_duration) == (windows, 12, 8)
    assert model(np.zeros((1, 12, 8), np.float32))["map"].shape == (1, 2, 8, 12)
    assert not import_weights(tmp_path / "GTAD_best.pth.tar", tmp_path / "out", options=GTAD_SIZES)


def test_gtad_faults(tmp_path, labels):
    state = gtad_state(8, 36, 1)
    torch.save({"state_dict": state}, tmp_path / "w.pth.tar")
    with pytest.raises(InputError, match="--labels"):
        import_weights(tmp_path / "w.pth.tar", tmp_path / "out", labels, GTAD_SIZES)
    with pytest.raises(InputError, match="max_duration=20 .*num_segments=12"):
        import_weights(
            tmp_path / "w.pth.tar",
            tmp_path / "out",
            options=ImportOptions(num_segments=12, max_duration=20),
        )
    with pytest.raises(InputError, match="feature_stride"):
        import_weights(
            tmp_path / "w.pth.tar",
            tmp_path / "out",
            options=ImportOptions(
                num_segments=12, max_duration=8, feature_settings={"feature_stride": "eight"}
            ),
        )
    state["module.regu_s.1.bias"] = torch.zeros(3)
    state["module.backbone2.0.tconvs.2.bias"] = torch.zeros(3)
    torch.save({"state_dict": state}, tmp_path / "w.pth.tar")
    with pytest.raises(
        InputError, match=r"'backbone2.0.tconvs.2.bias' .*\(3,\).*'regu_s.1.bias'.*\(2 "
    ):
        import_weights(tmp_path / "w.pth.tar", tmp_path / "out", options=GTAD_SIZES)
    state["module.more"] = state.pop("module.regu_s.1.bias")
    torch.save({"state_dict": state}, tmp_path / "w.pth.tar")
    with pytest.raises(InputError, match=r"missing \['regu_s.1.bias'\].*unknown \['more'\]"):
        import_weights(tmp_path / "w.pth.tar", tmp_path / "out", options=GTAD_SIZES)
    assert not (tmp_path / "out").exists()


def test_an_imported_gtad_detects_on_arrays_of_other_tools(tmp_path):
    from bsp_tf.detect import detect

    torch.save({"state_dict": gtad_state(8, 36, 1)}, tmp_path / "w.pth.tar")
    options = ImportOptions(
        num_segments=12, max_duration=8, feature_settings={"feature_layout": "whole"}
    )
    import_weights(tmp_path / "w.pth.tar", tmp_path / "gtad", options=options)
    (tmp_path / "features").mkdir()
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        np.save(
            tmp_path / "features" / f"v_{name}.npy", rng.standard_normal((30, 8)).astype(np.float32)
        )
    video = {
        "subset": "validation",
        "duration": 60.0,
        "annotations": [{"segment": [3.0, 9.0], "label": "jump"}],
    }
    (tmp_path / "annotations.json").write_text(
        json.dumps({"database": {"one": video, "two": video}})
    )
    result = detect(
        str(tmp_path / "gtad"),
        str(tmp_path / "features"),
        str(tmp_path / "annotations.json"),
        "validation",
        str(tmp_path / "detections.json"),
    )
    assert result["videos"] == 2 and result["detections"] > 2 and not result["left_out"]


def test_command_tells_mistakes_in_one_line(tmp_path):
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "bsp_tf.import_weights",
            f"--checkpoint={tmp_path / 'none.pth'}",
            f"--output={tmp_path / 'out'}",
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert run.returncode == 2
    errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "none.pth" in errors[0] and "Traceback" not in run.stderr
