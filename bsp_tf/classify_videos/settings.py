"""How the classifiers of videos are trained."""

import dataclasses

from bsp_tf.base.errors import InputError


@dataclasses.dataclass(frozen=True)
class Settings:
    """How the models are trained; the defaults were chosen by cross-validation on the sample data.

    Attributes:
        num_folds: At least 2; so many models are trained.
        seed: Decides the folds, the first weights, the order of the videos and the dropout.
        num_steps: Steps that a video is pooled to.
        hidden_width, attention_width, dropout: Of the network.
        learning_rate: The highest; it falls to 0 along a cosine.
        weight_decay: Coupled, as in the other trainings.
        batch_size: Videos of one update.
        fewest_updates, epochs: A model is updated as often as the larger of both asks for.
    """

    num_folds: int = 5
    seed: int = 0
    num_steps: int = 64
    hidden_width: int = 64
    attention_width: int = 32
    dropout: float = 0.5
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    batch_size: int = 16
    fewest_updates: int = 600
    epochs: int = 20

    def __post_init__(self) -> None:
        if self.num_folds < 2:
            raise InputError(
                f"--folds={self.num_folds}: at least 2 are needed, so that a model can be trained "
                "on other videos than it scores."
            )
