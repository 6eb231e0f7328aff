"""Detects actions in untrimmed videos, given their features.

    python -m bsp_tf.detect --workdir=gtad --features=features --annotations=annotations.json \\
        --subset=validation --output=detections.json

--workdir, --features and --output may be s3://, gs:// and the like, as may the other inputs.
Features and annotations may have any form that bsp_tf.train_head takes; what the rows of other
tools' features are stands in the config of the run. The output has ActivityNet's form, {"version",
"results": {id: [{"label", "score", "segment": [start, end]}]}, "external_data"}, times in seconds,
and is scored by `python -m bsp_tf.evaluate`. Of the annotations only the videos of the subset,
their durations (and frame rates, for other tools' features) and the class names are used. Labels
come from the two best classes of the whole video: from --class_scores=scores.json ({"results":
{id: [K]}, "class": [K]}) or THUMOS14's --class_scores=uNet_test.npy, else from the action stream's
own mean softmax if its classes cover those of the annotations; with neither, all are labelled
"proposal". A head that names classes itself needs none of these. Videos without usable features or
class scores are left out, counted and listed under "external_data".

    --top_classes=2         classes of a video that each of its proposals is labelled with
    --fusion=sqrt           score = square root of proposal score * class score (default: product)
    --nms=adaptive          BMN's soft-NMS, which spares long proposals; or hard; default: as
                            published for the head (G-TAD: gaussian)
    --nms_width=0.4         width of the Gaussian (default: as published for the head)
    --nms_threshold=0.65    tIoU of hard NMS (default: 0.65 for a G-TAD)
    --voting=0.95           each segment moves to the mean of all that overlap it by this tIoU,
                            weighted by score and tIoU (default: none for a G-TAD)
    --max_proposals=100     segments of a video kept (default: as published for the head)

A killed run leaves no output; run again, it starts afresh. A finished output of the same settings
is reused.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict

from bsp_tf.annotations.mended import choose_subset, load_annotations
from bsp_tf.annotations.reader import annotation_files
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import without_secrets
from bsp_tf.base.json_file import read_json_object
from bsp_tf.base.output_lock import check_remote_output
from bsp_tf.base.servers.local_copy import local_copies
from bsp_tf.base.settings import digest_files, digest_fingerprints, finished_output
from bsp_tf.features.sources import feature_files, features_digest, open_features
from bsp_tf.localization.detection import (
    Options,
    detect_videos,
    find_class_scores,
    some_reasons,
    trained_files,
)
from bsp_tf.localization.detection_file import write_detections
from bsp_tf.localization.detection_flags import define_detection_flags, detection_options
from bsp_tf.localization.heads.head import FIRST_HEAD, find_head
from bsp_tf.localization.workdir_features import check_features
from bsp_tf.runs.workdir import CONFIG

FLAGS = flags.FLAGS


def detect(
    workdir: str,
    features: str,
    annotations: str,
    subset: str,
    output: str,
    class_scores: str | None = None,
    options: Options | None = None,
    verify: bool = False,
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
    check_remote_output(output)
    with local_copies(workdir, features) as copies:
        here, features_here = copies.names
        config = read_json_object(Path(here) / CONFIG, "streams", "num_segments")
        head = find_head(config.get("head", FIRST_HEAD))
        # Says now what is wrong with the numbers.
        rule = options.suppression(head.suppression(ConfigDict(config)))
        settings = {
            "workdir": workdir,
            "features": features,
            "annotations": without_secrets(annotations),
            "subset": subset,
            "class_scores": class_scores and without_secrets(class_scores),
            **dataclasses.asdict(options),
            "nms": rule.method,
            "nms_threshold": rule.threshold,
        }
        inputs = _digest_inputs(here, features_here, annotations, class_scores, verify)
        finished = finished_output(output, settings, inputs, later=("feature_files",))
        if finished is not None:
            results = finished["results"]
            result = _summary(
                len(results), sum(map(len, results.values())), finished["external_data"]["left_out"]
            )
            print(f"{output}: already done ({_describe(result)})")
            return result

        everything = load_annotations(annotations)
        videos = choose_subset(everything, subset, annotations)
        sources = open_features(config, features_here)
        check_features(here, sources)
        labels = sorted({label for video in everything.values() for label in video.labels})
        scores = None
        if not head.names_classes(config):
            scores = find_class_scores(sources, class_scores, labels)
        # TensorFlow takes seconds to start: what can be wrong with the other inputs has been said.
        from bsp_tf.localization.workdir import load_trained

        trained = load_trained(here)
        left_out: dict[str, str] = {}
        found = detect_videos(
            trained.head,
            trained.config,
            trained.outputs,
            trained.class_names,
            sources,
            videos,
            scores,
            options,
            left_out,
        )

        def with_addresses() -> Iterator[tuple[str, list[dict[str, Any]]]]:
            yield from found
            left_out.update({name: copies.as_given(reason) for name, reason in left_out.items()})

        about = {"settings": settings, "inputs": inputs, "left_out": left_out}
        result = _summary(*write_detections(output, with_addresses(), about), left_out)
        if left_out:
            print(f"{len(left_out)} of {len(videos)} videos left out: {some_reasons(left_out)}")
        print(f"{output}: {_describe(result)}")
        return result


def _digest_inputs(
    workdir: str, features: str, annotations: str, class_scores: str | None, verify: bool
) -> dict[str, str]:
    """SHA-256 of all that decides the result: a retrained model is not mistaken for the old one."""
    files: dict[str, Sequence[str | Path]] = {
        "model": trained_files(workdir),
        "annotations": annotation_files(annotations),
        "class_scores": [class_scores] if class_scores else [],
    }
    digests = {name: digest_files(paths) for name, paths in files.items()}
    digests["features"] = features_digest(features)
    digests["feature_files"] = digest_fingerprints(feature_files(features))
    if verify:
        digests["feature_bytes"] = digest_files(feature_files(features))
    return digests


def _summary(videos: int, detections: int, left_out: Mapping[str, str]) -> dict[str, Any]:
    return {"videos": videos, "detections": detections, "left_out": dict(left_out)}


def _describe(result: Mapping[str, Any]) -> str:
    return f"{result['detections']} detections in {result['videos']} videos"


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string("workdir", None, "Workdir of bsp_tf.train_head.", required=True)
    flags.DEFINE_string(
        "features", None, "Features, in any form that bsp_tf.train_head takes.", required=True
    )
    flags.DEFINE_string(
        "annotations", None, "Annotations JSON (and CSV, with a comma).", required=True
    )
    flags.DEFINE_string("subset", "validation", "Subset of the annotations to work on.")
    flags.DEFINE_string("output", None, "Detections JSON to write.", required=True)
    define_detection_flags()
    flags.DEFINE_bool(
        "verify", False, "Compare all bytes of the features with those of a finished output."
    )


def main(argv: Sequence[str]) -> None:
    """Runs the command with the parsed flags."""
    del argv
    detect(
        FLAGS.workdir,
        FLAGS.features,
        FLAGS.annotations,
        FLAGS.subset,
        FLAGS.output,
        FLAGS.class_scores,
        detection_options(),
        FLAGS.verify,
    )


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
