"""Detects actions in untrimmed videos, given their features.

    python -m bsp_tf.detect --workdir=gtad --features=features --annotations=annotations.json \\
        --subset=validation --output=detections.json

Features and annotations may have any form that bsp_tf.train_gtad takes; what the rows of other
tools' features are stands in the config of the run. The output has ActivityNet's form, {"version",
"results": {id: [{"label", "score", "segment": [start, end]}]}, "external_data"}, times in seconds, and is scored by `python -m bsp_tf.evaluate`. Of the
annotations only the videos of the subset, their durations (and frame rates, for other tools'
features) and the class names are used. Labels come from the two best classes of the whole video:
from --class_scores=scores.json ({"results": {id: [K]}, "class": [K]}) or THUMOS14's
--class_scores=uNet_test.npy, else from the action stream's own mean softmax if its classes cover
those of the annotations; with neither, all are labelled "proposal". Videos without usable features
or class scores are left out, counted and listed under "external_data".

    --top_classes=2         classes of a video that each of its proposals is labelled with
    --fusion=sqrt           score = square root of proposal score * class score (default: the product)
    --nms=adaptive          BMN's soft-NMS, which spares long proposals; or hard; default: gaussian
    --nms_width=0.4         width of the Gaussian (default 0.8; 0.46 for a G-TAD in windows)
    --nms_threshold=0.65    tIoU of hard NMS
    --max_proposals=100     segments a video kept by NMS (default 100; 200 for a G-TAD in windows)

A killed run leaves no output; run again, it starts afresh. A finished output of the same settings
is reused.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from tqdm import tqdm

from bsp_tf.annotations.mended import VideoAnnotation, choose_subset, load_annotations
from bsp_tf.annotations.reader import annotation_files
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object
from bsp_tf.base.settings import digest_files, finished_output
from bsp_tf.features.sources import FeatureSources, features_digest, open_features
from bsp_tf.localization.class_scores import (
    ClassScores,
    class_scores_from_file,
    class_scores_from_stream,
)
from bsp_tf.localization.detection_file import write_detections
from bsp_tf.localization.fusion import (
    FUSIONS,
    PROPOSAL_LABEL,
    THUMOS_DECIMALS,
    TOP_CLASSES,
    make_detections,
)
from bsp_tf.localization.inference import propose, propose_in_windows, usable_videos
from bsp_tf.localization.nms import HARD_THRESHOLD, METHODS, Suppression
from bsp_tf.localization.windows import WINDOW_SUPPRESSION

FLAGS = flags.FLAGS

# Reasons shown on the screen; the file has them all.
MOST_REASONS = 5


@dataclasses.dataclass(frozen=True)
class Options:
    """What can be chosen about the way from score maps to detections; None: the published setting.

    Attributes:
        top_classes, fusion: See `score_fusion.make_detections`.
        nms, nms_width, nms_threshold, max_proposals: See `nms.Suppression`.
    """

    top_classes: int = TOP_CLASSES
    fusion: str = "product"
    nms: str = "gaussian"
    nms_width: float | None = None
    nms_threshold: float = HARD_THRESHOLD
    max_proposals: int | None = None

    def suppression(self, in_windows: bool) -> Suppression:
        """The rule, for whole videos or for windows.

        Raises:
            InputError: a number out of its range.
        """
        published = WINDOW_SUPPRESSION if in_windows else Suppression()
        return Suppression(
            self.nms,
            published.width if self.nms_width is None else self.nms_width,
            self.nms_threshold,
            published.max_proposals if self.max_proposals is None else self.max_proposals,
        )


def detect(
    workdir: str,
    features: str,
    annotations: str,
    subset: str,
    output: str,
    class_scores: str | None = None,
    options: Options | None = None,
) -> dict[str, Any]:
    """Writes `output`, video by video; a finished output of the same settings and inputs is reused.

    Arguments are the flags.

    Returns:
        {"videos": int, "detections": int, "left_out": {video id: reason}}.

    Raises:
        InputError: a missing or malformed input, no video left, or `output` was made with other
            settings.
    """
    options = options or Options()
    settings = {
        "workdir": workdir,
        "features": features,
        "annotations": annotations,
        "subset": subset,
        "class_scores": class_scores,
        **dataclasses.asdict(options),
    }
    options.suppression(in_windows=False)  # says now what is wrong with the numbers
    inputs = _digest_inputs(workdir, features, annotations, class_scores)
    finished = finished_output(output, settings, inputs)
    if finished is not None:
        results = finished["results"]
        result = _summary(
            len(results), sum(map(len, results.values())), finished["external_data"]["left_out"]
        )
        print(f"{output}: already done ({_describe(result)})")
        return result

    everything = load_annotations(annotations)
    videos = choose_subset(everything, subset, annotations)
    config = read_json_object(Path(workdir) / "config.json", "streams", "num_segments")
    sources = open_features(config, features)
    labels = sorted({label for video in everything.values() for label in video.labels})
    scores = _find_class_scores(sources, class_scores, labels)
    left_out: dict[str, str] = {}
    found = _detect_videos(workdir, sources, videos, scores, options, left_out)
    about = {"settings": settings, "inputs": inputs, "left_out": left_out}
    result = _summary(*write_detections(output, found, about), left_out)
    if left_out:
        print(f"{len(left_out)} of {len(videos)} videos left out: {_reasons(left_out)}")
    print(f"{output}: {_describe(result)}")
    return result


def _detect_videos(
    workdir: str,
    sources: FeatureSources,
    videos: Mapping[str, VideoAnnotation],
    scores: ClassScores | None,
    options: Options,
    left_out: dict[str, str],
) -> Iterator[tuple[str, list[dict]]]:
    """Video ids and detections; the other videos and the reasons go to `left_out`."""
    # TensorFlow takes seconds to start: all that can be wrong with the other inputs has been said
    # by now.
    from bsp_tf.localization.workdir import load_gtad

    model, config = load_gtad(workdir)

    def network(batch: np.ndarray) -> dict[str, np.ndarray]:
        return {name: np.asarray(value) for name, value in model(batch, training=False).items()}

    in_windows = getattr(config, "windows", False)
    feature_dim = model.sizes["feature_dim"]
    num_segments = model.sizes["num_segments"]
    usable = usable_videos(
        sources, videos, None if in_windows else num_segments, feature_dim, scores, left_out
    )
    proposals = (propose_in_windows if in_windows else propose)(
        network, usable, num_segments, options.suppression(in_windows), left_out
    )
    done = 0
    with tqdm(total=len(videos), desc="detect", unit="video") as progress:
        for video, found in proposals:
            yield (
                video.video_id,
                make_detections(
                    *found,
                    video.duration_seconds,
                    video.class_scores,
                    scores.names if scores else (),
                    options.top_classes,
                    options.fusion,
                    THUMOS_DECIMALS if in_windows else None,
                ),
            )
            done += 1
            progress.update(done + len(left_out) - progress.n)
        progress.update(done + len(left_out) - progress.n)
    if not done:
        raise InputError(
            f"none of the {len(videos)} videos can be used with the features in {sources.path}: "
            f"{_reasons(left_out)}. Check that ids, streams, channels and class scores fit."
        )


def _find_class_scores(
    sources: FeatureSources, path: str | None, labels: list[str]
) -> ClassScores | None:
    if path:
        return class_scores_from_file(path, labels)
    scores = class_scores_from_stream(sources, labels)
    if scores is None:
        known = sources.metadata.get("action_labels") or ()
        missing = (
            ", ".join(repr(label) for label in labels if label not in known)[:200]
            or "there are none"
        )
        print(
            "no class scores: the action stream's classes do not cover those of the annotations "
            f"({missing}) and "
            f"--class_scores is not given, so all detections are labelled {PROPOSAL_LABEL!r}"
        )
    return scores


def _digest_inputs(
    workdir: str, features: str, annotations: str, class_scores: str | None
) -> dict[str, str]:
    """SHA-256 of all that decides the result, so that a retrained model is never mistaken for the
    old one.
    """
    checkpoint = sorted((Path(workdir) / "checkpoints" / "best").glob("*"))
    files = {
        "model": [Path(workdir) / "config.json", *checkpoint],
        "annotations": annotation_files(annotations),
        "class_scores": [class_scores] if class_scores else [],
    }
    return {name: digest_files(paths) for name, paths in files.items()} | {
        "features": features_digest(features)
    }


def _summary(videos: int, detections: int, left_out: Mapping[str, str]) -> dict[str, Any]:
    return {"videos": videos, "detections": detections, "left_out": dict(left_out)}


def _describe(result: Mapping[str, Any]) -> str:
    return f"{result['detections']} detections in {result['videos']} videos"


def _reasons(left_out: Mapping[str, str]) -> str:
    some = [f"{name} ({reason})" for name, reason in left_out.items()][:MOST_REASONS]
    more = len(left_out) - len(some)
    return "; ".join(some) + (f"; and {more} more, listed in the output" if more else "")


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string("workdir", None, "Workdir of bsp_tf.train_gtad.", required=True)
    flags.DEFINE_string(
        "features", None, "Features, in any form that bsp_tf.train_gtad takes.", required=True
    )
    flags.DEFINE_string(
        "annotations", None, "Annotations JSON (and CSV, with a comma).", required=True
    )
    flags.DEFINE_string("subset", "validation", "Subset of the annotations to work on.")
    flags.DEFINE_string("output", None, "Detections JSON to write.", required=True)
    flags.DEFINE_string(
        "class_scores", None, "Class scores of whole videos: JSON, or THUMOS14's .npy."
    )
    flags.DEFINE_integer(
        "top_classes", TOP_CLASSES, "Best classes of a video to use.", lower_bound=1
    )
    flags.DEFINE_enum("fusion", "product", FUSIONS, "How proposal and class score are joined.")
    flags.DEFINE_enum("nms", "gaussian", METHODS, "How overlapping proposals are suppressed.")
    flags.DEFINE_float("nms_width", None, "Width of the Gaussian (default: as published).")
    flags.DEFINE_float("nms_threshold", HARD_THRESHOLD, "tIoU above which hard NMS removes.")
    flags.DEFINE_integer(
        "max_proposals", None, "Proposals kept a video (default: as published).", lower_bound=1
    )


def main(argv: Sequence[str]) -> None:
    """Runs the command with the parsed flags."""
    del argv
    options = Options(
        **{field.name: FLAGS[field.name].value for field in dataclasses.fields(Options)}
    )
    detect(
        FLAGS.workdir,
        FLAGS.features,
        FLAGS.annotations,
        FLAGS.subset,
        FLAGS.output,
        FLAGS.class_scores,
        options,
    )


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
