"""The training loop: one for all strategies, exactly resumable.

A run that is killed and started again ends with the weights, bit for bit on one CPU device, of a run that was not:
weights, momentum buffers, dropout state, step, sums of the running epoch, best accuracy and the position of the
input (the tf.data iterator itself, its shuffle buffer included) are in the checkpoint, and the learning rate is a
pure function of the step. "One CPU device" means the same machine: another number of cores adds up in another order.
TensorFlow's op determinism is not needed for it and stays off: it makes the input pipeline serial, which cost 30-40%
of the step on two cores. On GPUs, whose kernels may reorder sums, a resumed run is equal up to that rounding.
"""

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from matplotlib.image import imsave
from ml_collections import ConfigDict
from tqdm import tqdm

from bsp_tf.base.atomic_file import atomic_write, read_json, write_json
from bsp_tf.data import video_ops
from bsp_tf.data.pipelines import dataset_for
from bsp_tf.data.record_damage import damage_error
from bsp_tf.training import metrics_log
from bsp_tf.training import workdir as folder
from bsp_tf.training.batch_picture import batch_picture
from bsp_tf.training.checkpoints import restore_checkpoint
from bsp_tf.training.evaluation import Evaluator, summary
from bsp_tf.training.optimization import learning_rate_schedule, optimizer_for
from bsp_tf.training.progress import Progress, TrainingDivergedError, all_finite
from bsp_tf.training.run_plan import RunPlan, plan_run
from bsp_tf.training.strategy import check_batch_size, split_batch, strategy_for

SHOWN_CLIPS = 8


def train(config: ConfigDict, workdir: str | os.PathLike, strategy: tf.distribute.Strategy | None = None) -> dict:
    """Trains, evaluates and leaves a finished workdir; continues a run that was stopped.

    Args:
        config: As `configs.base.get_config()`.
        workdir: Folder of the run, see `bsp_tf.training.workdir`.
        strategy: Default: one device.

    Returns:
        The contents of evaluation.json.

    Raises:
        InputError: bad config, missing or unfit data, or a workdir of another run.
        TrainingDivergedError: the loss became NaN or infinite.
    """
    strategy = strategy or strategy_for("one_device")
    plan = plan_run(config)
    check_batch_size(config.train.batch_size, strategy)
    folder.check_workdir(workdir, config, plan.labels)
    finished = Path(workdir) / folder.EVALUATION
    if finished.exists():
        print(f"already done: {finished}")
        return read_json(finished)
    return Trainer(config, workdir, plan, strategy).run()


