"""What is to be converted: clips with their classes, and the names of what is missing.

Every form of input ends here. A clip is a file, or a piece of a file (`cut`). Its key names it in
the whole output: the path, and for a piece the times as W3C media fragments write them,
`videos/a.mp4#t=12.5,22`.
"""

import dataclasses
from collections.abc import Sequence

from bsp_tf.base.errors import without_secrets
from bsp_tf.records.schema import UNLABELLED


@dataclasses.dataclass(frozen=True, slots=True)
class ClipSpec:
    """One clip to convert.

    Attributes:
        path: path below the index's root, with "/", or absolute; it becomes the record's
            `video/filename`.
        label: class name, or None if the clip is unlabelled.
        span_seconds: (start, end) of the clip in its video; None: the file is all that is known.
        label_index: position of the class in the label map; UNLABELLED (-1) if it has none.
        cut: whether the file is the whole video, to be cut to `span_seconds`. Else the file is the
            clip, and `span_seconds` only says where it was.
        shares_span: whether the index holds the same piece of the same file under another label
            too.
    """

    path: str
    label: str | None = None
    span_seconds: tuple[float, float] | None = None
    label_index: int = UNLABELLED
    cut: bool = False
    shares_span: bool = False

    @property
    def key(self) -> str:
        """A name that no other clip of the index has.

        Of the other clips it depends on `shares_span` only.
        """
        fragment = ""
        if self.cut and self.span_seconds:
            fragment = "t={},{}".format(*map(format_seconds, self.span_seconds))
        if self.shares_span:
            fragment += f"{'&' if fragment else ''}label={_escape(self.label or '')}"
        path = _escape(without_secrets(self.path))
        return f"{path}#{fragment}" if fragment else path


@dataclasses.dataclass
class ClipIndex:
    """All clips of an input.

    Attributes:
        root: folder that the paths of the clips are relative to.
        form: what the input was taken for, one of `clip_sources.FORMS`.
        clips: sorted by path, time and label; no two have the same key.
        labels: the label map: class names by index; empty if nothing is labelled.
        missing: (path or name, reason) of clips that the input names and that cannot be converted.
        warnings: one line each.
    """

    root: str
    form: str
    clips: Sequence[ClipSpec]
    labels: list[str]
    missing: list[tuple[str, str]]
    warnings: list[str]


def format_seconds(seconds: float) -> str:
    """Seconds to the microsecond, which is what records hold, without needless zeros."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def _escape(text: str) -> str:
    """Keeps "#" for the fragment, so that no path can look like a piece of another."""
    return text.replace("%", "%25").replace("#", "%23") if "%" in text or "#" in text else text
