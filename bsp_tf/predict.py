"""Detects actions in raw videos, without annotations.

    python -m bsp_tf.predict VIDEO... --model=runs/two_stream --gtad=runs/gtad

VIDEO is a video file or a folder of them. The numbers are those of bsp_tf.extract and
bsp_tf.detect. Prints the best detections of each video, and writes all to --output in ActivityNet's
form, {"results": {id: [{"label", "score", "segment": [start, end]}]}, "external_data"}, which
bsp_tf.evaluate reads. Beside it lies a page with a player and a timeline.

    --model, --gtad     SavedModel (bsp_tf.export); workdir of bsp_tf.train_head on its features
    --class_scores      classes of whole videos, as for bsp_tf.detect; default: the action stream's
    --show=10           detections printed for each video
    --nopage            no page beside the output; needed if that is s3://, gs:// or the like
    --annotations       what is true, for the page
    --frame_step, --stride   needed only where the workdir does not say what it was trained on
    --trust_model       load a SavedModel whose graph may read or write files (SECURITY.md)

A head that was trained on windows sees a long video in overlapping windows, whose detections are
merged; others see the whole video. Memory holds the features of one video, no frames. The output is
kept while the command runs, and says up to which second of a video it goes. After Ctrl-C, or a
kill, the same command goes on there. Videos that the output holds already are not done again; more
videos are added to it. A damaged or unreadable video is named, and the others go on; with
--allow_partial its good part counts. The options --top_classes to --max_proposals are those of
bsp_tf.detect. Exit status: 0 all done; 3 done, but some videos failed; 2 bad input.
"""

import contextlib
import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from ml_collections import ConfigDict

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError, without_secrets
from bsp_tf.base.json_file import read_json_object
from bsp_tf.base.remote_path import AnyPath, UserPath, given_path
from bsp_tf.base.servers.local_copy import local_copies
from bsp_tf.base.settings import digest_files
from bsp_tf.features.extraction import extract_video, video_events
from bsp_tf.features.video_ids import name_all_videos
from bsp_tf.localization.detection import Options, trained_files
from bsp_tf.localization.detection_flags import define_detection_flags, detection_options
from bsp_tf.localization.heads.head import FIRST_HEAD, find_head
from bsp_tf.player.page import page_beside, write_page
from bsp_tf.player.page_data import page_data
from bsp_tf.player.truth import read_truth
from bsp_tf.prediction.answer_file import CURVES, RESULTS, AnswerFile
from bsp_tf.prediction.boundary_list import Timing, describe_curve
from bsp_tf.prediction.detector import Detector
from bsp_tf.prediction.head_inputs import snippet_settings, trained_on
from bsp_tf.prediction.tables import report_failures, show_detections
from bsp_tf.prediction.video_run import answer_videos, find_videos
from bsp_tf.runs.workdir import CONFIG
from bsp_tf.synthesis.boundary_types import NO_BOUNDARY_TYPE

FLAGS = flags.FLAGS

BATCH_SIZE = 16


