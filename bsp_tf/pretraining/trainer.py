"""The training loop: one for all strategies, exactly resumable. One step, from batch to update:

    Trainer._train_until      takes accumulate_steps micro-batches: frames uint8 [b, T, S, S, 3],
                              label int32 [b], made by clips.pipelines, a function of seed and step
    Learner.step              split_batch: each of them in equal parts over this worker's replicas
      _accumulate_on_replica  all but the last: adds the gradients to the sums of the replica
      _step_on_replica        the last:
        _gradients            normalize -> model -> Objective / global batch -> gradients
        optimizer.apply       sum over replicas, clip, weight decay, momentum, new weights
      _note                   adds the replicas' loss and hits to Progress, the sums of the epoch
      _step_everywhere        Progress.step + 1; LossScale.update, WeightAverage.update
    RunLog.scalars            every log_every_steps; _check_finite ends a run that diverged
    StopRequest               set by SIGTERM: leaves the loop after this step
    Trainer._save             RunCheckpoints.save, every checkpoint_every_steps and at the end
    Trainer._end_epoch        Evaluator, best checkpoint, row in metrics.jsonl, new sums

A run that is killed and started again ends with the weights, bit for bit on one CPU device, of a
run that was not: the checkpoint holds weights, momentum buffers, dropout state, step and sums of
the epoch; learning rate and batch are pure functions of seed and step. Other numbers of cores and
GPUs add up in another order: equal up to that rounding. TensorFlow's op determinism stays off: it
makes the input pipeline serial, which cost 30-40% of the step on two cores. An epoch's checkpoint
is written before its evaluation, which is made again if metrics.jsonl lacks it.
"""

import itertools
import math
import time
from collections.abc import Iterator

import tensorflow as tf
from ml_collections import ConfigDict
from tqdm import tqdm

from bsp_tf.base.json_file import read_json, write_json
from bsp_tf.base.output_lock import refuse_output
from bsp_tf.base.remote_path import AnyPath, given_path
from bsp_tf.base.servers.local_copy import local_copies
from bsp_tf.clips.batches import read_batches
from bsp_tf.clips.pipelines import dataset_for
from bsp_tf.pretraining.batch_picture import picture_of_batch
from bsp_tf.pretraining.epoch_row import epoch_line, epoch_row, validation_curves
from bsp_tf.pretraining.evaluation import Evaluator, summary
from bsp_tf.pretraining.learner import Learner
from bsp_tf.pretraining.preflight import RunPlan, plan_run
from bsp_tf.pretraining.trained_model import restore_model
from bsp_tf.runs import workdir as folder
from bsp_tf.runs.checkpoints import RunCheckpoints
from bsp_tf.runs.cluster import Cluster
from bsp_tf.runs.preemption import PreemptedError, StopRequest
from bsp_tf.runs.progress import all_finite, diverged_error
from bsp_tf.runs.remote_workdir import run_folder
from bsp_tf.runs.run_folder import RunFolder, working_in
from bsp_tf.runs.run_log import RunLog
from bsp_tf.runs.strategy import check_batch_size, strategy_for

AGAINST_DIVERGENCE = (
    "Start a new --workdir with a lower optimizer.learning_rate, a longer optimizer.warmup_steps "
    "or a smaller optimizer.clip_norm."
)


def train(
    config: ConfigDict,
    workdir: AnyPath,
    strategy: tf.distribute.Strategy | None = None,
    stop: StopRequest | None = None,
) -> dict:
    """Trains, evaluates and leaves a finished workdir; continues a run that was stopped.

    With several workers each calls it with the same arguments and a workdir that all of them see.

    Args:
        config: As `configs.base.get_config()`.
        workdir: Folder of the run, see `runs.workdir`; or an address, see `runs.remote_workdir`.
        strategy: Default: one device.
        stop: Looked at after every step.

    Returns:
        The contents of evaluation.json.

    Raises:
        InputError: bad config or data, a workdir of another run, a full disk, a server's refusal.
        TrainingDivergedError: the loss became NaN or infinite.
        PreemptedError: `stop` was set; the run is saved.
        WorkerLostError: another worker is gone.
    """
    where = given_path(workdir)
    refuse_output(where, "--workdir")
    strategy = strategy or strategy_for("one_device")
    cluster = Cluster(strategy)
    with local_copies(config.init_from, config.distill.workdir) as copies:
        here = config.copy_and_resolve_references()
        here.init_from, here.distill.workdir = copies.names
        plan = plan_run(here)
        check_batch_size(config, strategy)
        with run_folder(where, cluster) as run:
            belongs_to = config, plan.labels, plan.actions, plan.num_clips
            folder.check_workdir(run.local, *belongs_to)
            if (finished := run.local / folder.EVALUATION).exists():
                print(f"already done: {run.shown(str(finished))}")
                return read_json(finished)
            with working_in(run, cluster):
                trainer = Trainer(here, run, plan, strategy, stop or StopRequest())
                if cluster.is_chief:
                    folder.claim_workdir(run.local, *belongs_to)
                try:
                    return trainer.run()
                finally:
                    trainer.last.join()


