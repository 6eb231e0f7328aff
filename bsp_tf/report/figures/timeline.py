"""The timeline of one video: everything on one axis in seconds, as in Figure 3 of the BSP paper."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from bsp_tf.report.figures import style
from bsp_tf.report.figures.timeline_bars import Bar, assign_lanes

_WIDTH, _LEFT, _RIGHT = 9.6, 1.36, 0.36
_LANE, _GAP, _CURVE, _BOTTOM = 0.215, 0.13, 0.95, 0.58


@dataclasses.dataclass(frozen=True)
class Timeline:
    """What is known about one video.

    Attributes:
        duration_seconds: Length of the axis.
        thumbnails: Frames uint8 [H, W, 3], from the middles of equal parts of the video.
        rows: Name of the row -> bars, in drawing order; the first is the ground truth.
        curve: Centre of each snippet in seconds and its 1 - p(no boundary), both [num_snippets];
            None if unknown.
        joints: (start, end, kind) in seconds.
        distractors: (start, end, kind) in seconds.
    """

    duration_seconds: float
    thumbnails: list[np.ndarray]
    rows: dict[str, list[Bar]]
    curve: tuple[np.ndarray, np.ndarray] | None = None
    joints: Sequence[tuple[float, float, str]] = ()
    distractors: Sequence[tuple[float, float, str]] = ()


def draw_timeline(timeline: Timeline, colors: dict[str, str]) -> Figure:
    """Thumbnails, ground truth, detections, joints and boundary curve of a video, one per row.

    Args:
        timeline: What to draw.
        colors: Label -> "#rrggbb" of every label in its rows.
    """
    lanes = {
        name: assign_lanes(bars, 0.004 * timeline.duration_seconds)
        for name, bars in timeline.rows.items()
    }
    row_heights = {name: _LANE * max(1, max(lanes[name], default=0) + 1) for name in timeline.rows}
    span = _WIDTH - _LEFT - _RIGHT
    strip = 0.0
    if timeline.thumbnails:
        height, width = timeline.thumbnails[0].shape[:2]
        strip = span / len(timeline.thumbnails) * height / width
    total = (
        0.06
        + strip
        + sum(row_heights.values())
        + _GAP * (len(row_heights) + 1)
        + (_CURVE if timeline.curve else 0)
        + _BOTTOM
    )
    with style.styled():
        figure = style.new_figure(_WIDTH, total)
        figure.set_layout_engine("none")
        top = total - 0.06

        def add_row(height: float) -> Axes:
            nonlocal top
            top -= height
            axes = figure.add_axes((_LEFT / _WIDTH, top / total, span / _WIDTH, height / total))
            top -= _GAP
            axes.set_xlim(0, timeline.duration_seconds)
            axes.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 2, 5, 10], integer=True))
            return axes

        if timeline.thumbnails:
            _draw_strip(add_row(strip), timeline)
        for name, bars in timeline.rows.items():
            axes = add_row(row_heights[name])
            _draw_bars(axes, bars, lanes[name], colors, timeline.duration_seconds, span)
            _name_row(axes, name)
        if timeline.curve:
            axes = add_row(_CURVE)
            _draw_curve(axes, timeline, *timeline.curve)
            _name_row(axes, "1 − p(same-speed)")
        axes.tick_params(axis="x", labelbottom=True)
        axes.set_xlabel("seconds", labelpad=2)
        _add_legend(figure, timeline)
    return figure


def _name_row(axes: Axes, name: str) -> None:
    axes.text(
        -0.012,
        0.5,
        name,
        transform=axes.transAxes,
        ha="right",
        va="center",
        fontsize=8.5,
        color=style.INK,
    )


def _draw_strip(axes: Axes, timeline: Timeline) -> None:
    slot = timeline.duration_seconds / len(timeline.thumbnails)
    for i, frame in enumerate(timeline.thumbnails):
        axes.imshow(
            frame,
            extent=(i * slot + 0.03 * slot, (i + 1) * slot - 0.03 * slot, 0, 1),
            aspect="auto",
            interpolation="bilinear",
        )
    axes.set_xlim(0, timeline.duration_seconds)
    axes.set_ylim(0, 1)
    axes.set_axis_off()


def _draw_bars(
    axes: Axes,
    bars: list[Bar],
    lanes: list[int],
    colors: dict[str, str],
    duration: float,
    span_inches: float,
) -> None:
    strongest = max((bar.score for bar in bars if bar.score is not None), default=1.0) or 1.0
    for bar, lane in zip(bars, lanes, strict=True):
        color = colors[bar.label]
        length = bar.end_seconds - bar.start_seconds
        weight = 1.0 if bar.score is None else 0.25 + 0.75 * bar.score / strongest
        axes.add_patch(
            Rectangle(
                (bar.start_seconds, lane + 0.09),
                length,
                0.82,
                facecolor=color,
                alpha=weight,
                linewidth=0,
            )
        )
        if bar.hit:
            axes.add_patch(
                Rectangle(
                    (bar.start_seconds, lane + 0.09),
                    length,
                    0.82,
                    facecolor="none",
                    edgecolor=style.INK,
                    linewidth=1.1,
                )
            )
        inches = length / duration * span_inches
        number = "" if bar.score is None else f"{bar.score:.2f}"
        for text in (f"{style.readable(bar.label)} {number}".strip(), number):
            # 0.068 inches a character of 7-point DejaVu, measured on the wide side.
            if text and len(text) * 0.068 < inches:
                ink = style.text_color_on(color) if weight > 0.6 else style.INK
                axes.text(
                    (bar.start_seconds + bar.end_seconds) / 2,
                    lane + 0.52,
                    text,
                    ha="center",
                    va="center",
                    fontsize=7,
                    color=ink,
                    clip_on=True,
                )
                break
    axes.set_ylim(max(lanes, default=0) + 1, 0)
    axes.set_yticks([])
    axes.tick_params(axis="x", labelbottom=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    if not bars:
        axes.text(
            0.5,
            0.5,
            "none",
            transform=axes.transAxes,
            ha="center",
            va="center",
            fontsize=7.5,
            color=style.MUTED,
        )


def _draw_curve(axes: Axes, timeline: Timeline, seconds: np.ndarray, values: np.ndarray) -> None:
    for start, end, _ in timeline.distractors:
        # A flash may be shorter than a pixel; give it the width of a line.
        extra = max(0.0, 0.004 * timeline.duration_seconds - (end - start)) / 2
        axes.axvspan(
            start - extra,
            end + extra,
            facecolor="none",
            edgecolor=style.MUTED,
            hatch="/////",
            linewidth=0,
            alpha=0.9,
        )
    for start, end, kind in timeline.joints:
        color = style.JOINT_COLORS.get(kind, style.INK)
        if end > start:
            axes.axvspan(start, end, ymax=1 / 1.22, color=color, alpha=0.22, linewidth=0)
        middle = (start + end) / 2
        axes.plot([middle, middle], [0, 1.1], color=color, linewidth=0.9)
        axes.plot(
            [middle],
            [1.11],
            marker=style.JOINT_MARKERS.get(kind, "o"),
            markersize=5,
            color=color,
            clip_on=False,
        )
    color = style.STREAM_COLORS["two_stream"]
    axes.fill_between(seconds, 0, values, color=color, alpha=0.14, linewidth=0)
    axes.plot(seconds, values, color=color, linewidth=1.4)
    axes.set_ylim(0, 1.22)
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.yaxis.tick_right()
    style.keep_horizontal_grid(axes)


def _add_legend(figure: Figure, timeline: Timeline) -> None:
    handles: list[Line2D | Patch] = []
    # The known kinds in their order, then any others.
    shown = {kind for _, _, kind in timeline.joints}
    known = [kind for kind in style.JOINT_COLORS if kind in shown]
    for kind in [*known, *sorted(shown.difference(known))]:
        handles.append(
            Line2D(
                [],
                [],
                color=style.JOINT_COLORS.get(kind, style.INK),
                marker=style.JOINT_MARKERS.get(kind, "o"),
                markersize=5,
                linewidth=0.9,
                label=style.readable(kind),
            )
        )
    if timeline.distractors:
        names = ", ".join(sorted({kind for _, _, kind in timeline.distractors}))
        handles.append(
            Patch(
                facecolor="none",
                edgecolor=style.MUTED,
                hatch="/////",
                linewidth=0,
                label=f"no joint: {names}",
            )
        )
    if any(bar.hit for bars in timeline.rows.values() for bar in bars):
        handles.append(
            Patch(
                facecolor="none",
                edgecolor=style.INK,
                linewidth=1.1,
                label="hit: right class, tIoU ≥ 0.5",
            )
        )
    if handles:
        figure.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(_LEFT / _WIDTH - 0.01, 0.0),
            ncols=len(handles),
            handlelength=1.6,
            columnspacing=1.6,
        )
