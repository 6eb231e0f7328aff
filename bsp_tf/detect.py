"""Localizes actions: features of untrimmed videos -> segments with labels and scores, with a trained G-TAD.

    python -m bsp_tf.detect --workdir=gtad --features=features --annotations=annotations.json \\
        --subset=validation --output=detections.json

The output has ActivityNet's form, {"version", "results": {id: [{"label", "score", "segment": [start, end]}]},
"external_data"}, times in seconds, and is scored by `python -m bsp_tf.evaluate`. Of the annotations only the
videos of the subset, their durations and the class names are used. Labels come from the two best classes of
the whole video: from --class_scores=scores.json ({"results": {id: [K]}, "class": [K]}), else from the action
stream's own mean softmax if its classes cover those of the annotations; with neither, all are labelled
"proposal".

    --fusion=sqrt           score = square root of proposal score * class score (default: the product)
    --max_proposals=100     segments a video kept by soft-NMS
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from tqdm import tqdm

from bsp_tf.base.atomic_file import write_json
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.finished_output import digest_files, finished_output
from bsp_tf.data.annotations import VideoAnnotation, load_annotations
from bsp_tf.data.feature_store import FeatureStore, resize_features
from bsp_tf.localization.class_scores import (
    ClassScores,
    class_scores_from_file,
    class_scores_from_stream,
    match_id,
)
from bsp_tf.localization.nms import MAX_PROPOSALS, soft_nms
from bsp_tf.localization.proposals import decode_proposals
from bsp_tf.localization.score_fusion import FUSIONS, PROPOSAL_LABEL, make_detections
from bsp_tf.localization.targets import feature_span

FLAGS = flags.FLAGS

# Videos in one pass of the network: enough to keep two cores busy, small enough for any memory.
BATCH_SIZE = 8


def detect(
    workdir: str,
    features: str,
    annotations: str,
    subset: str,
    output: str,
    class_scores: str | None = None,
    fusion: str = "product",
    max_proposals: int = MAX_PROPOSALS,
) -> dict[str, Any]:
    """Writes `output` and returns its content; a finished output of the same settings and inputs is reused.

    Arguments are the flags. Videos without usable features are counted, named and left out.

    Raises:
        InputError: a missing or malformed input, no video left, or `output` was made with other settings.
    """
    settings = {
        "workdir": workdir,
        "features": features,
        "annotations": annotations,
        "subset": subset,
        "class_scores": class_scores,
        "fusion": fusion,
        "max_proposals": max_proposals,
    }
    inputs = _digest_inputs(workdir, features, annotations, class_scores)
    finished = finished_output(output, settings, inputs)
    if finished is not None:
        print(f"{output}: already done ({_summary(finished)})")
        return finished

    everything = load_annotations(annotations)
    videos = {name: video for name, video in everything.items() if video.subset == subset}
    if not videos:
        known = sorted({video.subset for video in everything.values()})
        raise InputError(f"{annotations} has no video in subset {subset!r}; its subsets are {known}.")
    store = FeatureStore(features)
    labels = sorted({label for video in everything.values() for label in video.labels})
    scores = _find_class_scores(store, class_scores, labels)
    results, skipped = _detect_videos(workdir, store, videos, scores, fusion, max_proposals)
    if skipped:
        reasons = "; ".join(f"{name} ({reason})" for name, reason in skipped.items())
        print(f"{len(skipped)} of {len(videos)} videos left out: {reasons}")
    if not results:
        raise InputError(
            f"none of the {len(videos)} videos of subset {subset!r} has usable features in {features}: "
            f"{next(iter(skipped.values()))}. Check that ids, streams and channels fit."
        )
    about = {"settings": settings, "inputs": inputs, "left_out": skipped}
    detections = {"version": "bsp_tf", "results": results, "external_data": about}
    write_json(output, detections)
    print(f"{output}: {_summary(detections)}")
    return detections


def _detect_videos(
    workdir: str,
    store: FeatureStore,
    videos: Mapping[str, VideoAnnotation],
    scores: ClassScores | None,
    fusion: str,
    max_proposals: int,
) -> tuple[dict[str, list[dict]], dict[str, str]]:
    """Detections by video, and the reasons of the videos that were left out."""
    # TensorFlow takes seconds to start: all that can be wrong with the other inputs has been said by now.
    from bsp_tf.localization.workdir import load_gtad

    model, config = load_gtad(workdir)
    results, skipped = {}, {}
    loaded = _load_features(store, videos, tuple(config.streams), model.sizes, skipped)
    with tqdm(total=len(videos), desc="detect", unit="video") as progress:
        for batch in _batches(loaded, BATCH_SIZE):
            maps = model(np.stack([array for _, _, array in batch]), training=False)
            maps = {name: np.asarray(value) for name, value in maps.items()}
            for row, (name, stored, _) in enumerate(batch):
                segments, values = decode_proposals(maps["start"][row], maps["end"][row], maps["map"][row])
                best, values = soft_nms(segments, values, max_proposals=max_proposals)
                of_video = (scores.of_video(stored), scores.names) if scores else (None, ())
                seconds = _duration(videos[name], store, stored)
                # The inverse of what the training targets do: columns are fractions of what the snippets cover,
                # which is not quite the whole video.
                fractions = feature_span(store.metadata, stored).seconds(segments[best]) / seconds
                results[name] = make_detections(fractions, values, seconds, *of_video, fusion=fusion)
            progress.update(len(batch))
        progress.update(len(skipped))
    return results, skipped


def _find_class_scores(store: FeatureStore, path: str | None, labels: list[str]) -> ClassScores | None:
    if path:
        return class_scores_from_file(path, labels)
    scores = class_scores_from_stream(store, labels)
    if scores is None:
        print(
            "no class scores: the action stream's classes do not cover those of the annotations and "
            f"--class_scores is not given, so all detections are labelled {PROPOSAL_LABEL!r}"
        )
    return scores


def _load_features(
    store: FeatureStore,
    names: Iterable[str],
    streams: tuple[str, ...],
    sizes: dict[str, Any],
    skipped: dict[str, str],
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yields (video id, id in the store, float32 [T, C]); names the other videos in `skipped`."""
    stored_ids = set(store.video_ids)
    for name in names:
        stored = match_id(name, stored_ids)
        if stored is None:
            skipped[name] = "no features"
            continue
        try:
            array = resize_features(store.load(stored, streams), sizes["num_segments"])
            feature_span(store.metadata, stored)  # raises now what would break the loop later
        except InputError as error:
            skipped[name] = str(error)
            continue
        if array.shape[1] != sizes["feature_dim"]:
            skipped[name] = f"{array.shape[1]} channels, the model was trained with {sizes['feature_dim']}"
            continue
        yield name, stored, array


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _duration(video: VideoAnnotation, store: FeatureStore, stored: str) -> float:
    """Length of the video in seconds, as annotated, else as measured when its features were extracted."""
    seconds = video.duration_seconds or store.metadata["videos"].get(stored, {}).get("duration_seconds")
    if not seconds:
        raise InputError(
            f"video {stored!r} has no duration, neither in the annotations nor in the features' "
            'metadata.json: add "duration" to its annotations.'
        )
    return float(seconds)


