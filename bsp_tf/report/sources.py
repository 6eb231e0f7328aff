"""Where the report finds its inputs: one field for each, with its place, its flag and its help."""

import dataclasses
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

STREAMS = ("action", "two_stream")
TASKS = ("action", "boundary")


@dataclasses.dataclass(frozen=True)
class Input:
    """One path that a flag can name: `Sources.<field>`, or `Sources.<field>[key]` if it has a key.

    Attributes:
        field: Name of the field of `Sources`.
        key: A task or stream, "" for a field that is a single path.
        flag: Name of the flag.
        place: Where quickstart puts it, relative to --root.
        help: What it is.
    """

    field: str
    key: str
    flag: str
    place: str
    help: str


@dataclasses.dataclass(frozen=True)
class Sources:
    """Paths of all inputs; `Sources.under(root)` gives the layout that quickstart writes.

    The metadata of a field hold its place under --root, the help of its flag and, where it has one
    path for each task or stream, these keys and the pattern of the flags.

    Attributes:
        annotations: Ground truth in ActivityNet's JSON form (needed).
        scores: Stream -> output of `bsp_tf.evaluate` (both needed).
        detections: Stream -> output of `bsp_tf.detect`.
        pretrain: Task -> workdir of `bsp_tf.pretrain`.
        gtad: Stream -> workdir of `bsp_tf.train_head`.
        videos: Folder of the untrimmed videos.
        features: Output folder of `bsp_tf.extract`.
        preview: Picture of `bsp_tf.preview`.
        subset: Subset of the annotations that was scored.
    """

    annotations: Path = field(
        metadata={"place": "sample/annotations.json", "help": "Ground truth JSON."}
    )
    scores: dict[str, Path] = field(
        metadata={
            "place": "scores/{}.json",
            "keys": STREAMS,
            "flag": "{}_scores",
            "help": "Output of bsp_tf.evaluate.",
        }
    )
    detections: dict[str, Path] = field(
        metadata={
            "place": "detections/{}.json",
            "keys": STREAMS,
            "flag": "{}_detections",
            "help": "Output of bsp_tf.detect.",
        }
    )
    pretrain: dict[str, Path] = field(
        metadata={
            "place": "pretrain/{}",
            "keys": TASKS,
            "flag": "{}_workdir",
            "help": "Workdir of bsp_tf.pretrain.",
        }
    )
    gtad: dict[str, Path] = field(
        metadata={
            "place": "gtad/{}",
            "keys": STREAMS,
            "flag": "gtad_{}_workdir",
            "help": "Workdir of bsp_tf.train_head.",
        }
    )
    videos: Path = field(
        metadata={"place": "sample/videos", "help": "Folder of the untrimmed videos."}
    )
    features: Path = field(metadata={"place": "features", "help": "Output of bsp_tf.extract."})
    preview: Path = field(metadata={"place": "preview.png", "help": "Picture of bsp_tf.preview."})
    subset: str = "validation"

    @classmethod
    def inputs(cls) -> Iterator[Input]:
        """Every path, in the order of the fields.

        >>> [item.flag for item in Sources.inputs()][:3]
        ['annotations', 'action_scores', 'two_stream_scores']
        """
        for item in dataclasses.fields(cls):
            if "place" not in item.metadata:
                continue
            place, text = item.metadata["place"], item.metadata["help"]
            flag = item.metadata.get("flag", item.name)
            for key in item.metadata.get("keys", ("",)):
                yield Input(item.name, key, flag.format(key), place.format(key), text)

    @classmethod
    def under(
        cls, root: str | Path, subset: str = "validation", named: dict[str, Path] | None = None
    ) -> "Sources":
        """The layout of a quickstart output folder.

        Args:
            root: That folder.
            subset: Subset of the annotations that was scored.
            named: Name of a flag -> path that replaces the one under `root`.
        """
        values: dict[str, Any] = {}
        for item in cls.inputs():
            path = (named or {}).get(item.flag, Path(root) / item.place)
            if item.key:
                values.setdefault(item.field, {})[item.key] = path
            else:
                values[item.field] = path
        return cls(subset=subset, **values)
