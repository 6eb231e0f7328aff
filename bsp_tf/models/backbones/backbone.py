"""What TSM, the cost of a network and the import of PyTorch's files must know of a backbone.

A backbone is a 2-d network over frames. It is no layer of its own: TSM adopts its layers, so that
their variables are called `<layer>/...`. Name the layers as the network's PyTorch files do, and
these files can be read without any further word.
"""

import abc
from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

import keras
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.models.backbones.layers import BatchNorm, Conv, DepthwiseConv
from bsp_tf.models.temporal_shift import Past


class Backbone(abc.ABC):
    """A 2-d network over frames; see `resnet.py` and `mobilenet_v2.py`.

    Attributes:
        default_sizes: Fields of `config.model` that decide the shapes -> their defaults in code.
        torch_marks: Names that only PyTorch's files of this network have; empty: they are not read.
        roles: Name of a trainable variable -> "conv" or "bn", its group in the optimizer.
        layers: All layers, in the order in which their weights are made; each is built on the
            output shape of the one before.
        feature_dim: Channels that leave the backbone.
        shifts: Name of each convolution whose input is shifted in time -> channels of that input.
            Names as "layer1.0.conv1": of the layer in `layers` and of the convolution in it. At
            least one.
    """

    default_sizes: ClassVar[Mapping[str, Any]]
    torch_marks: ClassVar[frozenset[str]] = frozenset()
    roles: ClassVar[Mapping[str, str]] = {
        "kernel": "conv",
        "depthwise_kernel": "conv",
        "gamma": "bn",
        "beta": "bn",
    }
    layers: list[keras.layers.Layer]
    feature_dim: int
    shifts: dict[str, int]

    @abc.abstractmethod
    def __init__(
        self, *, shift_div: int, shift: str, sync_batch_norm: bool, dtype: Any, **sizes: Any
    ):
        """Makes the layers, but no variables.

        Args:
            shift_div: 1 / shift_div of the channels moves in each direction of time.
            shift: From where, one of SHIFTS.
            sync_batch_norm: See `layers.BatchNorm`.
            dtype: Keras policy of all layers.
            **sizes: A value for each of `default_sizes`, kept as an attribute of that name.

        Raises:
            InputError: there is no network of these sizes.
        """

    @property
    def sizes(self) -> dict[str, Any]:
        """Values of the `default_sizes` in this network."""
        return {name: getattr(self, name) for name in self.default_sizes}

    @abc.abstractmethod
    def __call__(
        self,
        frames: tf.Tensor,
        num_frames: int | tf.Tensor,
        training: bool,
        past: Past | None = None,
    ) -> dict[str, tf.Tensor]:
        """Runs the network.

        Args:
            frames: float [B * num_frames, H, W, 3 or 6], the frames of a clip beside each other.
            num_frames: Frames of one clip.
            training: Whether to use and gather batch statistics.
            past: Of single frames (`num_frames` 1) with shift "past": the frames before them.

        Returns:
            Stage -> float [B * num_frames, h, w, c] in the order of the network, for inspection;
            the last one is what leaves the backbone.
        """

    @abc.abstractmethod
    def normalised(self) -> Iterator[tuple[Conv | DepthwiseConv, BatchNorm]]:
        """Each convolution that is followed by a normalisation, and that; they have variables."""

    @classmethod
    def torch_names(cls, names: Collection[str]) -> dict[str, str]:
        """Names in a PyTorch file -> those of the layers here, where files differ in the former.

        Args:
            names: All names of the file, without what wrappers of the whole network add.
        """
        return {name: name for name in names}

    @classmethod
    def torch_sizes(cls, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        """The `sizes` of the network whose weights these are.

        Args:
            shapes: Name (after `torch_names`) -> shape in PyTorch layout; `torch_marks` are there.

        Raises:
            InputError: it is another network.
        """
        raise InputError(f"PyTorch's files of a {cls.__name__} cannot be read.")
