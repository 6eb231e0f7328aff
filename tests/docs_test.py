"""Pages and docstrings are true: links, commands, flags, modules, files, code."""

import ast
import functools
import importlib
import json
import re
import runpy
import shlex
import tomllib
from pathlib import Path

import pytest
from absl import flags

from bsp_tf.__main__ import COMMANDS, command_file

PROJECT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    str(path.relative_to(PROJECT))
    for pattern in ("*.md", "docs/**/*.md", ".github/**/*.md")
    for path in PROJECT.glob(pattern)
)
MOST_README_LINES = 200
# Flags of absl itself.
COMMON_FLAGS = {"help", "helpfull"}
# Flags of other programs, and a placeholder.
OTHER_FLAGS = {"setup_file", "config.FIELD"}


def text(page: str) -> str:
    return (PROJECT / page).read_text(encoding="utf-8")


def fences(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text(page), re.M | re.S)


def prose(page: str) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", text(page), flags=re.M | re.S)


# Links.


@functools.cache
def anchors(page: str) -> set[str]:
    """Names of a page's headings as GitHub and Python-Markdown both write them."""
    names = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", prose(page), re.M):
        plain = re.sub(r"[`*]|\]\(.*?\)|\[", "", heading).lower()
        github = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        markdown = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip())
        names |= {github} & {markdown}
    return names


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (PROJECT / page).parent / path if path else PROJECT / page
        if not file.exists():
            broken.append(target)
        elif anchor and anchor not in anchors(str(file.resolve().relative_to(PROJECT))):
            broken.append(target)
    assert broken == []


def test_every_page_can_be_reached_from_the_readme():
    linked = set(re.findall(r"\]\(docs/([\w/]+\.md)", text("README.md")))
    pages = {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")}
    assert pages - linked == {"index.md"}
    assert linked == set(re.findall(r"\]\(([\w/]+\.md)", text("docs/index.md")))


# Commands and flags.


@functools.cache
def flags_of(command: str) -> frozenset[str]:
    """Names of a command's flags; absl's own flags are not among them."""
    before = set(flags.FLAGS)
    name = f"{command}.__main__" if command_file(command).stem == "__main__" else command
    importlib.import_module(name).define_flags()
    names = set(flags.FLAGS) - before
    for name in names:
        delattr(flags.FLAGS, name)
    return frozenset(names)


@functools.cache
def fields_of(config: str) -> frozenset[str]:
    """Dotted names of the fields and groups of a config file."""
    names = set()

    def collect(group, prefix: str) -> None:
        for name, value in group.items():
            names.add(prefix + name)
            if hasattr(value, "items"):
                collect(value, f"{prefix}{name}.")

    collect(runpy.run_path(str(PROJECT / config))["get_config"](), "")
    return frozenset(names)


def command_lines(page: str) -> list[str]:
    """Every `python -m ...` of this project on a page or in a module's docstring, lines joined."""
    written = text(page)
    if page.endswith(".py"):
        written = ast.get_docstring(ast.parse(written)) or ""
    joined = re.sub(r"\\\n\s*", "", written)
    pattern = r"python -m ((?:bsp_tf|tfrecords_tools|benchmarks)\b[^\n`;#|&]*)"
    return re.findall(pattern, joined)


DOCSTRINGS = sorted(
    str(path.relative_to(PROJECT))
    for root in ("bsp_tf", "tfrecords_tools", "configs", "benchmarks", "examples")
    for path in (PROJECT / root).rglob("*.py")
)
LINES = [
    pytest.param(line, id=f"{page}-{i}")
    for page in PAGES + DOCSTRINGS
    for i, line in enumerate(command_lines(page))
]


@pytest.mark.parametrize("line", LINES)
def test_commands_have_their_flags(line):
    command, *arguments = shlex.split(line)
    command = command.rstrip(".,:")
    if command == "bsp_tf":
        return
    if command.startswith("benchmarks."):
        assert command_file(command).is_file()
    else:
        assert command in COMMANDS
    config = next((a.partition("=")[2] for a in arguments if a.startswith("--config=")), "")
    for argument in arguments:
        if not argument.startswith("--"):
            continue
        name = re.sub(r"=.*", "", argument.removeprefix("--"), flags=re.S).rstrip(".,:)")
        if name.startswith("config."):
            assert name.removeprefix("config.") in fields_of(config or "configs/base.py"), argument
        else:
            known = flags_of(command) | COMMON_FLAGS
            assert {name, name.removeprefix("no")} & known, f"{command} has no {argument}"


@pytest.mark.parametrize("page", PAGES)
def test_flags_in_the_text_exist(page):
    configs = [f"configs/{file.name}" for file in (PROJECT / "configs").glob("[!_]*.py")]
    fields = {f"config.{field}" for config in configs for field in fields_of(config)}
    known = fields.union(COMMON_FLAGS, OTHER_FLAGS, *map(flags_of, COMMANDS))
    named = re.findall(r"`--([\w.]+)", prose(page))
    assert [name for name in named if not {name, name.removeprefix("no")} & known] == []


def test_console_scripts_in_the_text_exist():
    scripts = tomllib.loads(text("pyproject.toml"))["project"]["scripts"]
    for page in PAGES:
        named = set(re.findall(r"`((?:bsp|tfrecords)-[a-z-]+)(?=[` ])", text(page)))
        assert named <= set(scripts), page


def test_make_targets_in_the_text_exist():
    targets = set(re.findall(r"^([\w-]+):", text("Makefile"), re.M))
    for page in PAGES:
        assert set(re.findall(r"(?:^ {4}|`)make ([a-z]+)", text(page), re.M)) <= targets, page


# Modules, files, code.


# The changelog names what is gone.
@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])
def test_modules_and_files_in_the_text_exist(page):
    roots = "bsp_tf|tfrecords_tools|configs|benchmarks|examples|tests|docs"
    missing = []
    for name in re.findall(rf"`((?:{roots})[./][^`\s]*)", prose(page)):
        name = re.sub(r"[:(].*", "", name).rstrip(".,")
        if "/" in name:
            found = [*PROJECT.glob(name.rstrip("/"))]
        else:
            # A module, or a name inside one.
            path = name.replace(".", "/")
            parent, _, last = path.rpartition("/")
            found = [f for f in (f"{path}.py", f"{path}/__init__.py") if (PROJECT / f).is_file()]
            found += [
                f
                for f in (f"{parent}.py", f"{parent}/__init__.py")
                if (PROJECT / f).is_file() and re.search(rf"\b{last}\b", text(f))
            ]
        if not found:
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_code_compiles(page):
    for block in fences(page, "python"):
        compile(block, page, "exec")
    for block in fences(page, "json"):
        json.loads(block)


def test_the_readme_can_be_read_in_one_sitting():
    assert len(text("README.md").splitlines()) <= MOST_README_LINES


def test_the_readme_says_why_for_each_dependency():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    names = {re.match(r"[\w-]+", requirement)[0].lower() for requirement in wanted}
    table = re.search(r"^## Dependencies$(.*?)^## ", text("README.md"), re.M | re.S)[1].lower()
    listed = set(re.findall(r"[\w-]+", " ".join(re.findall(r"^\| ([^|]+) \|", table, re.M))))
    assert names <= listed
