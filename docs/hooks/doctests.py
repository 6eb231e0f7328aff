"""Griffe extension: examples in docstrings (`>>> ...`) become code blocks.

Markdown would read the three signs as nested quotations. Indented examples stay: they belong to an
"Example:" section, which Griffe knows.
"""

import re
from typing import Any

import griffe

# From a line that begins with the prompt to the next empty line or the end.
EXAMPLE = re.compile(r"^>>> .*?(?=\n\s*\n|\Z)", re.M | re.S)


class Doctests(griffe.Extension):
    """Puts fences around the examples of every docstring."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Changes the docstring of one module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(r"\n```pycon\n\g<0>\n```\n", obj.docstring.value)
