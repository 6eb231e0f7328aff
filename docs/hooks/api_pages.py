"""MkDocs hook: the API reference, one page for each package, made from the tree and its docstrings.

Nothing is imported: the docstrings are read from the source.
"""

import ast
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).resolve().parents[2]
ROOTS = ("bsp_tf", "tfrecords_tools", "configs")


def packages() -> list[str]:
    """Dotted names of all packages, each after its parent."""
    files = [file for root in ROOTS for file in sorted((PROJECT / root).rglob("__init__.py"))]
    return [".".join(file.parent.relative_to(PROJECT).parts) for file in files]


def page(package: str) -> str:
    """Markdown: the docstring of a package, then the public modules that lie in it."""
    folder = PROJECT.joinpath(*package.split("."))
    about = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    modules = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    if (folder / "__main__.py").is_file():
        modules.append("__main__")
    parts = [f"# {package}", about, *(f"::: {package}.{module}" for module in modules)]
    return "\n\n".join(parts) + "\n"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the pages to the menu."""
    config.nav.append({"API reference": [{name: f"api/{name}.md"} for name in packages()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages to the site."""
    for name in packages():
        files.append(File.generated(config, f"api/{name}.md", content=page(name)))
    return files