def _digest_inputs(workdir: str, features: str, annotations: str, class_scores: str | None) -> dict[str, str]:
    """SHA-256 of all that decides the result, so that a retrained model is never mistaken for the old one."""
    checkpoint = sorted((Path(workdir) / "checkpoints" / "best").glob("*"))
    files = {
        "model": [Path(workdir) / "config.json", *checkpoint],
        "features": [Path(features) / "metadata.json"],
        "annotations": [annotations],
        "class_scores": [class_scores] if class_scores else [],
    }
    return {name: digest_files(paths) for name, paths in files.items()}


def _summary(detections: dict[str, Any]) -> str:
    results = detections["results"]
    return f"{sum(map(len, results.values()))} detections in {len(results)} videos"


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string("workdir", None, "Workdir of bsp_tf.train_gtad.", required=True)
    flags.DEFINE_string("features", None, "Feature folder written by bsp_tf.extract.", required=True)
    flags.DEFINE_string("annotations", None, "Annotations JSON.", required=True)
    flags.DEFINE_string("subset", "validation", "Subset of the annotations to work on.")
    flags.DEFINE_string("output", None, "Detections JSON to write.", required=True)
    flags.DEFINE_string("class_scores", None, "JSON with class scores of whole videos.")
    flags.DEFINE_enum("fusion", "product", FUSIONS, "How proposal and class score are joined.")
    flags.DEFINE_integer(
        "max_proposals", MAX_PROPOSALS, "Proposals kept a video.", lower_bound=1
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
        FLAGS.fusion,
        FLAGS.max_proposals,
    )


if __name__ == "__main__":
    run_command(main, define_flags)
