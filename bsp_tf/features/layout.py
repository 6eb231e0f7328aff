"""What the rows of somebody's feature arrays are, by a run's config. NumPy is not needed.

    feature_layout   "snippets": row i shows feature_window frames from frame
                     feature_offset + i * feature_stride on;
                     "whole": the rows lie evenly over the whole video, whatever its length (BMN's
                     100 columns)
    feature_fps      snippets: frame rate at which they were counted; 0: each video's own, as
                     annotated
    feature_stride, feature_window, feature_offset    snippets: frames
    feature_every    take each k-th row only (features of every frame: 5 for G-TAD's THUMOS14)
    feature_rows     whole: rows of every array; 0: may differ

Settings that differ from source to source are given as tuples, (8, 16), or with commas, "8,16"; one
value counts for all.
"""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bsp_tf.base.errors import InputError
from bsp_tf.features.store import METADATA_FILE

# Settings of a run's config, and what a run has that was made before there were any.
SETTINGS: dict[str, Any] = {
    "feature_layout": "",
    "feature_fps": (0.0,),
    "feature_stride": (0,),
    "feature_window": (0,),
    "feature_offset": (0,),
    "feature_every": (1,),
    "feature_rows": (0,),
}
LAYOUTS = ("snippets", "whole")


@dataclasses.dataclass(frozen=True)
class RowLayout:
    """What the rows of a source are; the attributes are the settings above."""

    layout: str
    fps: float
    stride: int
    window: int
    offset: int
    every: int
    rows: int


def source_paths(path: str) -> list[str]:
    """The parts of "a,b"."""
    return [part.strip() for part in str(path).split(",") if part.strip()] or [str(path)]


def setting_values(name: str, value: Any) -> tuple[Any, ...]:
    """The values of one setting: texts of feature_layout, numbers of the others.

    Args:
        name: One of SETTINGS.
        value: "8,16" (command lines, runs of version 0.1), a number, or several.

    Raises:
        InputError: no whole number (feature_fps: number), or below 0.

    >>> setting_values("feature_stride", "8,16"), setting_values("feature_stride", (8,))
    ((8, 16), (8,))
    """
    parts = value.split(",") if isinstance(value, str) else value
    parts = parts if isinstance(parts, list | tuple) else (parts,)
    texts = [str(part).strip() for part in parts]
    return tuple(texts if name == "feature_layout" else (_number(name, text) for text in texts))


def setting_text(value: Any) -> str:
    """A setting as command lines have it.

    >>> setting_text((8, 16)), setting_text((0.0,)), setting_text("whole")
    ('8,16', '0', 'whole')
    """
    return value if isinstance(value, str) else ",".join(f"{number:g}" for number in value)


def read_layouts(settings: Mapping[str, Any], count: int) -> list[RowLayout]:
    """The settings of each of `count` sources.

    Raises:
        InputError: neither one value nor `count`, no whole number (fps: number), below 0, or no
            such layout.
    """
    columns: dict[str, tuple[Any, ...]] = {}
    for name, value in settings.items():
        values = setting_values(name, value)
        if len(values) not in (1, count):
            raise InputError(
                f"config.{name} has {len(values)} values for {count} sources: give one, or one "
                "for each."
            )
        columns[name.removeprefix("feature_")] = values * (count if len(values) == 1 else 1)
    unknown = [value for value in columns["layout"] if value not in ("", *LAYOUTS)]
    if unknown:
        raise InputError(
            f"config.feature_layout must be one of {', '.join(LAYOUTS)}, got {unknown[0]!r}."
        )
    if 0 in columns["every"]:
        raise InputError("config.feature_every must be above 0, got 0.")
    return [
        RowLayout(**{name: values[i] for name, values in columns.items()}) for i in range(count)
    ]


def _number(name: str, text: str) -> float:
    try:
        number: float = float(text) if name == "feature_fps" else int(text)
    except ValueError:
        number = -1
    if not 0 <= number < math.inf:
        kind = "a number" if name == "feature_fps" else "a whole number"
        raise InputError(f"config.{name} must be {kind}, at least 0, got {text!r}.")
    return number


def check_told(path: str, layout: RowLayout) -> None:
    """Refuses arrays of which nobody has said what a row is."""
    if not Path(path).exists() and "+" not in path:
        raise InputError(f"config.features_dir: {path} is not there. Check the path.")
    if not layout.layout:
        raise InputError(
            f"{path} has no {METADATA_FILE}, so say what a row is: --config.feature_layout=whole "
            "if the rows lie evenly over the whole video, or --config.feature_layout=snippets with "
            "--config.feature_stride and --config.feature_window in frames (docs/localization.md). "
            "A folder of bsp_tf.extract has one."
        )
    if layout.layout == "snippets" and not (layout.stride and layout.window):
        raise InputError(
            f"{path}: feature_layout=snippets needs config.feature_stride and "
            "config.feature_window, frames, above 0."
        )
