"""BUILD and MODULE.bazel, read as Starlark, agree with each other and with the project.

BUILD lists every package, command and test file, and what each package imports; MODULE.bazel brings
all that BUILD loads. Bazel itself is not run here: it fetches its rules from the internet.
"""

import ast
import functools
import importlib.metadata
import re
import sys
import tomllib
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

starlark = pytest.importorskip("starlark", reason="starlark-pyo3 (extra `dev`) is not installed")

PROJECT = Path(__file__).resolve().parents[1]
MODULE_OF = {"absl_py": "absl", "pillow": "PIL", "protobuf": "google"}
# Not in requirements.txt: what needs them asks for them when it runs.
EXTRAS = {"apache_beam", "tensorflow_io", "torch"}
RULES = ("py_library", "py_binary", "py_test")
EXTENSIONS = {
    "@rules_python//python/extensions:python.bzl": "python",
    "@rules_python//python/extensions:pip.bzl": "pip",
}
# An extension returns an object whose methods are called with the attributes of a tag.
USE_EXTENSION = """
def use_extension(file, name):
    def tag(kind):
        return lambda **attributes: collect(file, kind, attributes)
    return struct(
        file = file,
        defaults = tag("defaults"),
        toolchain = tag("toolchain"),
        parse = tag("parse"),
    )
def use_repo(extension, *names):
    collect(extension.file, "use_repo", names)
"""


def dialect(name: str) -> starlark.Dialect:
    """The part of Starlark that Bazel allows in BUILD and MODULE.bazel."""
    allowed = starlark.Dialect.standard()
    allowed.enable_def = allowed.enable_lambda = False
    allowed.enable_load = name == "BUILD"
    return allowed


def parse(name: str) -> starlark.AstModule:
    return starlark.parse(name, (PROJECT / name).read_text(), dialect(name))


def module(functions: dict) -> starlark.Module:
    made = starlark.Module()
    for name, function in functions.items():
        made.add_callable(name, function)
    return made


def normalized(package: str) -> str:
    """The name of a package in a hub of rules_python."""
    return re.sub(r"[-_.]+", "_", package).lower()


def glob(patterns, exclude=(), allow_empty=False):
    """As Bazel 8 does it: each pattern must find a file."""
    found = set()
    for pattern in patterns:
        matches = {str(p.relative_to(PROJECT)) for p in PROJECT.glob(pattern) if p.is_file()}
        assert matches or allow_empty, pattern
        found |= matches
    return sorted(found - set(exclude))


@pytest.fixture(scope="module")
def targets() -> dict[str, list[dict]]:
    """Rule -> attributes of its targets."""
    found = {rule: [] for rule in RULES}

    def collect(rule: str, **attributes) -> None:
        found[rule].append(attributes)

    loadable = {
        "@rules_python//python:defs.bzl": {r: functools.partial(collect, r) for r in RULES},
        "@pypi//:requirements.bzl": {
            "requirement": lambda package: f"@pypi//{normalized(package)}:pkg"
        },
    }
    built_in = dict.fromkeys(
        ("package", "licenses", "exports_files"), lambda *args, **kwargs: None
    ) | {"glob": glob}
    loader = starlark.FileLoader(lambda label: module(loadable[label]).freeze())
    starlark.eval(module(built_in), parse("BUILD"), starlark.Globals.standard(), loader)
    return found


@pytest.fixture(scope="module")
def tags() -> dict[str, list]:
    """What MODULE.bazel asks for: a function, or the tag of an extension -> arguments."""
    found = defaultdict(list)

    def collect(file: str, kind: str, arguments) -> None:
        found[f"{EXTENSIONS[file]}.{kind}"].append(arguments)

    functions = {
        "collect": collect,
        "module": lambda **attributes: found["module"].append(attributes),
        "bazel_dep": lambda **attributes: found["bazel_dep"].append(attributes),
    }
    made = module(functions)
    allowed = starlark.Globals.extended_by([starlark.LibraryExtension.StructType])
    prelude = starlark.parse("prelude", USE_EXTENSION, starlark.Dialect.extended())
    starlark.eval(made, prelude, allowed)
    starlark.eval(made, parse("MODULE.bazel"), allowed)
    return found


@pytest.fixture(scope="module")
def pinned() -> dict[str, str]:
    """Normalized name -> version, for requirements.txt."""
    lines = re.findall(r"^([\w.-]+)==(\S+)$", (PROJECT / "requirements.txt").read_text(), re.M)
    return {normalized(name): version for name, version in lines}


def files(folder: str, pattern: str) -> set[str]:
    return {str(path.relative_to(PROJECT)) for path in (PROJECT / folder).rglob(pattern)}


