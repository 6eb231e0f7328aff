"""Hostile SavedModels are refused before anything of them runs; ours need no flag."""

import time

import pytest
import tensorflow as tf
from tensorflow.core.framework import node_def_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from bsp_tf.base.errors import InputError
from bsp_tf.models.snippet_model import load_snippet_model
from bsp_tf.models.trusted_operations import COMPUTING, SAVING, refuse_untrusted_operations
from tests.fixtures import warm_python
from tests.fixtures.change_model import write_jumps
from tests.fixtures.mean_model import TwoNumbers, save_mean_model
from tests.fixtures.small_head import save_head

# They have a state: the model's variables, the functions that they call, or a random generator.
STATEFUL = {
    *("AssignAddVariableOp", "AssignSubVariableOp", "AssignVariableOp", "DisableCopyOnRead"),
    *("ReadVariableOp", "ResourceGather", "VarHandleOp", "VarIsInitializedOp", "VariableShape"),
    *("Assert", "Case", "If", "StatefulPartitionedCall", "While"),
    *("RandomStandardNormal", "RandomUniform"),
}


class Hostile(TwoNumbers):
    """Does something with a file whenever it is asked for features."""

    def __init__(self, assets, act):
        super().__init__(assets, 1.0)
        self.act = act

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, None, 3], tf.uint8, name="frames")]
    )
    def answer(self, frames):
        self.act()
        return self(frames)


@pytest.fixture
def save(tmp_path):
    """Saves a model that does `act`, with the signature and the assets of ours."""
    save_mean_model(tmp_path / "mean")

    def run(act):
        model = Hostile(tmp_path / "mean_assets", act)
        tf.saved_model.save(
            model, str(tmp_path / "hostile"), signatures={"serving_default": model.answer}
        )
        return tmp_path / "hostile"

    return run


def change(folder, mutate):
    """Rewrites the saved_model.pb of a folder."""
    file = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    mutate(model)
    file.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("operation", ["WriteFile", "ReadFile", "PrintV2", "SaveV2", "PyFunc"])
def test_files_and_python_are_refused_and_not_touched(operation, save, tmp_path):
    target = tmp_path / "written"
    (tmp_path / "secret").write_text("secret")
    acts = {
        "WriteFile": lambda: tf.io.write_file(str(target), "x"),
        "ReadFile": lambda: tf.debugging.assert_none_equal(
            tf.io.read_file(str(tmp_path / "secret")), ""
        ),
        "PrintV2": lambda: tf.print("x", output_stream=f"file://{target}"),
        "SaveV2": lambda: tf.raw_ops.SaveV2(
            prefix=str(target), tensor_names=["x"], shape_and_slices=[""], tensors=[tf.zeros(3)]
        ),
        "PyFunc": lambda: tf.numpy_function(lambda: target.write_text("x"), [], tf.int64),
    }
    folder = save(acts[operation])
    with pytest.raises(InputError, match=rf"hostile.*{operation}.*--trust_model") as raised:
        load_snippet_model(folder)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.glob("written*"))


def test_a_trusted_model_does_what_it_wants(save, tmp_path):
    folder = save(lambda: tf.io.write_file(str(tmp_path / "written"), "x"))
    model = load_snippet_model(folder, trust=True)
    model.run(tf.zeros([1, 8, 4, 4, 3], tf.uint8).numpy())
    assert (tmp_path / "written").read_text() == "x"


@pytest.mark.parametrize("command", ["extract", "predict", "boundaries"])
def test_every_command_that_is_given_a_model(command, save, tmp_path):
    folder = save(lambda: tf.io.write_file(str(tmp_path / "written"), "x"))
    video = write_jumps(tmp_path / "videos" / "one.mp4", [(20, 60)])
    arguments = ["-m", f"bsp_tf.{command}", f"--model={folder}", f"--output={tmp_path / 'out'}"]
    arguments += [f"--videos={video}"] if command == "extract" else [video]
    if command == "predict":
        arguments.append(f"--gtad={save_head(tmp_path / 'gtad', 2)}")
    run = warm_python.run(*arguments)
    assert run.returncode == 2 and "WriteFile" in run.stderr, run.stderr
    assert not (tmp_path / "written").exists() and not (tmp_path / "out").exists()
    run = warm_python.run(*arguments, "--trust_model")
    assert run.returncode == 0 and (tmp_path / "written").exists(), run.stderr


