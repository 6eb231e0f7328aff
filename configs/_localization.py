"""The fields of a localization run that all heads share; the configs of heads add their own."""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The shared fields, not locked."""
    config = ConfigDict()
    config.head = ""  # one of bsp_tf.localization.heads.head.HEADS

    # What to train on: folders of bsp_tf.extract or features of any other tool, several with commas
    # ("rgb,flow"); annotations "anno.json,video_info.csv" for G-TAD's files, which name their
    # subsets in the second.
    config.features_dir = ""
    config.annotations = ""
    config.streams = "action,boundary"  # parts of a folder of bsp_tf.extract, joined in this order
    config.train_subset = "training"
    config.validation_subset = "validation"

    # What a row of other tools' features is (bsp_tf.features.layout): one value, or one for each
    # source, as --config.feature_stride=8 or =8,16.
    config.feature_layout = ""  # "snippets" or "whole" (rows lie evenly over the whole video)
    config.feature_fps = (0.0,)  # snippets: rate at which frames were counted; 0: as annotated
    config.feature_stride = (0,)  # snippets: frames from one to the next
    config.feature_window = (0,)  # snippets: frames that one shows
    config.feature_offset = (0,)  # snippets: first frame of the first one
    config.feature_every = (1,)  # take each k-th row only
    config.feature_rows = (0,)  # whole: rows of every array; 0: may differ

    # Columns that the network sees. windows = False: each video is resized to them; True: it is cut
    # into windows of so many snippets.
    config.num_segments = 0
    config.windows = False

    config.learning_rate = 0.0
    config.weight_decay = 0.0
    config.clip_norm = 0.0  # largest global norm of the gradient; 0 = no clip
    config.batch_size = 0
    config.epochs = 0
    config.seed = 0
    return config