def commands() -> set[str]:
    return {
        path
        for folder in ("bsp_tf", "tfrecords_tools")
        for path in files(folder, "*.py")
        if 'if __name__ == "__main__"' in (PROJECT / path).read_text()
    }


def test_every_command_has_a_binary(targets):
    assert {target["main"] for target in targets["py_binary"]} == commands()


def test_every_test_file_has_a_test(targets):
    assert {name for target in targets["py_test"] for name in target["args"]} == files(
        "tests", "*_test.py"
    )


def test_every_source_file_is_in_a_library(targets):
    sources = {name for target in targets["py_library"] for name in target["srcs"]}
    assert (
        files("bsp_tf", "*.py") | files("tfrecords_tools", "*.py") | files("configs", "*.py")
        <= sources
    )


def test_names_are_unique_and_dependencies_exist(targets, pinned):
    everything = [target for group in targets.values() for target in group]
    names = [target["name"] for target in everything]
    assert len(names) == len(set(names))
    hub = {f"@pypi//{name}:pkg" for name in pinned}
    for target in everything:
        assert set(target.get("deps", ())) - set(names) - hub == set()


def test_libraries_depend_on_what_they_import(targets):
    for target in targets["py_library"]:
        if not target["name"].startswith(("bsp_tf/", "tfrecords_tools")):
            continue
        modules = {
            MODULE_OF.get(name, name)
            for name in (dep.removeprefix("@pypi//").removesuffix(":pkg") for dep in target["deps"])
        }
        for path in target["srcs"]:
            for node in ast.walk(ast.parse((PROJECT / path).read_text())):
                if isinstance(node, ast.Import):
                    imported = [alias.name for alias in node.names]
                else:
                    imported = [node.module] if isinstance(node, ast.ImportFrom) else []
                for name in imported:
                    ours = "/".join(name.split(".")[:2])
                    wanted = ours if name.startswith("bsp_tf.") else name.split(".")[0]
                    known = (
                        modules | {target["name"], "commands"} | EXTRAS | sys.stdlib_module_names
                    )
                    assert wanted in known, (
                        f"{path} imports {name}, which {target['name']} does not list"
                    )


def test_no_empty_package_hides_a_module(targets):
    """Bazel would put an __init__.py into each folder with Python files."""
    for target in targets["py_binary"] + targets["py_test"]:
        assert target["legacy_create_init"] == 0


def test_what_build_loads_is_brought_by_module(tags):
    declared = {dependency["name"] for dependency in tags["bazel_dep"]}
    declared |= {name for names in tags["pip.use_repo"] for name in names}
    loaded = {load.module_id.removeprefix("@").split("//")[0] for load in parse("BUILD").loads()}
    assert loaded == declared == {"pypi", "rules_python"}
    for dependency in tags["bazel_dep"]:
        assert re.fullmatch(r"\d+\.\d+\.\d+", dependency["version"])


def test_module_holds_the_supported_pythons(tags):
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    supported = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert [tag["python_version"] for tag in tags["python.toolchain"]] == supported
    assert [tag["python_version"] for tag in tags["pip.parse"]] == supported
    assert [tag["python_version"] in supported for tag in tags["python.defaults"]] == [True]


def test_the_hub_is_made_of_the_requirements(tags):
    for tag in tags["pip.parse"]:
        assert tag["hub_name"] == "pypi" and tag["requirements_lock"] == "//:requirements.txt"


def test_the_bazel_of_the_project_is_one_that_module_allows(tags):
    (bounds,) = (tag["bazel_compatibility"] for tag in tags["module"])
    chosen = (PROJECT / ".bazelversion").read_text().strip()
    assert chosen in SpecifierSet(",".join(bounds))


def test_requirements_name_all_that_they_need(tags, pinned):
    """rules_python installs each package alone and links it with what its metadata name: a package
    that is not pinned, or two that need each other, stop the build.
    """
    installed = {
        normalized(found.name): found.version for found in importlib.metadata.distributions()
    }
    if different := pinned.items() - installed.items():
        pytest.skip(f"not the environment of requirements.txt: {dict(different)}")
    needs = defaultdict(set)
    for tag in tags["pip.parse"]:
        python = tag["python_version"]
        machine = default_environment() | {
            "python_version": python,
            "python_full_version": f"{python}.0",
            "extra": "",
        }
        for name in pinned:
            for requirement in map(Requirement, importlib.metadata.requires(name) or ()):
                if requirement.marker is None or requirement.marker.evaluate(machine):
                    needs[name].add(normalized(requirement.name))
    assert set().union(*needs.values()) - pinned.keys() == set()
    assert list(TopologicalSorter(needs).static_order())
