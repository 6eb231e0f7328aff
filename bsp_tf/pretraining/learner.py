"""What learns: model, optimizer and everything that a training step changes, and the step itself.

A step takes `accumulate_steps` micro-batches. Their gradients add up to the gradient of the mean
loss over the global batch; BatchNorm takes the statistics of each micro-batch, as in torch, so a
step in micro-batches equals one without but for these statistics.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.base.stack import named_variables
from bsp_tf.frames import preprocessing
from bsp_tf.pretraining.distillation import make_distillation
from bsp_tf.pretraining.initial_weights import load_initial_weights
from bsp_tf.pretraining.objective import Objective
from bsp_tf.pretraining.trained_model import build_model, model_state
from bsp_tf.runs.cluster import Cluster
from bsp_tf.runs.optimization import learning_rate_schedule, optimizer_for
from bsp_tf.runs.precision import LossScale, dtype_policy
from bsp_tf.runs.progress import Progress
from bsp_tf.runs.strategy import split_batch
from bsp_tf.runs.weight_average import WeightAverage

SUM, MEAN = tf.distribute.ReduceOp.SUM, tf.distribute.ReduceOp.MEAN


class Learner:
    """Model, optimizer and training step of one run, under any strategy.

    Attributes:
        model: The TSM.
        objective: What it minimises.
        distillation: What is added to it in training, or None.
        weights: Its variables by path.
        average: WeightAverage, or None if `train.ema_decay` is 0.
        progress: Progress.
        schedule: Finished steps -> learning rate.
        optimizer: The optimizer.
    """

    def __init__(
        self,
        config: ConfigDict,
        num_classes: int,
        steps_per_epoch: int,
        total_steps: int,
        strategy: tf.distribute.Strategy,
        actions: Sequence[str] = (),
    ):
        """Builds everything; raises InputError if the config cannot be built.

        Args:
            config: As `configs.base.get_config()`.
            num_classes: Classes of the task.
            steps_per_epoch, total_steps: Of the run.
            strategy: Where it runs.
            actions: Classes of the second head that names the action.
        """
        self._config, self._strategy, self._cluster = config, strategy, Cluster(strategy)
        train = config.train
        self.schedule = learning_rate_schedule(config.optimizer, steps_per_epoch, total_steps)
        self.objective = Objective.from_config(config)
        keras.utils.set_random_seed(config.seed)
        with strategy.scope():
            policy = dtype_policy(train.precision)
            self.model = build_model(config, num_classes, policy, len(actions))
            load_initial_weights(self.model, config, actions)
            self.weights = model_state(self.model)
            trainable = named_variables(self.model, trainable_only=True)
            roles = self.model.parameter_roles()
            # After the model, whose random numbers are then those of a run without it.
            self.distillation = make_distillation(config, self.model.feature_dim)
            if self.distillation:
                for part, variable in self.distillation.variables.items():
                    trainable[f"projection/{part}"] = variable
                    roles[f"projection/{part}"] = f"fc_{part}"
            self.optimizer = optimizer_for(config.optimizer, trainable, roles)
            self.average = WeightAverage(self.weights, train.ema_decay) if train.ema_decay else None
            self._variables = list(trainable.values())
            # Of each replica its own, and zero between two steps: no part of a checkpoint.
            self._sums = [
                tf.Variable(
                    tf.zeros_like(v),
                    trainable=False,
                    aggregation=tf.VariableAggregation.SUM,
                    synchronization=tf.VariableSynchronization.ON_READ,
                )
                for v in self._variables
                if train.accumulate_steps > 1
            ]
        self.progress = Progress()
        self._loss_scale = LossScale() if train.precision == "float16" else None
        self._accumulate_share, self._step_share = (
            tf.function(function, autograph=False, reduce_retracing=True, jit_compile=True)
            if train.jit
            else function
            for function in (self._accumulate_on_replica, self._step_on_replica)
        )
        self._accumulate, self._step = (
            tf.function(function, autograph=False, reduce_retracing=True)
            for function in (self._accumulate_everywhere, self._step_everywhere)
        )

    def state(self) -> dict[str, Any]:
        """Everything that a checkpoint needs to continue, for tf.train.Checkpoint."""
        state = {
            "model": self.weights,
            "momentum": self.optimizer.buffers,
            "progress": self.progress,
        }
        if self.distillation:
            state["projection"] = self.distillation.variables
        if self._loss_scale:
            state["loss_scale"] = self._loss_scale
        if self.average:
            state["average"] = self.average.averages
        return state

    def evaluated_weights(self) -> contextlib.AbstractContextManager[None]:
        """Context in which the model holds the weights that are evaluated and kept."""
        return self.average.in_place() if self.average else contextlib.nullcontext()

    def step(
        self, batches: Sequence[dict[str, tf.Tensor]]
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """One training step.

        Args:
            batches: `accumulate_steps` micro-batches, this worker's part of each: frames uint8 [b,
                T, S, S, 3], label int32 [b], and what else `objective` needs; b times workers
                times `accumulate_steps` is `train.batch_size`.

        Returns:
            Mean loss, accuracy, norm of the gradient, each float32 [].
        """
        shares = [
            split_batch(
                {key: batch[key] for key in self.objective.batch_keys},
                self._strategy,
                self._cluster.replicas_here,
            )
            for batch in batches
        ]
        results = [self._accumulate(share) for share in shares[:-1]]
        loss, correct, norm = self._step(shares[-1])
        loss = tf.add_n([loss, *(result[0] for result in results)])
        correct = tf.add_n([correct, *(result[1] for result in results)])
        return loss, tf.cast(correct, tf.float32) / self._config.train.batch_size, norm

    def _accumulate_everywhere(self, shares: dict) -> tuple[tf.Tensor, tf.Tensor]:
        """All micro-batches of a step but the last: (part of the loss, number of hits)."""
        loss, correct = self._strategy.run(self._accumulate_share, args=(shares, self._scale()))
        return self._note(loss, correct)

    def _step_everywhere(self, shares: dict) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The last micro-batch and the update: (part of the loss, hits, gradient norm)."""
        progress = self.progress
        loss, correct, norm = self._strategy.run(
            self._step_share, args=(shares, self._scale(), self.schedule(progress.step))
        )
        loss, correct = self._note(loss, correct)
        norm = self._strategy.reduce(MEAN, norm, axis=None)
        finite = tf.math.is_finite(norm)
        step = progress.step.assign_add(1)
        if self._loss_scale:
            # An overflow is what the scale is for, unless no scale is left.
            progress.note_divergence(~finite & (self._loss_scale.scale <= 1.0), step)
            self._loss_scale.update(finite)
        else:
            progress.note_divergence(~finite, step)
        if self.average:
            self.average.update(step)
        return loss, correct, norm

    def _note(self, loss, correct) -> tuple[tf.Tensor, tf.Tensor]:
        """Adds up the replicas' parts, also into the sums of the epoch."""
        loss, correct = (self._strategy.reduce(SUM, value, axis=None) for value in (loss, correct))
        self.progress.loss_sum.assign_add(tf.cast(loss, tf.float64))
        self.progress.num_correct.assign_add(correct)
        self.progress.note_divergence(~tf.math.is_finite(loss), self.progress.step + 1)
        return loss, correct

    def _scale(self) -> tf.Tensor:
        return tf.identity(self._loss_scale.scale) if self._loss_scale else tf.constant(1.0)

    def _accumulate_on_replica(self, batch: dict[str, tf.Tensor], scale: tf.Tensor):
        loss, correct, gradients = self._gradients(batch, scale)
        for total, gradient in zip(self._sums, gradients, strict=True):
            total.assign_add(gradient)
        return loss, correct

    def _step_on_replica(
        self, batch: dict[str, tf.Tensor], scale: tf.Tensor, learning_rate: tf.Tensor
    ):
        loss, correct, gradients = self._gradients(batch, scale)
        if self._sums:
            gradients = [
                total + gradient for total, gradient in zip(self._sums, gradients, strict=True)
            ]
            for total in self._sums:
                total.assign(tf.zeros_like(total))
        norm = self.optimizer.apply(
            gradients, learning_rate, skip_overflow=self._loss_scale is not None
        )
        return loss, correct, norm

    def _gradients(self, batch: dict[str, tf.Tensor], scale: tf.Tensor):
        """(part of the mean loss, hits, gradients of that part) of one replica's micro-batch."""
        frames = preprocessing.normalize(batch["frames"])
        with tf.GradientTape() as tape:
            outputs = self.model(frames, training=True)
            losses = self.objective.losses(outputs, batch)
            if self.distillation:
                losses += self.distillation.losses(frames, outputs["features"])
            # Of the *global* batch: the parts of replicas and micro-batches add up to the mean.
            loss = tf.reduce_sum(losses) / self._config.train.batch_size
            scaled = loss * scale
        gradients = tape.gradient(scaled, self._variables)
        if self._loss_scale:
            gradients = [gradient / scale for gradient in gradients]
        hits = tf.equal(
            tf.argmax(outputs["logits"], axis=-1, output_type=tf.int32),
            tf.cast(batch["label"], tf.int32),
        )
        return loss, tf.reduce_sum(tf.cast(hits, tf.int64)), gradients
