"""What learns: a head's model, its optimizer, and the step, under any strategy."""

import contextlib

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.base.stack import named_variables
from bsp_tf.localization.heads.head import Head
from bsp_tf.localization.training_data import Batch
from bsp_tf.runs.strategy import global_sum, own_rows
from bsp_tf.runs.weight_average import WeightAverage

# PyTorch's Adam; Keras's own default is 1e-7.
ADAM_EPSILON = 1e-8
SUM = tf.distribute.ReduceOp.SUM


class Learner:
    """Model, optimizer and step of one run.

    Attributes:
        model: The head's.
        optimizer: The head's; set its learning rate before each step.
        average: WeightAverage, or None if there is no config.average_decay above 0.
    """

    def __init__(
        self,
        head: Head,
        config: ConfigDict,
        example: Batch,
        num_classes: int,
        strategy: tf.distribute.Strategy,
    ) -> None:
        """Builds everything.

        Args:
            head: Head.
            config: Resolved.
            example: A batch of any size, for shapes and types.
            num_classes: Of the annotations.
            strategy: All replicas in this process.

        Raises:
            InputError: the sizes in the config do not fit one another.
        """
        self._head, self._config, self._strategy = head, config, strategy
        keras.utils.set_random_seed(config.seed)
        with strategy.scope():
            self.model = head.build(config, example.features.shape[-1], num_classes)
            self.optimizer = head.optimizer(self.model, config) or keras.optimizers.Adam(
                config.learning_rate, epsilon=ADAM_EPSILON
            )
            self.optimizer.build(self.model.trainable_variables)
            weights = named_variables(self.model, trainable_only=True)
            decay = config.get("average_decay", 0.0)
            self.average = WeightAverage(weights, decay, warm_up=False) if decay else None
        signature = [
            tf.nest.map_structure(lambda a: tf.TensorSpec([None, *a.shape[1:]], a.dtype), example),
            tf.TensorSpec([], tf.int64),
        ]
        self.train_step = tf.function(self._train_step, signature, autograph=False)
        self.loss = tf.function(self._loss, signature, autograph=False)

    def evaluated_weights(self) -> contextlib.AbstractContextManager:
        """In a `with` block the model has the weights to be judged by: the averages, if any."""
        return self.average.in_place() if self.average else contextlib.nullcontext()

    def _train_step(self, batch: Batch, draw: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step; the losses before it.

        Args:
            batch: The global batch.
            draw: int64 [], what the random choices of the loss are a function of, beside the seed.
        """
        losses = self._on_replicas(self._train_share, batch, draw)
        if self.average:
            self.average.update(draw)
        return losses

    def _loss(self, batch: Batch, draw: tf.Tensor) -> dict[str, tf.Tensor]:
        """The losses alone; arguments as for a step."""
        return self._on_replicas(self._loss_share, batch, draw)

    def _on_replicas(self, share, batch: Batch, draw: tf.Tensor) -> dict[str, tf.Tensor]:
        seed = tf.stack([tf.constant(self._config.seed, tf.int64), draw])
        draws = self._head.draws(seed, tf.shape(batch.features)[0], self._config)
        losses = self._strategy.run(share, args=(batch, draws))
        return {
            name: self._strategy.reduce(SUM, value, axis=None) for name, value in losses.items()
        }

    def _loss_share(
        self, batch: Batch, draws: dict[str, tf.Tensor], training: bool = False
    ) -> dict[str, tf.Tensor]:
        (features, inside, targets), draws = own_rows((batch, draws))
        outputs = self._head.forward(self.model, features, inside, draws if training else None)
        targets = targets | draws
        return self._head.losses(self.model, outputs, targets, self._config, training)

    def _train_share(self, batch: Batch, draws: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            losses = self._loss_share(batch, draws, training=True)
        gradients = [global_sum(g) for g in tape.gradient(losses["total"], variables)]
        if self._config.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self._config.clip_norm)
        if self.optimizer.weight_decay is None:
            # Coupled, as in G-TAD's reference: the decay passes through Adam's scaling.
            gradients = [
                g + self._config.weight_decay * v for g, v in zip(gradients, variables, strict=True)
            ]
        replicas = self._strategy.num_replicas_in_sync
        if replicas > 1:
            # Keras adds up what the replicas give; here each gives the whole.
            gradients = [g / replicas for g in gradients]
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return losses