class Trainer:
    """One run; `train` is the way to use it."""

    def __init__(self, config: ConfigDict, workdir: str | os.PathLike, plan: RunPlan,
                 strategy: tf.distribute.Strategy):
        """Builds model, optimizer and data; raises InputError if the config cannot be built."""
        self.config, self.workdir, self.plan, self.strategy = config, Path(workdir), plan, strategy
        batch_size = config.train.batch_size
        keras.utils.set_random_seed(config.seed)
        with strategy.scope():
            self.model = folder.build_model(config, len(plan.labels))
            self.optimizer = optimizer_for(
                config.optimizer, self.model.trainable_variables, self.model.parameter_roles())
        self.schedule = learning_rate_schedule(config.optimizer, plan.steps_per_epoch, plan.total_steps)
        self.progress = Progress()
        self.iterator = iter(dataset_for(config, "train", batch_size, config.seed))
        self.validation = dataset_for(config, "validation", batch_size, config.seed)
        self.evaluate = Evaluator(self.model, strategy, len(plan.labels), batch_size)
        self.train_step = tf.function(self._train_step, reduce_retracing=True)
        state = folder.model_state(self.model)
        self.last = tf.train.CheckpointManager(
            tf.train.Checkpoint(model=state, momentum=self.optimizer.buffers, progress=self.progress,
                                iterator=self.iterator),
            str(folder.checkpoint_folder(workdir, folder.LAST)), max_to_keep=2, checkpoint_name="step")
        self.best = tf.train.CheckpointManager(
            tf.train.Checkpoint(model=state), str(folder.checkpoint_folder(workdir, folder.BEST)),
            max_to_keep=1, checkpoint_name="epoch")

    def run(self) -> dict:
        """Trains from where the workdir is to the end; returns the contents of evaluation.json."""
        folder.claim_workdir(self.workdir, self.config, self.plan.labels)
        self.writers = {part: tf.summary.create_file_writer(str(self.workdir / folder.TENSORBOARD / part))
                        for part in ("train", "validation")}
        self._resume()
        train = self.config.train
        step, mark = int(self.progress.step), time.monotonic()
        batches = read_batches(self.iterator, self.config.data.train_dir)
        with tqdm(total=self.plan.total_steps, initial=step, unit="step", mininterval=0,
                  desc=f"train {self.config.task}") as bar:
            while step < self.plan.total_steps:
                batch = next(batches)
                if step == 0:
                    self._draw_batch(batch)
                shares = split_batch(self.strategy, {key: batch[key] for key in ("frames", "label")})
                loss, accuracy, norm = self.train_step(shares)
                step += 1
                epoch_ends = step % self.plan.steps_per_epoch == 0
                if step % train.log_every_steps == 0 or epoch_ends:
                    self._log(step, loss, accuracy, norm)
                    bar.set_postfix(loss=f"{float(loss):.3f}", accuracy=f"{float(accuracy):.2f}", refresh=False)
                    bar.update(step - bar.n)
                if epoch_ends or step % train.checkpoint_every_steps == 0:
                    self.progress.seconds.assign_add(time.monotonic() - mark)
                    if epoch_ends:
                        self._end_epoch(step)
                    self._save(step)
                    mark = time.monotonic()
        return self._finish()

    def _resume(self) -> None:
        """Restores the last checkpoint and cuts metrics.jsonl back to it."""
        if self.last.latest_checkpoint:
            restore_checkpoint(self.last.checkpoint, self.last.latest_checkpoint, self.workdir / folder.CONFIG,
                               whole=True)
            print(f"continuing from {self.last.latest_checkpoint}")
        metrics_log.drop_rows_after(self.workdir / folder.METRICS, int(self.progress.step))

    def _train_step(self, shares: dict) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """One step on a split global batch: (mean loss, accuracy, gradient norm), float32 []."""
        progress, batch_size = self.progress, self.config.train.batch_size
        learning_rate = self.schedule(progress.step)
        loss, correct, norm = self.strategy.run(self._train_share, args=(shares, learning_rate))
        loss = self.strategy.reduce(tf.distribute.ReduceOp.SUM, loss, axis=None)
        correct = self.strategy.reduce(tf.distribute.ReduceOp.SUM, correct, axis=None)
        norm = self.strategy.reduce(tf.distribute.ReduceOp.MEAN, norm, axis=None)
        step = progress.step.assign_add(1)
        progress.loss_sum.assign_add(tf.cast(loss, tf.float64))
        progress.num_correct.assign_add(correct)
        diverged = ~(tf.math.is_finite(loss) & tf.math.is_finite(norm)) & (progress.diverged_step < 0)
        progress.diverged_step.assign(tf.where(diverged, step, progress.diverged_step))
        return loss, tf.cast(correct, tf.float32) / batch_size, norm

    def _train_share(self, batch: dict[str, tf.Tensor], learning_rate: tf.Tensor):
        """One replica's part of a step."""
        variables = [variable.value for variable in self.model.trainable_variables]
        frames = video_ops.normalize(batch["frames"])
        with tf.GradientTape() as tape:
            logits = self.model(frames, training=True)["logits"]
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["label"], logits)
            # The mean over the *global* batch: the replicas' sums add up to it.
            loss = tf.reduce_sum(losses) / self.config.train.batch_size
        norm = self.optimizer.apply(tape.gradient(loss, variables), learning_rate)
        hits = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), tf.cast(batch["label"], tf.int32))
        return loss, tf.reduce_sum(tf.cast(hits, tf.int64)), norm

    def _log(self, step: int, loss: tf.Tensor, accuracy: tf.Tensor, norm: tf.Tensor) -> None:
        self._check_finite()
        with self.writers["train"].as_default(step=step):
            tf.summary.scalar("loss", loss)
            tf.summary.scalar("accuracy", accuracy)
            tf.summary.scalar("gradient_norm", norm)
            tf.summary.scalar("learning_rate", self.schedule(tf.constant(step - 1)))

    def _end_epoch(self, step: int) -> None:
        """Evaluates, keeps the best, adds the epoch's row; `_save` must follow."""
        self._check_finite()
        progress, started = self.progress, time.monotonic()
        result = self._validate()
        progress.seconds.assign_add(time.monotonic() - started)
        epoch = step // self.plan.steps_per_epoch
        if result["accuracy"] > float(progress.best_accuracy):
            progress.best_accuracy.assign(result["accuracy"])
            progress.best_epoch.assign(epoch)
            self.best.save(checkpoint_number=epoch)
        row = {
            "epoch": epoch, "step": step,
            "train_loss": float(progress.loss_sum) / self.plan.steps_per_epoch,
            "train_accuracy": int(progress.num_correct) / (self.plan.steps_per_epoch * self.config.train.batch_size),
            "validation_loss": result["loss"], "validation_accuracy": result["accuracy"],
            "learning_rate": float(self.schedule(tf.constant(step - 1))), "seconds": float(progress.seconds)}
        # The row goes before the checkpoint: a kill between the two makes the row again, never loses it.
        metrics_log.append_row(self.workdir / folder.METRICS, row)
        tqdm.write(f"epoch {epoch}/{self.config.train.epochs}: train loss {row['train_loss']:.3f}, accuracy "
                   f"{row['train_accuracy']:.3f}; validation loss {row['validation_loss']:.3f}, accuracy "
                   f"{row['validation_accuracy']:.3f} ({row['seconds']:.0f} s)")
        with self.writers["validation"].as_default(step=step):
            tf.summary.scalar("loss", result["loss"])
            tf.summary.scalar("accuracy", result["accuracy"])
        for writer in self.writers.values():
            writer.flush()
        progress.start_epoch()

    def _validate(self, static: bool = False) -> dict:
        return self.evaluate(read_batches(iter(self.validation), self.config.data.validation_dir), static)

    def _save(self, step: int) -> None:
        self._check_finite()
        self.last.save(checkpoint_number=step)

    def _check_finite(self) -> None:
        """Raises TrainingDivergedError if a loss, a gradient or a weight was or is not finite."""
        step = int(self.progress.diverged_step)
        if step < 0 and all_finite([variable.value for variable in self.model.variables]):
            return
        saved = self.last.latest_checkpoint
        raise TrainingDivergedError(
            f"the loss is no longer finite at step {step if step >= 0 else int(self.progress.step)}; "
            + (f"the last good checkpoint is {saved}. " if saved else "there is no checkpoint before it. ")
            + "Start a new --workdir with a lower optimizer.learning_rate, a longer optimizer.warmup_steps or a "
            "smaller optimizer.clip_norm.")

    def _draw_batch(self, batch: dict[str, tf.Tensor]) -> None:
        titles = [self.plan.labels[label] for label in batch["label"].numpy()]
        if "boundary" in batch:
            titles = [title if position < 0 else f"{title} at {position:g}"
                      for title, position in zip(titles, batch["boundary"].numpy(), strict=True)]
        picture = batch_picture(batch["frames"].numpy(), titles, SHOWN_CLIPS)
        with atomic_write(self.workdir / folder.TRAINING_BATCH) as file:
            imsave(file, picture, format="png")
        with self.writers["train"].as_default(step=0):
            tf.summary.image("training_batch", picture[np.newaxis])

    def _finish(self) -> dict:
        """Evaluates the best checkpoint, with the static control, and writes evaluation.json."""
        started = time.monotonic()
        folder.restore_model(self.model, self.workdir, folder.BEST)
        result = summary(self.config.task, self.plan.labels, self._validate(), self._validate(static=True))
        rows = metrics_log.read_rows(self.workdir / folder.METRICS)
        result["best_epoch"] = int(self.progress.best_epoch)
        result["seconds"] = math.fsum(row["seconds"] for row in rows) + time.monotonic() - started
        write_json(self.workdir / folder.EVALUATION, result)
        return result


def read_batches(iterator: Iterator[dict[str, tf.Tensor]], record_folder: str) -> Iterator[dict[str, tf.Tensor]]:
    """The elements of `iterator`; a record that cannot be read becomes an InputError that names the shard."""
    while True:
        try:
            batch = next(iterator)
        except StopIteration:
            return
        except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
            raise damage_error(record_folder, error) from error
        yield batch
