"""Who may import whom: the rules of docs/architecture.md, read from the source with `ast`."""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bsp_tf.__main__ import OLDER_NAMES

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("bsp_tf", "tfrecords_tools")
TENSORFLOW = {"tensorflow", "keras", "tensorboard"}
# Modules that people import without TensorFlow: scoring, post-processing, files.
WITHOUT_TENSORFLOW = (
    "bsp_tf.evaluate",
    "bsp_tf.evaluation.*",
    "bsp_tf.compare",
    "bsp_tf.comparison.*",
    "bsp_tf.player.*",
    "bsp_tf.convert_annotations",
    "bsp_tf.convert_features.*",
    "bsp_tf.exchange.*",
    "bsp_tf.base.*",
    "bsp_tf.beam.*",
    "bsp_tf.annotations.*",
    "bsp_tf.features.*",
    "bsp_tf.video.*",
    "bsp_tf.report.*",
    "bsp_tf.prediction.*",
    "bsp_tf.localization.nms",
    "bsp_tf.localization.fusion",
    "bsp_tf.localization.class_scores",
    "bsp_tf.localization.windows",
    "bsp_tf.localization.inference",
    "bsp_tf.localization.detection_file",
    "bsp_tf.localization.training_data",
    "bsp_tf.localization.detection",
    "bsp_tf.localization.proposals",
    "bsp_tf.localization.settings",
    "bsp_tf.localization.heads.head",
    "bsp_tf.localization.heads.gtad.targets",
    "bsp_tf.localization.heads.gtad.decode",
    "bsp_tf.classify_videos.settings",
    "bsp_tf.classify_videos.video_steps",
    "bsp_tf.classify_videos.accuracy",
    "bsp_tf.localization.heads.actionformer.pyramid",
    "bsp_tf.localization.heads.actionformer.targets",
    "bsp_tf.localization.heads.actionformer.decode",
    "bsp_tf.records.schema",
    "bsp_tf.synthesis.boundary_types",
    "bsp_tf.synthesis.settings",
    "tfrecords_tools.inputs.*",
    "tfrecords_tools.convert",
    "tfrecords_tools.inspect.*",
)
# The one module that asks which stack it runs on.
STACK = "bsp_tf.base.stack"
# Packages in the order of the data flow: each may import those before it, none behind it.
ORDER = (
    "base",
    "beam",
    "annotations",
    "video",
    "frames",
    "records",
    "synthesis",
    "clips",
    "features",
    "models",
    "evaluation",
    "exchange",
    "convert_features",
    "comparison",
    "player",
    "runs",
    "pretraining",
    "localization",
    "classify_videos",
    "prediction",
    "torch_import",
    "report",
    "quickstart",
)
# What may not be imported though it comes before.
FORBIDDEN = {
    "runs": tuple(name for name in ORDER[: ORDER.index("runs")] if name != "base"),
    "models": ("annotations", "video", "frames", "records", "synthesis", "clips", "features"),
    "evaluation": ("video", "frames", "records", "clips", "features", "models"),
    "exchange": ("frames", "records", "synthesis", "clips", "models"),
    "comparison": tuple(
        name for name in ORDER[: ORDER.index("comparison")] if name not in ("base", "evaluation")
    ),
    "player": tuple(
        name
        for name in ORDER[: ORDER.index("player")]
        if name not in ("base", "annotations", "video", "synthesis", "evaluation")
    ),
    "classify_videos": tuple(
        name
        for name in ORDER[: ORDER.index("classify_videos")]
        if name not in ("base", "annotations", "features", "models", "localization")
    ),
    "localization": ("pretraining", "clips", "synthesis", "records", "models"),
    "prediction": (
        "records",
        "clips",
        *ORDER[ORDER.index("models") : ORDER.index("localization")],
        "classify_videos",
    ),
    "report": (
        *("clips", "models", "pretraining", "localization", "classify_videos", "prediction"),
        "torch_import",
    ),
}
MOST_FILES = 16
MOST_LINES = 300
# What is done in one place, so that it is done right everywhere: call -> the modules that make it.
ONE_PLACE = {
    # Neither follows a file to its neighbours there.
    "av.open": ("bsp_tf.video.live", "bsp_tf.video.stream", "tfrecords_tools.sample_world.files"),
    "h5py.File": ("bsp_tf.features.formats",),
    "json.load": (),
    # The rest of a checkpoint, which TensorFlow has checked.
    "json.loads": ("bsp_tf.base.json_file", "bsp_tf.localization.training"),
}
# json.loads of what was made just now is a copy of it, not a reader.
JUST_MADE = ("to_json", "dumps")
TOOLS_MAY_USE = (
    "bsp_tf.base",
    "bsp_tf.beam",
    "bsp_tf.annotations",
    "bsp_tf.records.schema",
    "bsp_tf.video",
)


