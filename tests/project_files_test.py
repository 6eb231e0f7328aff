"""The files around the code agree with it: version, Python versions, paths that are named."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import bsp_tf

PROJECT = Path(__file__).resolve().parents[1]
YAML_FILES = sorted(
    [
        *PROJECT.glob(".github/**/*.yml"),
        *PROJECT.glob("*.cff"),
        *PROJECT.glob("*.yaml"),
        PROJECT / ".pre-commit-config.yaml",
    ]
)
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", ".github/pull_request_template.md")


def read_yaml(name: str) -> dict:
    return yaml.safe_load((PROJECT / name).read_text())


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: path.name)
def test_yaml_files_can_be_read(path):
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_the_version_is_the_same_everywhere():
    latest = re.search(r"^## \[?(\d+\.\d+\.\d+)", (PROJECT / "CHANGELOG.md").read_text(), re.M)
    assert latest[1] == read_yaml("CITATION.cff")["version"] == bsp_tf.__version__


def test_every_supported_python_is_checked():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    job = read_yaml(".github/workflows/ci.yml")["jobs"]["checks"]
    assert job["strategy"]["matrix"]["python-version"] == named
    assert project["requires-python"] == f">={named[0]},<3.{int(named[-1].split('.')[1]) + 1}"
    assert ".ci/run" in [step.get("run") for step in job["steps"]]


@pytest.mark.parametrize(
    ("file", "extras"),
    [("requirements.txt", ["dev"]), ("requirements-tf215.txt", ["dev", "tf215"])],
)
def test_what_is_pinned_is_within_the_bounds(file, extras):
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    bounds = [Requirement(line) for line in project["dependencies"]]
    bounds += [
        Requirement(line) for extra in extras for line in project["optional-dependencies"][extra]
    ]
    pinned = dict(re.findall(r"^([\w-]+)==(.+)$", (PROJECT / file).read_text(), re.M))
    versions = {canonicalize_name(name): version for name, version in pinned.items()}
    outside = [
        str(bound)
        for bound in bounds
        if versions[canonicalize_name(bound.name)] not in bound.specifier
    ]
    assert outside == []


@pytest.mark.parametrize("form", ["bug", "feature", "question"])
def test_issue_forms_ask_something(form):
    content = read_yaml(f".github/ISSUE_TEMPLATE/{form}.yml")
    assert content["name"] and content["description"]
    fields = [field["id"] for field in content["body"]]
    assert len(fields) == len(set(fields))
    assert all(field["attributes"]["label"] for field in content["body"])


def test_hooks_run_tools_of_the_project():
    hooks = [
        hook for repo in read_yaml(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]
    ]
    pinned = (PROJECT / "requirements.txt").read_text()
    for hook in hooks:
        assert f"\n{Path(hook['entry'].split()[0]).name}==" in pinned


@pytest.mark.parametrize("page", PAGES)
def test_paths_that_pages_name_exist(page):
    text = (PROJECT / page).read_text()
    code = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    named = re.findall(r"`([\w./-]+)`", code) + re.findall(r"\]\(([\w./-]+)\)", code)
    paths = {name for name in named if re.search(r"^[\w.-]+/|\.(py|md|txt|toml|html|ya?ml)$", name)}
    missing = [name for name in sorted(paths) if not (PROJECT / name).exists()]
    assert missing == []
