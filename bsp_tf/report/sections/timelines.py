"""Section "Timelines": a few videos with everything that is known about each."""

from pathlib import Path
from typing import Any

from bsp_tf.features.store import METADATA_FILE
from bsp_tf.report.boundary_curves import boundary_curve, knows_boundaries
from bsp_tf.report.content import Link, Part, Section, Text, WidePicture, absent
from bsp_tf.report.figures import style
from bsp_tf.report.figures.timeline import Timeline, draw_timeline
from bsp_tf.report.figures.timeline_bars import Bar, top_detections
from bsp_tf.report.gallery import Gallery
from bsp_tf.report.inputs import Results
from bsp_tf.report.videos_page import videos_page
from bsp_tf.video.stream import VideoError
from bsp_tf.video.thumbnails import thumbnails

VIDEOS_PAGE = "videos.html"
NUM_THUMBNAILS = 10
DETECTIONS_SHOWN = 5
_THUMBNAIL_SHORT_SIDE = 120


def section(results: Results, gallery: Gallery, most: int, folder: Path) -> Section:
    """Timelines of at most `most` videos of the scored subset, and how they were chosen.

    All of them are on a page of their own in the `folder` of the report, with a player.
    """
    files = find_videos(results.sources.videos)
    names = [name for name in results.database if name in files] or list(results.database)
    colors = style.class_colors(_labels(results))
    chosen = pick_evenly(names, most)
    parts: list[Part] = []
    if chosen:
        parts.append(
            Text(
                f"{len(chosen)} of {len(names)} {results.sources.subset} videos, evenly spread "
                "over their sorted names, whatever their results. Each row of detections shows "
                f"the {DETECTIONS_SHOWN} best by score; the stronger the colour, the higher the "
                "score, relative to the best of the row."
            )
        )
    for number, video in enumerate(chosen, 1):
        try:
            timeline = build_timeline(results, video, files.get(video))
        except VideoError:
            # A broken video is no reason to have no report: its timeline goes without thumbnails.
            timeline = build_timeline(results, video, None)
        figure = draw_timeline(timeline, colors)
        picture = gallery.add(f"timeline_{number}", figure, f"Timeline of the video {video}")
        count = len(results.database[video]["annotations"])
        detail = f"{timeline.duration_seconds:.1f} s, {count} action{'' if count == 1 else 's'}"
        parts.append(WidePicture(picture.markup, video, detail))
    parts += absent(
        *results.sources.detections.values(),
        results.sources.features / METADATA_FILE,
        results.sources.videos,
    )
    player = videos_page(results, files, folder)
    pages = {VIDEOS_PAGE: player} if player else {}
    if player:
        count = len(player["videos"])
        text = f"All {count} videos, each with a player and a timeline to zoom and to click"
        parts.append(Link(text, VIDEOS_PAGE))
    return Section("timelines", "Timelines", "Timelines", parts, pages=pages)


def pick_evenly(names: list[str], most: int) -> list[str]:
    """At most `most` of the sorted names, evenly spread over the list, whatever their results.

    >>> pick_evenly(["d", "c", "b", "a"], 2)
    ['b', 'd']
    """
    names = sorted(names)
    count = min(most, len(names))
    return [names[int((i + 0.5) * len(names) / count)] for i in range(count)]


def find_videos(folder: Path) -> dict[str, Path]:
    """Name without suffix -> file, for the files directly in `folder`; {} without such a folder."""
    if not folder.is_dir():
        return {}
    return {
        path.stem: path
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".")
    }


def _labels(results: Results) -> set[str]:
    """All labels of ground truths and detections."""
    labels = {item["label"] for entry in results.database.values() for item in entry["annotations"]}
    for videos in results.detections.values():
        labels |= {item["label"] for found in videos.values() for item in found}
    return labels


def _spans(marks: list[dict[str, Any]]) -> list[tuple[float, float, str]]:
    return [
        (float(mark["segment"][0]), float(mark["segment"][1]), str(mark["kind"])) for mark in marks
    ]


def build_timeline(results: Results, video: str, video_file: Path | None) -> Timeline:
    """Collects what the results know about one video.

    Args:
        results: From `load_results`; without features of this video it gets no curve.
        video: Its name in the annotations.
        video_file: Where it lies; None leaves the thumbnails out.
    """
    store = results.features
    entry = results.database[video]
    truth = [
        Bar(float(item["segment"][0]), float(item["segment"][1]), item["label"])
        for item in entry["annotations"]
    ]
    rows = {"ground truth": truth}
    for stream, detections in results.detections.items():
        rows[style.STREAM_NAMES[stream]] = top_detections(
            detections.get(video, []), truth, DETECTIONS_SHOWN
        )
    duration = float(entry["duration"])
    frames = (
        thumbnails(video_file, duration, NUM_THUMBNAILS, _THUMBNAIL_SHORT_SIDE)
        if video_file
        else []
    )
    curve = None
    if store and video in store.metadata["videos"] and knows_boundaries(store):
        curve = boundary_curve(store, video)
    return Timeline(
        duration,
        frames,
        rows,
        curve,
        _spans(entry.get("joints", [])),
        _spans(entry.get("distractors", [])),
    )
