"""The page beside the report that plays every scored video, with what is known about it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bsp_tf.annotations.reader import Instance
from bsp_tf.player.page_data import page_data
from bsp_tf.report.boundary_curves import knows_boundaries, type_curves
from bsp_tf.report.inputs import Results
from bsp_tf.video.file_uri import relative_uri

STREAM = "two_stream"


def videos_page(results: Results, files: Mapping[str, Path], folder: Path) -> dict[str, Any] | None:
    """What the page shows, see `page_data`; None without detections or videos.

    Args:
        results: From `load_results`.
        files: Video -> its file.
        folder: Where the page will lie.
    """
    names = [name for name in results.database if name in files]
    if STREAM not in results.detections or not names:
        return None
    found = results.detections[STREAM]
    sections: dict[str, dict[str, Any]] = {
        "results": {name: found.get(name, []) for name in names},
        "curves": {},
    }
    store = results.features
    if store and knows_boundaries(store):
        for name in filter(store.metadata["videos"].__contains__, names):
            seconds, probabilities = type_curves(store, name)
            sections["curves"][name] = {"times": seconds, "probabilities": probabilities}
    about, truth = {}, {}
    for name in names:
        entry = results.database[name]
        about[name] = {
            "file": files[name].name,
            "uri": relative_uri(files[name], folder),
            "duration_seconds": float(entry["duration"]),
            "complete": True,
            "partial": False,
        }
        truth[name] = [
            Instance(tuple(action["segment"]), action["label"]) for action in entry["annotations"]
        ]
    return page_data("detections", sections, about, truth)
