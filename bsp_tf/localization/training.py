"""Trains a localization head with its own optimizer and schedule; best by validation loss.

After each epoch all state is saved, and after any step when the run is asked to stop. The order of
the examples and the random choices of the loss depend on nothing but the seed and the epoch or
step: a run that was stopped or killed and started again ends with the same weights.
"""

import hashlib
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict
from tqdm import tqdm

from bsp_tf.annotations.mended import load_annotations
from bsp_tf.base.json_file import read_json, write_json
from bsp_tf.base.output_lock import refuse_output, refuse_pattern
from bsp_tf.base.remote_path import AnyPath, given_path
from bsp_tf.base.servers.local_copy import local_copies
from bsp_tf.base.stack import optimizer_state
from bsp_tf.features.sources import open_features
from bsp_tf.localization.heads.head import Head, find_head
from bsp_tf.localization.learner import Learner
from bsp_tf.localization.settings import resolve_config
from bsp_tf.localization.training_data import LocalizationData, load_localization_data
from bsp_tf.localization.workdir import claim_workdir
from bsp_tf.localization.workdir_features import note_features
from bsp_tf.runs.checkpoints import RunCheckpoints
from bsp_tf.runs.cluster import Cluster
from bsp_tf.runs.preemption import PreemptedError, StopRequest
from bsp_tf.runs.progress import diverged_error
from bsp_tf.runs.remote_workdir import run_folder
from bsp_tf.runs.run_folder import RunFolder, working_in
from bsp_tf.runs.run_log import RunLog
from bsp_tf.runs.strategy import strategy_for
from bsp_tf.runs.workdir import BEST, CONFIG, LAST, SUMMARY, checkpoint_folder

AGAINST_DIVERGENCE = "Look at the scale of the features, or lower config.learning_rate."


def train(
    config: ConfigDict,
    workdir: AnyPath,
    strategy: tf.distribute.Strategy | None = None,
    stop: StopRequest | None = None,
) -> dict[str, Any]:
    """Trains (or continues, or finds finished) the run described by `config` in `workdir`.

    Args:
        config: As configs/gtad_anet.py.
        workdir: See bsp_tf.localization.workdir; a folder, or an address of a bucket.
        strategy: Of this process; default: one device.
        stop: Looked at after every step.

    Returns:
        The content of summary.json: best_epoch, best_validation_loss, num_train_videos,
        num_validation_videos, left_out.

    Raises:
        InputError: unusable paths, data or config; the workdir of another run; a full disk;
            a server that refuses or fails.
        TrainingDivergedError: the loss is no longer a number; the message names the last good
            checkpoint.
        PreemptedError: `stop` was set; the run is saved.
    """
    where = given_path(workdir)
    refuse_output(where, "--workdir")
    if isinstance(where, Path):
        refuse_pattern(where)
    config = resolve_config(config)
    strategy = strategy or strategy_for("one_device")
    cluster = Cluster(strategy)
    with local_copies(config.features_dir) as copies:
        head, sources = find_head(config.head), open_features(config, copies.names[0])
        subsets = {"train": config.train_subset, "validation": config.validation_subset}
        videos = {
            part: load_annotations(config.annotations, name) for part, name in subsets.items()
        }
        class_names = sorted(
            {label for part in videos.values() for video in part.values() for label in video.labels}
        )
        data = {}
        for part, annotations in videos.items():
            data[part] = load_localization_data(sources, annotations, class_names, head, config)
            for line in (*annotations.warnings(), *data[part].left_out_lines()):
                print(f"{config.annotations}, {subsets[part]}: {copies.as_given(line)}")
    # Before the workdir is claimed: sizes that do not fit should leave no trace.
    example = data["train"].batch(np.arange(1))
    learner = Learner(head, config, example, len(class_names), strategy)
    digest = hashlib.sha256("".join(part.digest() for part in data.values()).encode()).hexdigest()
    with run_folder(where, cluster) as folder, working_in(folder, cluster):
        refuse_pattern(folder.local)
        claim_workdir(folder.local, config, data["train"].feature_dim, digest, class_names)
        note_features(folder.local, sources)
        if (finished := folder.local / SUMMARY).exists():
            print(f"{folder.shown(str(folder.local))}: already done")
            return read_json(finished)
        run = Run(head, config, learner, folder, cluster, stop or StopRequest())
        # Says before the first step whether a server takes what is sent.
        run.last.publish(wait=True)
        run.fit(data["train"], data["validation"])
        summary = {
            "best_epoch": int(run.best_epoch.numpy()),
            "best_validation_loss": float(run.best_loss.numpy()),
            "num_train_videos": len(data["train"].video_ids),
            "num_validation_videos": len(data["validation"].video_ids),
            "left_out": {
                video_id: copies.as_given(reason)
                for part in data.values()
                for video_id, (_, reason) in part.left_out.items()
            },
        }
        write_json(finished, summary)
    return summary


