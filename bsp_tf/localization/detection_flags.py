"""The flags of every command that turns a head's outputs into detections."""

import dataclasses

from absl import flags

from bsp_tf.localization.detection import Options
from bsp_tf.localization.fusion import FUSIONS, TOP_CLASSES
from bsp_tf.localization.nms import METHODS


def define_detection_flags() -> None:
    """Defines --class_scores and a flag for each field of `Options`."""
    flags.DEFINE_string(
        "class_scores", None, "Class scores of whole videos: JSON, or THUMOS14's .npy."
    )
    flags.DEFINE_integer(
        "top_classes", TOP_CLASSES, "Best classes of a video to use.", lower_bound=1
    )
    flags.DEFINE_enum("fusion", "product", FUSIONS, "How proposal and class score are joined.")
    flags.DEFINE_enum(
        "nms", None, METHODS, "How overlapping proposals are suppressed (default: as published)."
    )
    flags.DEFINE_float("nms_width", None, "Width of the Gaussian (default: as published).")
    flags.DEFINE_float(
        "nms_threshold", None, "tIoU above which hard NMS removes (default: as published)."
    )
    flags.DEFINE_integer(
        "max_proposals", None, "Proposals kept a video (default: as published).", lower_bound=1
    )
    flags.DEFINE_float(
        "voting", None, "tIoU of voting; 0: none (default: as published).", lower_bound=0
    )


def detection_options() -> Options:
    """What the parsed flags say."""
    names = [field.name for field in dataclasses.fields(Options)]
    return Options(**{name: flags.FLAGS[name].value for name in names})