def test_what_saves_may_not_be_called(tmp_path):
    """The functions that save stand in every model: they must not be reached from a signature."""
    folder = save_mean_model(tmp_path / "mean")
    refuse_untrusted_operations(folder)

    def call_the_saver(model):
        library = model.meta_graphs[0].graph_def.library
        (saver,) = (f for f in library.function if any(n.op == "SaveV2" for n in f.node_def))
        (caller,) = (f for f in library.function if "signature_wrapper" in f.signature.name)
        node = caller.node_def.add(name="hidden", op="PartitionedCall")
        # Not named by the call itself but by an argument of the function that is called.
        node.attr["f"].func.name = "another"
        node.attr["f"].func.attr["g"].func.name = saver.signature.name

    change(folder, call_the_saver)
    with pytest.raises(InputError, match="SaveV2.*--trust_model"):
        load_snippet_model(folder)


def test_what_saves_may_not_stand_in_for_a_function(tmp_path):
    folder = save_mean_model(tmp_path / "mean")

    def stand_in(model):
        for function in model.meta_graphs[0].graph_def.library.function:
            function.attr["api_implements"].s = b"answer"

    change(folder, stand_in)
    with pytest.raises(InputError, match="RestoreV2.*SaveV2.*--trust_model"):
        load_snippet_model(folder)


def test_operations_that_nobody_knows(tmp_path):
    folder = save_mean_model(tmp_path / "mean")

    def add(model):
        for number in range(5):
            model.meta_graphs[0].graph_def.node.add(name=f"n{number}", op=f"Custom{number}")

    change(folder, add)
    with pytest.raises(InputError, match="Custom0, Custom1, Custom2 and 2 more"):
        load_snippet_model(folder)


def test_assets_are_read_in_their_folder_only(tmp_path):
    folder = save_mean_model(tmp_path / "mean")
    (tmp_path / "secret").write_text("a\nb\nc\n")

    def point_elsewhere(model):
        for asset in model.meta_graphs[0].asset_file_def:
            if asset.filename == "action_labels.txt":
                asset.filename = str(tmp_path / "secret")

    change(folder, point_elsewhere)
    with pytest.raises(InputError, match="mean/assets/secret"):
        load_snippet_model(folder)


@pytest.mark.parametrize(
    "damage",
    [
        lambda model: model.meta_graphs.add(),
        lambda model: model.meta_graphs[0].ClearField("object_graph_def"),
        lambda model: model.ClearField("meta_graphs"),
    ],
)
def test_models_that_are_loaded_by_running_them(damage, tmp_path):
    folder = save_mean_model(tmp_path / "mean")
    change(folder, damage)
    with pytest.raises(InputError, match=r"saved_model\.pb.*--trust_model"):
        load_snippet_model(folder)


def test_a_damaged_file_is_one_line(tmp_path):
    folder = save_mean_model(tmp_path / "mean")
    content = (folder / "saved_model.pb").read_bytes()
    for damaged in (content[: len(content) // 2], b"\xff" * 100, b"no model\n"):
        (folder / "saved_model.pb").write_bytes(damaged)
        with pytest.raises(InputError, match=r"saved_model\.pb.*cannot be read") as raised:
            load_snippet_model(folder)
        assert "\n" not in str(raised.value)


def test_a_hundred_megabytes_are_checked_in_seconds(tmp_path):
    folder = save_mean_model(tmp_path / "mean")

    def grow(model):
        nodes = [
            node_def_pb2.NodeDef(name=f"{number:0100d}", op="Identity") for number in range(1000)
        ]
        for _ in range(800):
            model.meta_graphs[0].graph_def.node.extend(nodes)

    change(folder, grow)
    assert (folder / "saved_model.pb").stat().st_size > 90e6
    begin = time.process_time()
    refuse_untrusted_operations(folder)
    assert time.process_time() - begin < 10


def test_the_list_holds_operations_of_tensorflow_that_have_no_state():
    known = {name: op_def_registry.get(name) for name in COMPUTING | SAVING}
    assert not [name for name, definition in known.items() if definition is None]
    assert {name for name in COMPUTING if known[name].is_stateful} == STATEFUL