class Trainer:
    """One run; `train` is the way to use it."""

    def __init__(
        self,
        config: ConfigDict,
        run: RunFolder,
        plan: RunPlan,
        strategy: tf.distribute.Strategy,
        stop: StopRequest,
    ):
        """Builds model, optimizer and data; raises InputError if the config cannot be built."""
        self.config, self.plan, self.stop = config, plan, stop
        self.folder, self.workdir = run, run.local
        self.cluster = Cluster(strategy)
        self.learner = Learner(
            config, len(plan.labels), plan.steps_per_epoch, plan.total_steps, strategy, plan.actions
        )
        self.rank = self.learner.objective.rank
        self.validation = self._dataset("validation", config.train.batch_size)
        size = config.data.crop_size
        self.evaluate = Evaluator(
            self.learner.model,
            strategy,
            len(plan.labels),
            config.train.batch_size // self.cluster.size,
            (config.data.num_frames, size, size, 3),
            self.learner.objective,
        )
        self.last = RunCheckpoints(
            folder.checkpoint_folder(self.workdir, folder.LAST),
            self.learner.state(),
            self.cluster,
            self.workdir / folder.CONFIG,
            run=run,
        )
        self.best = tf.train.CheckpointManager(
            tf.train.Checkpoint(model=self.learner.weights),
            str(folder.checkpoint_folder(self.workdir, folder.BEST)),
            max_to_keep=1,
            checkpoint_name="epoch",
        )

    def _dataset(self, split: str, batch_size: int, first_batch: int = 0) -> tf.data.Dataset:
        workers = self.cluster.index, self.cluster.size
        return dataset_for(self.config, split, batch_size, self.config.seed, first_batch, *workers)

    def run(self) -> dict:
        """Trains from where the workdir is to the end; returns the contents of evaluation.json."""
        # Says before the first step whether a server takes what is sent.
        self.last.publish(wait=True)
        self.log = RunLog(self.workdir, self.cluster.is_chief)
        step = self._resume()
        micro_batches = self.config.train.accumulate_steps
        training = self._dataset(
            "train", self.config.train.batch_size // micro_batches, step * micro_batches
        )
        batches = read_batches(iter(training), self.config.data.train_dir)
        with tqdm(
            total=self.plan.total_steps,
            initial=step,
            unit="step",
            mininterval=0,
            desc=f"train {self.config.task}",
            disable=not self.cluster.is_chief,
        ) as bar:
            while True:
                if step and step % self.plan.steps_per_epoch == 0:
                    self._end_epoch(step)
                if step >= self.plan.total_steps:
                    break
                end = self.plan.next_stop(step, self.config.train.checkpoint_every_steps)
                step = self._train_until(end, step, batches, bar)
                self._save(step)
        return self._finish()

    def _resume(self) -> int:
        """Restores the last checkpoint and cuts metrics.jsonl back to it; returns the step."""
        path = self.last.restore()
        if path and self.cluster.is_chief:
            print(f"continuing from {self.folder.shown(path)}")
        step = int(self.learner.progress.step)
        self.log.resume(step)
        self.cluster.wait_for_all()
        return step

    def _train_until(self, end: int, step: int, batches: Iterator, bar: tqdm) -> int:
        """Trains to step `end`, or as far as it may; returns the last step."""
        train, progress = self.config.train, self.learner.progress
        began, waited, logged = time.monotonic(), 0.0, (time.monotonic(), 0.0)
        while step < end:
            asked = time.monotonic()
            group = list(itertools.islice(batches, train.accumulate_steps))
            waited += time.monotonic() - asked
            if step == 0:
                picture = picture_of_batch(group[0], self.plan.labels)
                self.log.picture(folder.TRAINING_BATCH, picture)
            loss, accuracy, norm = self.learner.step(group)
            step += 1
            if step % train.log_every_steps == 0 or step == end:
                self._check_finite()
                now = time.monotonic()
                wait = (waited - logged[1]) / (now - logged[0])
                logged = now, waited
                self.log.scalars(
                    step,
                    {
                        "loss": loss,
                        "accuracy": accuracy,
                        "gradient_norm": norm,
                        "input_wait": wait,
                        "learning_rate": self.learner.schedule(tf.constant(step - 1)),
                    },
                )
                bar.set_postfix(
                    loss=f"{float(loss):.3f}", accuracy=f"{float(accuracy):.2f}", refresh=False
                )
                bar.update(step - bar.n)
            if self.cluster.any(self.stop.is_set):
                break
        progress.seconds.assign_add(time.monotonic() - began)
        progress.wait_seconds.assign_add(waited)
        return step

    def _end_epoch(self, step: int) -> None:
        """Evaluates, keeps the best, adds the row, unless that was done before; resets the sums."""
        progress, started = self.learner.progress, time.monotonic()
        rows = self.log.rows()
        # Of the chief's word: the others could read a row that it is just writing.
        if self.cluster.any(self.cluster.is_chief and not (rows and rows[-1]["step"] == step)):
            with self.learner.evaluated_weights():
                steps, batch_size = self.plan.steps_per_epoch, self.config.train.batch_size
                row = epoch_row(progress, self._validate(), steps, batch_size)
                best = max(map(self.rank, rows), default=-math.inf)
                if self.cluster.is_chief and self.rank(row) > best:
                    self.best.save(checkpoint_number=row["epoch"])
            row["learning_rate"] = float(self.learner.schedule(tf.constant(step - 1)))
            row["seconds"] += time.monotonic() - started
            self.log.epoch(row, validation_curves(row), epoch_line(row, self.config.train.epochs))
            self.last.publish()
        progress.start_epoch()

    def _validate(self, static: bool = False) -> dict:
        batches = read_batches(iter(self.validation), self.config.data.validation_dir)

        def until_stopped() -> Iterator[dict[str, tf.Tensor]]:
            for batch in batches:
                # Left at once: the run was saved before the evaluation.
                self._stop_if(self.stop.is_set)
                yield batch

        found = self.evaluate(until_stopped(), static)
        self._check_finite(found["loss"])
        return found

    def _save(self, step: int) -> None:
        self._check_finite()
        self.last.save(step)
        self._stop_if(self.cluster.any(self.stop.is_set))

    def _stop_if(self, asked: bool) -> None:
        if asked:
            step = int(self.learner.progress.step)
            raise PreemptedError(f"stopped on request at step {step}, saved in {self.workdir}.")

    def _check_finite(self, validation_loss: float = 0.0) -> None:
        """Raises TrainingDivergedError if a loss, a gradient or a weight was or is not finite."""
        progress, weights = self.learner.progress, list(self.learner.weights.values())
        step = int(progress.diverged_step)
        if step < 0 and math.isfinite(validation_loss) and all_finite(weights):
            return
        step = step if step >= 0 else int(progress.step)
        raise diverged_error(step, self.last.newest, AGAINST_DIVERGENCE)

    def _finish(self) -> dict:
        """Evaluates the best checkpoint, with the static control, and writes evaluation.json."""
        started = time.monotonic()
        self.last.share()
        restore_model(self.learner.model, self.workdir, folder.BEST)
        result = summary(
            self.config.task, self.plan.labels, self._validate(), self._validate(static=True)
        )
        rows = self.log.rows()
        result["best_epoch"] = max(rows, key=self.rank)["epoch"]
        result["seconds"] = math.fsum(row["seconds"] for row in rows) + time.monotonic() - started
        if self.cluster.is_chief:
            write_json(self.workdir / folder.EVALUATION, result)
        self.cluster.wait_for_all()
        return result