class Predictor:
    """A snippet model and a head, loaded once for many videos: `predictor(path)`.

    Attributes:
        settings: what decides the detections, as given or as the training had it; JSON values.
        inputs: digests of both models and of the class scores.
    """

    def __init__(
        self,
        model: str | os.PathLike,
        gtad: str | os.PathLike,
        class_scores: str | None = None,
        *,
        frame_step: int | None = None,
        stride: int | None = None,
        options: Options | None = None,
        batch_size: int = BATCH_SIZE,
        allow_partial: bool = False,
        trust_model: bool = False,
    ) -> None:
        """Loads both.

        Args:
            model: SavedModel of bsp_tf.export, here or in a bucket.
            gtad: workdir of bsp_tf.train_head, trained on features of that model; there, too.
            class_scores: file of class scores of whole videos; None: those of the action stream.
            frame_step: source frames between the frames of a snippet; None: as in the training.
            stride: source frames between the starts of snippets; None: as in the training.
            options: what can be chosen about the detections.
            batch_size: snippets in one step of the model.
            allow_partial: take the good part of a damaged video for the video.
            trust_model: load it even if its graph may read or write files.

        Raises:
            InputError: no such model or workdir, or they do not fit together.
        """
        options = options or Options()
        with local_copies(model, gtad) as copies:
            model_here, head_here = copies.names
            config = read_json_object(
                Path(head_here) / CONFIG, "streams", "num_segments", "feature_dim"
            )
            # Says now what is wrong with the numbers.
            rule = options.suppression(
                find_head(config.get("head", FIRST_HEAD)).suppression(ConfigDict(config))
            )
            trained_before = trained_on(head_here, config)
            # Imported here: TensorFlow takes seconds to load, a wrong flag should be told at once.
            from bsp_tf.localization.workdir import load_trained
            from bsp_tf.models.snippet_model import load_snippet_model

            self._model = load_snippet_model(model_here, trust_model)
            asked = {"frame_step": frame_step, "stride": stride}
            self._snippets = snippet_settings(
                head_here,
                config,
                trained_before,
                self._model.extraction_settings(1, 1, None),
                asked,
            )
            if trained_before is None:
                print(
                    f"{gtad} does not say what its features were: frame_step "
                    f"{self._snippets['frame_step']} and stride {self._snippets['stride']} are "
                    "taken"
                )
            trained = load_trained(head_here)
            self.inputs = {
                "model": self._model.sha256,
                "gtad": digest_files(trained_files(head_here)),
                "class_scores": digest_files([class_scores] if class_scores else []),
            }
        self._detector = Detector(
            trained.head,
            trained.config,
            trained.outputs,
            trained.class_names,
            self._snippets,
            class_scores,
            options,
        )
        self._batch_size, self._allow_partial = batch_size, allow_partial
        self._types = self._model.labels.get("boundary", ())
        self._window = {key: self._snippets[key] for key in ("window", "frame_step", "stride")}
        self.settings = {
            "model": os.fspath(model),
            "gtad": os.fspath(gtad),
            "class_scores": class_scores and without_secrets(class_scores),
            **{name: self._snippets[name] for name in ("frame_step", "stride", "short_side")},
            **dataclasses.asdict(options),
            "nms": rule.method,
            "nms_threshold": rule.threshold,
            "allow_partial": allow_partial,
        }

    def __call__(self, path: str | os.PathLike) -> list[dict[str, Any]]:
        """The detections of one video file: [{"label", "score", "segment": [start, end]}].

        The order is that of `fusion.make_detections`; the times are seconds.

        Raises:
            VideoError, InputError: not one video file, or there is no answer about it.
        """
        named = name_all_videos([path])
        if not given_path(path).is_file():
            raise InputError(f"{path} is a folder: give one video file.")
        ((name, _),) = named.items()
        events = video_events(named, self._snippets, self._batch_size)
        with contextlib.closing(events):
            outputs, about = extract_video(
                name, events, self._model.run, self._snippets, allow_partial=self._allow_partial
            )
        return self._detector(name, outputs, about)

    def write(self, videos: Mapping[str, UserPath], output: AnyPath) -> AnswerFile:
        """Writes the detections of all videos that `output` does not hold yet.

        Args:
            videos: id -> file, see `find_videos`.
            output: JSON file, here or in a bucket.

        Returns:
            What is in `output` now.

        Raises:
            InputError: see `answer_videos`.
        """

        def answer(
            name: str, outputs: Mapping[str, np.ndarray], about: Mapping[str, Any]
        ) -> dict[str, Any]:
            found: dict[str, Any] = {RESULTS: self._detector(name, outputs, about)}
            if NO_BOUNDARY_TYPE in self._types:
                timing = Timing(fps=about["fps"], **self._window)
                found[CURVES] = describe_curve(outputs["boundary"], self._types, timing)
            return found

        return answer_videos(
            videos,
            self._model.run,
            self._snippets,
            answer,
            given_path(output),
            self.settings,
            self.inputs,
            self._batch_size,
            self._allow_partial,
        )


def predict(
    path: str | os.PathLike,
    model: str | os.PathLike,
    gtad: str | os.PathLike,
    class_scores: str | None = None,
    **options: Any,
) -> list[dict[str, Any]]:
    """The detections of one video file; for several make one `Predictor`, which loads once.

    Args:
        path: the video.
        model, gtad, class_scores, options: see `Predictor`.

    Returns:
        [{"label": str, "score": float, "segment": [start seconds, end seconds]}].

    Raises:
        InputError: see `Predictor`.
    """
    return Predictor(model, gtad, class_scores, **options)(path)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string("model", None, "Two-stream SavedModel (bsp_tf.export).", required=True)
    flags.DEFINE_string("gtad", None, "Workdir of bsp_tf.train_head.", required=True)
    flags.DEFINE_string("output", "predictions.json", "JSON file to write, or to add to.")
    flags.DEFINE_integer("show", 10, "Detections printed for each video.", lower_bound=0)
    flags.DEFINE_boolean("page", True, "Write a page with a player beside the output.")
    flags.DEFINE_string("annotations", None, "Annotations that the page shows, too.")
    flags.DEFINE_integer(
        "frame_step", None, "Source frames between the frames of a snippet.", lower_bound=1
    )
    flags.DEFINE_integer(
        "stride", None, "Source frames between the starts of snippets.", lower_bound=1
    )
    flags.DEFINE_integer("batch_size", BATCH_SIZE, "Snippets per step of the model.", lower_bound=1)
    flags.DEFINE_boolean("allow_partial", False, "Keep the good part of damaged videos.")
    flags.DEFINE_boolean(
        "trust_model", False, "Load a SavedModel whose graph may read or write files."
    )
    define_detection_flags()


def main(argv: Sequence[str]) -> int:
    """Runs the command with the parsed flags and returns the exit status."""
    # What is not there is told before the models are loaded.
    videos = find_videos(argv[1:], {"output": FLAGS.output})
    page = page_beside(FLAGS.output) if FLAGS.page else None
    truth = read_truth(FLAGS.annotations, videos)
    predictor = Predictor(
        FLAGS.model,
        FLAGS.gtad,
        FLAGS.class_scores,
        frame_step=FLAGS.frame_step,
        stride=FLAGS.stride,
        options=detection_options(),
        batch_size=FLAGS.batch_size,
        allow_partial=FLAGS.allow_partial,
        trust_model=FLAGS.trust_model,
    )
    answers = predictor.write(videos, FLAGS.output)
    print(show_detections(answers.of_asked(), FLAGS.show))
    print(answers.describe())
    if page:
        write_page(page, page_data("detections", answers.sections, answers.videos, truth))
        print(f"{page}: open it in a browser")
    return report_failures(answers)


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags, most_arguments=None)


if __name__ == "__main__":
    run()
