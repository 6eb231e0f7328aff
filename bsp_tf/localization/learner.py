"""What learns: a head's model, its optimizer, and the step, under any strategy."""

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.localization.heads.head import Head
from bsp_tf.localization.training_data import Batch
from bsp_tf.runs.strategy import global_sum, own_rows

# PyTorch's Adam; Keras's own default is 1e-7.
ADAM_EPSILON = 1e-8
SUM = tf.distribute.ReduceOp.SUM


class Learner:
    """Model, optimizer and step of one run.

    Attributes:
        model: The head's.
        optimizer: Adam; set its learning rate before each epoch.
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
            self.optimizer = keras.optimizers.Adam(config.learning_rate, epsilon=ADAM_EPSILON)
            self.optimizer.build(self.model.trainable_variables)
        signature = [
            tf.nest.map_structure(lambda a: tf.TensorSpec([None, *a.shape[1:]], a.dtype), example),
            tf.TensorSpec([], tf.int64),
        ]
        self.train_step = tf.function(self._train_step, signature, autograph=False)
        self.loss = tf.function(self._loss, signature, autograph=False)

    def _train_step(self, batch: Batch, draw: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step; the losses before it.

        Args:
            batch: The global batch.
            draw: int64 [], what the random choices of the loss are a function of, beside the seed.
        """
        return self._on_replicas(self._train_share, batch, draw)

    def _loss(self, batch: Batch, draw: tf.Tensor) -> dict[str, tf.Tensor]:
        """The losses alone; arguments as for a step."""
        return self._on_replicas(self._loss_share, batch, draw)

    def _on_replicas(self, share, batch: Batch, draw: tf.Tensor) -> dict[str, tf.Tensor]:
        seed = tf.stack([tf.constant(self._config.seed, tf.int64), draw])
        draws = self._head.draws(seed, tf.shape(batch.features)[0], self._config)
        batch = batch._replace(targets=batch.targets | draws)
        losses = self._strategy.run(share, args=(batch,))
        return {
            name: self._strategy.reduce(SUM, value, axis=None) for name, value in losses.items()
        }

    def _loss_share(self, batch: Batch, training: bool = False) -> dict[str, tf.Tensor]:
        features, inside, targets = own_rows(batch)
        outputs = self._head.forward(self.model, features, inside, training)
        return self._head.losses(outputs, targets, self._config)

    def _train_share(self, batch: Batch) -> dict[str, tf.Tensor]:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            losses = self._loss_share(batch, training=True)
        gradients = [global_sum(g) for g in tape.gradient(losses["total"], variables)]
        if self._config.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self._config.clip_norm)
        # Coupled, as in the reference: the decay passes through Adam's scaling, unlike Keras's own.
        gradients = [
            g + self._config.weight_decay * v for g, v in zip(gradients, variables, strict=True)
        ]
        replicas = self._strategy.num_replicas_in_sync
        if replicas > 1:
            # Keras adds up what the replicas give; here each gives the whole.
            gradients = [g / replicas for g in gradients]
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return losses