def find_modules() -> dict[str, Path]:
    """Dotted name -> file, for all modules of both packages."""
    found = {}
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            parts = path.relative_to(PROJECT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = find_modules()


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def imported_names(nodes: Iterator[ast.AST]) -> set[str]:
    """Dotted names that import statements among the nodes bring in; of ours the module, of others
    the whole name.
    """
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.add(inner if inner in MODULES else node.module)
    return names


@cache
def imports(name: str) -> set[str]:
    """All imports of a module, those inside functions too."""
    return imported_names(ast.walk(tree(name)))


def reached(name: str) -> dict[str, list[str]]:
    """Everything imported from a module on, directly or not -> the way to it. Packages count:
    Python runs them.
    """
    ways, waiting = {}, [(name, [name])]
    while waiting:
        current, way = waiting.pop()
        if current in ways:
            continue
        ways[current] = way
        if current in MODULES:
            parent = current.rpartition(".")[0]
            following = imports(current) | ({parent} if parent else set())
            waiting += [(other, [*way, other]) for other in following]
    return ways


def is_nested(name: str) -> bool:
    """Whether the module lies in a package of bsp_tf, not at its top."""
    return "bsp_tf" in MODULES[name].parent.parts and MODULES[name].parent != PROJECT / "bsp_tf"


def is_command(name: str) -> bool:
    """Whether the module is run with `python -m`."""
    return any(
        isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        for node in tree(name).body
    )


def within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


COMMANDS = [name for name in MODULES if is_command(name)]


def test_the_rules_see_the_project():
    assert "bsp_tf.evaluate" in COMMANDS and "bsp_tf.evaluation.detection_map" in imports(
        "bsp_tf.evaluate"
    )
    assert "tensorflow" in reached("bsp_tf.localization.heads.gtad.network")
    assert "bsp_tf.records" not in COMMANDS


def test_commands_lie_on_the_top_floor():
    top = [name.removesuffix(".__main__") for name in COMMANDS]
    assert [name for name in top if name.count(".") > 1] == []


@pytest.mark.parametrize("name", MODULES)
def test_nobody_imports_a_command(name):
    assert imports(name) & set(COMMANDS) == set()


def test_every_package_has_its_place_in_the_order():
    packages = {
        name.split(".")[1] for name in MODULES if name.startswith("bsp_tf.") and is_nested(name)
    }
    assert packages == set(ORDER)


@pytest.mark.parametrize(
    "name", [name for name in MODULES if name.startswith("bsp_tf.") and is_nested(name)]
)
def test_packages_know_only_packages_before_them(name):
    own = name.split(".")[1]
    allowed = set(ORDER[: ORDER.index(own) + 1]) - set(FORBIDDEN.get(own, ()))
    used = {other.split(".")[1] for other in imports(name) if other.startswith("bsp_tf.")}
    assert used <= allowed
    assert [other for other in imports(name) if within(other, ("tfrecords_tools", "configs"))] == []


def test_no_modules_import_each_other_in_a_circle():
    waiting, graph = set(MODULES), {name: imports(name) & set(MODULES) for name in MODULES}
    while leaves := {name for name in waiting if not graph[name] & waiting - {name}}:
        waiting -= leaves
    assert waiting == set()


def test_packages_and_files_can_be_read_in_one_sitting():
    sizes = {path: path.read_text(encoding="utf-8").count("\n") for path in MODULES.values()}
    assert {path.name: size for path, size in sizes.items() if size > MOST_LINES} == {}
    files = Counter(path.parent for name, path in MODULES.items() if name not in OLDER_NAMES)
    assert {folder.name: count for folder, count in files.items() if count > MOST_FILES} == {}


@pytest.mark.parametrize("name", [name for name in MODULES if within(name, ("tfrecords_tools",))])
def test_tools_use_little_of_bsp_tf(name):
    used = [other for other in imports(name) if within(other, ("bsp_tf",))]
    assert [other for other in used if not within(other, TOOLS_MAY_USE)] == []


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in MODULES
        for rule in WITHOUT_TENSORFLOW
        if name != STACK and (name == rule or (rule.endswith(".*") and within(name, (rule[:-2],))))
    ],
)
def test_no_tensorflow_in_the_import_chain(name):
    ways = reached(name)
    heavy = [way for other, way in ways.items() if other.split(".")[0] in TENSORFLOW]
    assert heavy == [], f"{name} reaches TensorFlow: {' -> '.join(heavy[0])}"


@pytest.mark.parametrize("name", [name for name in MODULES if name != STACK])
def test_one_module_asks_which_stack_it_runs_on(name):
    text = MODULES[name].read_text(encoding="utf-8")
    assert [
        word for word in ("keras.__version__", "tf.__version__", "KERAS_2") if word in text
    ] == []


@pytest.mark.parametrize("name", MODULES)
def test_torch_and_beam_are_imported_only_where_they_are_used(name):
    """They are extras: a module must load without them, so they are imported inside functions."""
    inside = {
        id(inner)
        for node in ast.walk(tree(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }
    at_load = imported_names(node for node in ast.walk(tree(name)) if id(node) not in inside)
    assert [other for other in at_load if other.split(".")[0] in ("torch", "apache_beam")] == []


@pytest.mark.parametrize("call", ONE_PLACE)
def test_what_has_one_place_is_done_there_only(call):
    found = {
        name
        for name in MODULES
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == call
        and not (
            isinstance(node.args[0], ast.Call)
            and ast.unparse(node.args[0].func).split(".")[-1] in JUST_MADE
        )
    }
    assert found == set(ONE_PLACE[call])
