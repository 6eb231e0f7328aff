"""The Bazel file lists every package, command and test file, and what each package imports."""

import ast
import functools
import re
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
MODULE_OF = {"absl_py": "absl", "pillow": "PIL", "protobuf": "google"}
# Not in requirements.txt: what needs them asks for them when it runs.
EXTRAS = {"apache_beam", "torch"}


def glob(patterns, exclude=(), allow_empty=False):
    found = sorted(
        {
            str(path.relative_to(PROJECT))
            for pattern in patterns
            for path in PROJECT.glob(pattern)
            if not path.relative_to(PROJECT).parts[0].startswith(".")
        }
        - set(exclude)
    )
    assert found or allow_empty, patterns
    return found


class Mapping(dict):
    """Starlark's dict: keys and values are lists."""

    def keys(self):
        return list(super().keys())

    def values(self):
        return list(super().values())


@pytest.fixture(scope="module")
def targets() -> dict[str, list[dict]]:
    """Rule -> attributes of its targets. BUILD keeps to the part of Starlark that Python runs as
    well.
    """
    found = {"py_library": [], "py_binary": [], "py_test": []}

    def collect(rule: str, **attributes) -> None:
        found[rule].append(attributes)

    rules = {rule: functools.partial(collect, rule) for rule in found}
    others = dict.fromkeys(
        ("load", "package", "licenses", "exports_files"), lambda *args, **kwargs: None
    )
    tree = ast.parse((PROJECT / "BUILD").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            node.value = ast.Call(ast.Name("Mapping", ast.Load()), [node.value], [])
    code = compile(ast.fix_missing_locations(tree), "BUILD", "exec")
    exec(
        code, {"glob": glob, "requirement": "@pypi//{}".format, "Mapping": Mapping} | rules | others
    )
    return found


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


def test_names_are_unique_and_dependencies_exist(targets):
    everything = [target for group in targets.values() for target in group]
    names = [target["name"] for target in everything]
    pinned = set(
        re.findall(
            r"^([\w-]+)==",
            (PROJECT / "requirements.txt").read_text().lower().replace("-", "_"),
            re.M,
        )
    )
    assert len(names) == len(set(names))
    for target in everything:
        for name in target.get("deps", ()):
            assert name in names or name.removeprefix("@pypi//") in pinned


def test_libraries_depend_on_what_they_import(targets):
    for target in targets["py_library"]:
        if not target["name"].startswith(("bsp_tf/", "tfrecords_tools")):
            continue
        modules = {
            MODULE_OF.get(name, name)
            for name in (dep.removeprefix("@pypi//") for dep in target["deps"])
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
