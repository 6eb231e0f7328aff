"""The 2-d networks that TSM can be made of: a file each, and a line in the table below."""

from bsp_tf.base.errors import InputError
from bsp_tf.models.backbones.backbone import Backbone
from bsp_tf.models.backbones.mobilenet_v2 import MobileNetV2
from bsp_tf.models.backbones.resnet import ResNet

# config.model.backbone -> class.
BACKBONES: dict[str, type[Backbone]] = {"resnet": ResNet, "mobilenet_v2": MobileNetV2}


def backbone_class(name: str) -> type[Backbone]:
    """The class of a `config.model.backbone`.

    Raises:
        InputError: there is no such backbone.
    """
    if name not in BACKBONES:
        raise InputError(f"model.backbone is {name!r}; choose one of {', '.join(BACKBONES)}.")
    return BACKBONES[name]
