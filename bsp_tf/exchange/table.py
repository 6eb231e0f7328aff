"""What all forms of annotations have in common: videos with labelled segments."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from urllib.parse import quote

from bsp_tf.annotations.video_ids import match_id
from bsp_tf.base.errors import InputError

ANNOTATIONS, DETECTIONS = "annotations", "detections"
KINDS = (ANNOTATIONS, DETECTIONS)
# A name that ends so is that of a file; ids may hold dots of their own.
VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mkv", ".webm", ".avi", ".mov", ".mpg", ".mpeg", ".wmv", ".flv", ".ts"),
    *(".3gp", ".ogv"),
)


@dataclass(frozen=True)
class Segment:
    """One action: start and end in seconds, class name, and of a detection its score."""

    start: float
    end: float
    label: str
    score: float | None = None


@dataclass(frozen=True)
class VideoFacts:
    """What is known of a video beside its segments; None or "" where nothing is.

    Attributes:
        duration_seconds: Its length.
        fps: Frames per second.
        subset: E.g. "training".
        media: Its file, as the labelling tool shall find it.
    """

    duration_seconds: float | None = None
    fps: float | None = None
    subset: str = ""
    media: str = ""


@dataclass(frozen=True)
class Video:
    """One video; `place` says in messages where it was read."""

    video_id: str
    segments: tuple[Segment, ...] = ()
    facts: VideoFacts = VideoFacts()
    place: str = ""

    def entry(self, index: int) -> str:
        """What messages call the segment at `index`."""
        segment = self.segments[index]
        where = self.place or f"video {self.video_id!r}"
        return f"{where}, entry {index} ({segment.label!r}, {segment.start:g} to {segment.end:g} s)"


@dataclass(frozen=True)
class Table:
    """Videos in the order of the file.

    Attributes:
        videos: Ids differ.
        scored: Whether the segments are detections, each with a score.
        notes: What the file has beside segments, and was left out: a line for each kind.
    """

    videos: tuple[Video, ...]
    scored: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """What the user says of the videos, for files that do not say it themselves.

    Attributes:
        videos: Id -> facts.
        fps: Frame rate of all videos; it counts before what a file says.
        subset: Subset of all videos; it counts before what `videos` say.
        video_prefix: Stands before the file of a video, e.g. "https://host/videos/"; behind a URL
            or a query the file is quoted.
    """

    videos: Mapping[str, VideoFacts] = field(default_factory=dict)
    fps: float | None = None
    subset: str = ""
    video_prefix: str = ""

    def complete(self, video_id: str, own: VideoFacts) -> VideoFacts:
        """The facts of a video: `own`, those that its file states, with the gaps filled."""
        name = match_id(video_id, self.videos)
        known = self.videos[name] if name is not None else VideoFacts()
        gaps = {
            part.name: getattr(known, part.name)
            for part in fields(own)
            if not getattr(own, part.name)
        }
        facts = replace(own, **gaps)
        media = facts.media
        if self.video_prefix:
            name = media or video_id
            quoted = "://" in self.video_prefix or "?" in self.video_prefix
            media = self.video_prefix + (quote(name) if quoted else name)
        return replace(
            facts, fps=self.fps or facts.fps, subset=self.subset or facts.subset, media=media
        )


def table_of(videos: Iterable[Video], notes: Iterable[str] = ()) -> Table:
    """The table of videos: detections if any segment has a score."""
    table = Table(tuple(videos), notes=tuple(notes))
    scored = any(segment.score is not None for _, _, segment in all_segments(table))
    return replace(table, scored=scored)


def as_kind(table: Table, kind: str | None) -> Table:
    """The table as annotations, without scores, or as detections, all with one; None: as it is.

    Raises:
        InputError: it holds detections, or shall, and a segment has no score.
    """
    if kind == ANNOTATIONS:
        videos = tuple(
            replace(
                video, segments=tuple(replace(segment, score=None) for segment in video.segments)
            )
            for video in table.videos
        )
        return replace(table, videos=videos, scored=False)
    scored = table.scored or kind == DETECTIONS
    if scored:
        refuse(
            table,
            lambda one: one.score is None,
            "has no score: give it one, or add --kind=annotations to leave all scores out",
        )
    return replace(table, scored=scored)


def with_scores_from(table: Table, least: float) -> Table:
    """The table without the detections whose score is lower; segments without score stay."""
    videos = []
    for video in table.videos:
        kept = [s for s in video.segments if s.score is None or s.score >= least]
        videos.append(replace(video, segments=tuple(kept)))
    return replace(table, videos=tuple(videos))


def all_segments(table: Table) -> Iterator[tuple[Video, int, Segment]]:
    """Each segment with its video and its index there."""
    for video in table.videos:
        for index, segment in enumerate(video.segments):
            yield video, index, segment


def check_segments(table: Table, form: str, zero_length: bool) -> None:
    """Refuses segments that a form of annotations has no way to write.

    Args:
        table: Videos to write.
        form: Name of the form, for messages.
        zero_length: Whether it has segments that start where they end.

    Raises:
        InputError: a segment starts before 0, ends before it starts, or has no length or no label.
    """
    refuse(table, lambda one: not one.label, "has no label: name its class")
    refuse(table, lambda one: one.end < one.start, "ends before it starts: mend or remove it")
    refuse(table, lambda one: one.start < 0, f"starts before 0, which {form} cannot hold: mend it")
    if not zero_length:
        refuse(
            table,
            lambda one: one.start == one.end,
            f"has no length, which {form} cannot hold: mend or remove it",
        )


def refuse(table: Table, faulty: Callable[[Segment], bool], fault: str) -> None:
    """Raises InputError if a segment is faulty: it names the first, and says how many more are."""
    found = [(video, index) for video, index, one in all_segments(table) if faulty(one)]
    if found:
        video, index = found[0]
        more = f" (and {len(found) - 1} more such segments)" if len(found) > 1 else ""
        raise InputError(f"{video.entry(index)} {fault}{more}.")


def some(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are.

    >>> some(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def video_id_of(name: str) -> str:
    """The id of the video that a file name, path or URL means; itself if it has no video's suffix.

    >>> video_id_of("videos/v_a.1.mp4"), video_id_of("v_a.1")
    ('v_a.1', 'v_a.1')
    """
    for suffix in VIDEO_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)].replace("\\", "/").rpartition("/")[2]
    return name


def media_name(video: Video) -> str:
    """What to write where a file of the video belongs: its file if that means its id, else the id.

    Raises:
        InputError: the id would be another one when it is read back.
    """
    for name in (video.facts.media, video.video_id):
        if name and video_id_of(name) == video.video_id:
            return name
    raise InputError(
        f"{video.place or repr(video.video_id)}: this id would be read back as "
        f"{video_id_of(video.video_id)!r}, like the name of a file; rename the video."
    )
