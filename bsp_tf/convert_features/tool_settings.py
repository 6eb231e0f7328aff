"""The lines to paste into a tool's config so that it places our features right in time."""

import json
from pathlib import Path
from typing import Any

from bsp_tf.convert_features.tool_files import (
    ANNOTATIONS,
    ARRAYS,
    CLASSES,
    COLUMNS,
    MISSING_FILE,
    TABLE,
    Dataset,
)


def opentad(data: Dataset, output: Path) -> str:
    """Of a dataset config under configs/_base_/datasets (Python)."""
    return f"""\
dataset_type = "ThumosPaddingDataset"  # or "ThumosSlidingDataset"
annotation_path = {_quoted(output / ANNOTATIONS)}
class_map = {_quoted(output / CLASSES)}  # {len(data.classes)} classes
data_path = {_quoted(f"{output / ARRAYS}/")}
block_list = data_path + "{MISSING_FILE}"
# In each of train, val and test, with subset_name one of {_subsets(data)}:
#     feature_stride={data.rows.stride},
#     sample_stride=1,
#     offset_frames={data.rows.reach // 2},
#     pipeline: dict(type="LoadFeats", feat_format="npy")
# In the model: in_channels={data.rows.feature_dim}, num_classes={len(data.classes)}
"""


def actionformer(data: Dataset, output: Path) -> str:
    """Of a config under configs/ (YAML)."""
    return f"""\
# "anet" takes features of any length, too; "thumos" would leave out the class with label_id 4.
dataset_name: anet
# Subsets: {_subsets(data)}
train_split: ["training"]
val_split: ["validation"]
dataset: {{
  json_file: {_quoted(output / ANNOTATIONS)},
  feat_folder: {_quoted(output / ARRAYS)},
  file_prefix: ~,
  file_ext: .npy,
  num_classes: {len(data.classes)},
  input_dim: {data.rows.feature_dim},
  feat_stride: {data.rows.stride},
  num_frames: {data.rows.reach},
  default_fps: ~,
  downsample_rate: 1,
  force_upsampling: False,
}}
"""


def gtad(data: Dataset, output: Path) -> str:
    """Flags of the commands of branch `anet`."""
    return f"""\
--feature_path {_quoted(f"{output / ARRAYS}/")}
--video_anno {_quoted(output / ANNOTATIONS)}
--video_info {_quoted(output / TABLE)}
--feat_dim {data.rows.feature_dim}
--temporal_scale {COLUMNS}
"""


def mmaction2(data: Dataset, output: Path) -> str:
    """Of a config under configs/localization/bmn (Python)."""
    return f"""\
dataset_type = "ActivityNetDataset"
data_root = data_root_val = {_quoted(f"{output / ARRAYS}/")}
# Subsets: {_subsets(data)}
ann_file_train = {_quoted(output / "annotations_training.json")}
ann_file_val = ann_file_test = {_quoted(output / "annotations_validation.json")}
model = dict(temporal_dim={COLUMNS}, feat_dim={data.rows.feature_dim})
"""


def _quoted(value: Any) -> str:
    """A string as Python and YAML both read it."""
    return json.dumps(str(value), ensure_ascii=False)


def _subsets(data: Dataset) -> str:
    names = dict.fromkeys(video.annotation.subset for video in data.videos)
    return ", ".join(_quoted(name) for name in names)