class Run:
    """State of one training run, and the loop; `train` is the way to use it."""

    def __init__(
        self,
        head: Head,
        config: ConfigDict,
        learner: Learner,
        folder: RunFolder,
        cluster: Cluster,
        stop: StopRequest,
    ) -> None:
        """Continues from the last checkpoint of the workdir, if there is one."""
        self.head, self.config, self.learner = head, config, learner
        self.workdir, self.stop = folder.local, stop
        self.epoch, self.step = tf.Variable(0, dtype=tf.int64), tf.Variable(0, dtype=tf.int64)
        self.best_loss, self.best_epoch = tf.Variable(math.inf), tf.Variable(0, dtype=tf.int64)
        # Of an epoch that was stopped: JSON of its seconds and sums of losses, else "".
        self.unfinished = tf.Variable("")
        state = {
            "model": learner.model,
            "optimizer": optimizer_state(learner.optimizer, learner.model.trainable_variables),
            "epoch": self.epoch,
            "step": self.step,
            "best_loss": self.best_loss,
            "best_epoch": self.best_epoch,
            "unfinished": self.unfinished,
        }
        if learner.average:
            state["average"] = learner.average.averages
        self.last = RunCheckpoints(
            checkpoint_folder(self.workdir, LAST),
            state,
            cluster,
            self.workdir / CONFIG,
            name="ckpt",
            newer=("unfinished",),
            run=folder,
        )
        self.best = tf.train.CheckpointManager(
            tf.train.Checkpoint(model=learner.model),
            str(checkpoint_folder(self.workdir, BEST)),
            max_to_keep=1,
        )
        self.log = RunLog(self.workdir, writes=True)
        path = self.last.restore()
        self.saved = int(path.rpartition("-")[2]) if path else -1
        if path:
            print(f"continuing from {folder.shown(path)}")

    def fit(self, train: LocalizationData, validation: LocalizationData) -> None:
        """Runs the epochs that are left."""
        steps = math.ceil(len(train.examples) / self.config.batch_size)
        done = int(self.epoch.numpy())
        # An epoch that was cut short after its row was written is done again.
        self.log.resume(done * steps)
        with tqdm(
            total=self.config.epochs * steps,
            initial=int(self.step.numpy()),
            desc=self.head.title,
            unit="step",
        ) as progress:
            for epoch in range(done + 1, self.config.epochs + 1):
                row = {"epoch": epoch, "step": epoch * steps}
                row |= self._run_epoch(train, validation, row, progress)
                self._finish_epoch(epoch, row)
                progress.set_postfix(train=row["train_loss"], validation=row["validation_loss"])

    def _run_epoch(
        self,
        train: LocalizationData,
        validation: LocalizationData,
        about: Mapping[str, int],
        progress: tqdm,
    ) -> dict[str, float]:
        """Trains the rest of an epoch and validates; the numbers of its row."""
        began, before = time.monotonic(), json.loads(self.unfinished.numpy() or "{}")
        earlier, sums = before.get("seconds", 0.0), before.get("sums", {})
        self.unfinished.assign("")
        order = np.random.default_rng([self.config.seed, about["epoch"]]).permutation(
            len(train.examples)
        )

        def pause_if_asked() -> None:
            if self.stop.is_set:
                seconds = earlier + time.monotonic() - began
                self._pause({"seconds": seconds, "sums": sums})

        optimizer, steps = self.learner.optimizer, about["step"] // about["epoch"]
        left, size = about["step"] - int(self.step.numpy()), self.config.batch_size
        for begin in range(0, len(order), size)[-left:] if left else ():
            rows, done = order[begin : begin + size], int(self.step.numpy())
            optimizer.learning_rate = self.head.learning_rate(done, steps, self.config)
            batch = train.batch(rows, done + 1)
            losses = self.learner.train_step(batch, self.step.assign_add(1))
            _add(sums, losses, self._share(rows) / len(order))
            self._check(sums["loss"])
            rate = float(optimizer.learning_rate.numpy())
            curves = {"loss": losses["total"], "learning_rate": rate}
            self.log.scalars(int(self.step.numpy()), curves)
            progress.update()
            pause_if_asked()
        with self.learner.evaluated_weights():
            found = self._validate(validation)
        pause_if_asked()
        self._check(found["loss"])
        return (
            {f"train_{name}": value for name, value in sums.items()}
            | {f"validation_{name}": value for name, value in found.items()}
            | {
                "learning_rate": float(optimizer.learning_rate.numpy()),
                "seconds": earlier + time.monotonic() - began,
            }
        )

    def _validate(self, validation: LocalizationData) -> dict[str, float]:
        """The losses; of a part of the videos if the run is asked to stop."""
        found: dict[str, float] = {}
        size = self.config.batch_size
        for i, begin in enumerate(range(0, len(validation.examples), size)):
            rows = np.arange(len(validation.examples))[begin : begin + size]
            # The same random choices each epoch, so that epochs can be compared; training uses 1,
            # 2, ... .
            draw = -1 - i
            losses = self.learner.loss(validation.batch(rows, draw), tf.constant(draw, tf.int64))
            _add(found, losses, self._share(rows) / len(validation.examples))
            if self.stop.is_set:
                break
        return found

    def _share(self, rows: np.ndarray) -> int:
        """Of how many examples the losses of a batch are the mean: the last one may be short."""
        return self.config.batch_size if self.head.sums_over_batch else len(rows)

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise diverged_error(int(self.step.numpy()), self.last.newest, AGAINST_DIVERGENCE)

    def _pause(self, unfinished: dict[str, Any]) -> None:
        self.unfinished.assign(json.dumps(unfinished))
        self._save()
        raise PreemptedError(
            f"stopped on request at step {int(self.step.numpy())}, saved in {self.workdir}."
        )

    def _save(self) -> None:
        # A number of its own also where an epoch was stopped after its last step.
        number = int(self.step.numpy()) + int(self.epoch.numpy())
        # Stopped again in the validation of one epoch: nothing has changed since.
        if number != self.saved:
            # Not in the background: Keras's variables would be copied for the first save only.
            self.last.save(number, wait=True)
            self.saved = number

    def _finish_epoch(self, epoch: int, row: dict[str, Any]) -> None:
        self.epoch.assign(epoch)
        if row["validation_loss"] < self.best_loss:
            self.best_loss.assign(row["validation_loss"])
            self.best_epoch.assign(epoch)
            with self.learner.evaluated_weights():
                self.best.save(checkpoint_number=epoch)
        validation = {
            name.removeprefix("validation_"): value
            for name, value in row.items()
            if name.startswith("validation_")
        }
        self.log.epoch(row, validation)
        self._save()


def _add(sums: dict[str, float], losses: Mapping[str, tf.Tensor], weight: float) -> None:
    for name, value in losses.items():
        key = "loss" if name == "total" else f"{name}_loss"
        sums[key] = sums.get(key, 0.0) + weight * float(value)
