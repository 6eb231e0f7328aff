"""Who may import whom: the rules of docs/architecture.md, read from the source with `ast`."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("bsp_tf", "tfrecords_tools")
TENSORFLOW = {"tensorflow", "keras", "tensorboard"}
# Modules that people import without TensorFlow: scoring, post-processing, files.
WITHOUT_TENSORFLOW = (
    "bsp_tf.evaluate",
    "bsp_tf.evaluation.*",
    "bsp_tf.base.*",
    "bsp_tf.localization.heads.gtad.decode",
    "bsp_tf.localization.nms",
    "bsp_tf.localization.fusion",
    "bsp_tf.localization.class_scores",
    "bsp_tf.localization.windows",
    "bsp_tf.localization.inference",
    "bsp_tf.localization.detection_file",
    "bsp_tf.annotations.reader",
    "bsp_tf.features.store",
    "bsp_tf.features.formats",
    "bsp_tf.features.sources",
    "bsp_tf.localization.training_data",
    "bsp_tf.records.schema",
    "bsp_tf.video.reader",
    "tfrecords_tools.inputs.clip_sources",
    "tfrecords_tools.convert",
    "tfrecords_tools.inspect",
)
# Room -> rooms it must not know. Data flows from left to right and never back.
FORBIDDEN = {
    "base": ("data", "models", "training", "localization", "evaluation", "report"),
    "data": ("models", "training", "localization", "evaluation", "report"),
    "models": ("data", "training", "localization", "evaluation", "report"),
    "training": ("localization", "report"),
    "localization": ("report",),
    "evaluation": ("data", "models", "training", "localization", "report"),
}
TOOLS_MAY_USE = (
    "bsp_tf.base",
    "bsp_tf.records.schema",
    "bsp_tf.video.reader",
    "bsp_tf.annotations.reader",
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
    assert "bsp_tf.data" not in COMMANDS


def test_commands_lie_on_the_top_floor():
    top = [name.removesuffix(".__main__") for name in COMMANDS]
    assert [name for name in top if name.count(".") != 1] == []


@pytest.mark.parametrize("name", MODULES)
def test_nobody_imports_a_command(name):
    assert imports(name) & set(COMMANDS) == set()


@pytest.mark.parametrize(
    "name", [name for name in MODULES if name.startswith("bsp_tf.") and name.count(".") == 2]
)
def test_rooms_know_only_rooms_before_them(name):
    room = name.split(".")[1]
    forbidden = tuple(f"bsp_tf.{other}" for other in FORBIDDEN.get(room, ()))
    assert [
        other
        for other in imports(name)
        if within(other, (*forbidden, "tfrecords_tools", "configs"))
    ] == []


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
        if name == rule or (rule.endswith(".*") and within(name, (rule[:-2],)))
    ],
)
def test_no_tensorflow_in_the_import_chain(name):
    ways = reached(name)
    heavy = [way for other, way in ways.items() if other.split(".")[0] in TENSORFLOW]
    assert heavy == [], f"{name} reaches TensorFlow: {' -> '.join(heavy[0])}"


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
