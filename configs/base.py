r"""Every field of a pre-training run, with the defaults of TSM on Kinetics-400.

Other configs begin with `config = base.get_config()` and change fields. The set of fields is
locked: a mistyped one is an error, here and on the command line.

Source: Lin, Gan, Han, "TSM: Temporal Shift Module", ICCV 2019, and its training code (ResNet-50,
8 frames); the boundary task is that of Xu et al., "Boundary-Sensitive Pre-training for Temporal
Localization in Videos", ICCV 2021.

Command:

    python -m bsp_tf.pretrain --config=configs/base.py --workdir=runs/action \
        --config.data.train_dir=records/train --config.data.validation_dir=records/val

Cost: days on several GPUs; see configs/k400_action_r50.py.

Result: the recipe's published top-1 is 71.2 (from ImageNet weights, one crop). Not run here.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The defaults; see the comment at each field for its unit and choices."""
    config = ConfigDict()
    config.task = "action"  # "action": classes of the clips. "boundary": the boundary types.
    config.seed = 0  # initial weights, order and augmentation of the data, dropout
    config.init_from = (
        ""  # workdir to take the weights from, of bsp_tf.pretrain or bsp_tf.import_weights
    )
    config.init_head = "drop"  # its classifier: "drop" (a fresh one) | "keep" (same classes)

    config.data = ConfigDict()
    config.data.train_dir = ""  # record folder written by tfrecords_tools.convert
    config.data.validation_dir = ""
    config.data.num_frames = 8  # frames of a snippet, T
    config.data.sampling = (
        "uniform"  # "uniform" (TSN segments) | "dense" (64-frame window) | "consecutive"
    )
    config.data.frame_step = 1  # clip frames from one snippet frame to the next; "consecutive" only
    config.data.short_side = 256  # px, frames are resized to it before the evaluation crop
    config.data.crop_size = 224  # px, what the model sees
    config.data.flip = True  # horizontal flip with probability 1/2, one draw a sample
    config.data.multi_scale = True  # TSM's multi-scale crop; otherwise the centre crop
    config.data.validation_passes = (
        1  # boundary: differently seeded passes over the validation clips
    )
    config.data.service = (
        ""  # grpc://host:port of a bsp_tf.data_service dispatcher; "" = training batches made here
    )

    config.boundary = ConfigDict()  # read by task="boundary" only
    # Rows of the table in bsp_tf/synthesis/boundary_types.py, by class index. Off are "diff_motion"
    # (one clip turns round or pauses; diff_speed keeps its direction then) and "diff_path" (one
    # clip; a pasted patch changes its motion).
    config.boundary.types = ("diff_class", "same_class", "diff_speed", "same_speed")
    config.boundary.twins = True  # joined types of a quad share frames, speed, crop and flip
    config.boundary.patch_share = 0.5  # of the other samples show a steady patch, beside diff_path
    # A boundary at position b lies between frames b - 1 and b of the snippet. The paper's Figure 1
    # shows 4 and 5.
    config.boundary.position_min = 3
    config.boundary.position_max = 5
    # Which joints are blended: "diff_class" (the paper) | "both" | "none" | "random" (a coin each).
    config.boundary.transition = "diff_class"
    config.boundary.transition_min = 2  # frames; the length is drawn from [min, max]
    config.boundary.transition_max = 6
    config.boundary.curve = "linear"  # weight of the blend over time: "linear" | "cosine"
    # Clip frames per step, for all types; diff_speed changes from one to another, in both orders.
    # Below 0 the clip plays backwards, with 0 it stands still.
    config.boundary.strides = (1, 4)
    # A second head that places the boundary in time: "none" | "heatmap" (a Gaussian around it,
    # smooth L1) | "frames" (whether it touches the frame, binary cross-entropy).
    config.boundary.place = "none"
    config.boundary.place_sigma = 1.0  # frames, of the Gaussian
    config.boundary.place_weight = 1.0  # of its loss
    # A second head that names the action, on the samples whose parts show one: weight of its
    # cross-entropy; 0 = no such head.
    config.boundary.class_weight = 0.0
    config.boundary.type_weight = 1.0  # of the types' cross-entropy beside a second head; 0: none

    config.distill = ConfigDict()  # read by task="action" only
    # Finished workdir of task="boundary", whose features a projection of the stream's own has to
    # predict; "" = none.
    config.distill.workdir = ""
    config.distill.weight = 1.0  # of that loss, the relative squared error

    config.model = ConfigDict()
    config.model.backbone = "resnet"  # "resnet" | "mobilenet_v2" (bsp_tf.models.backbones)
    config.model.depth = 50  # "resnet" only: 10 | 18 | 34 | 50 | 101
    config.model.width = 1.0  # factor on all channel counts
    config.model.input = "rgb"  # "rgb" | "rgb_diff" (adds the difference to the previous frame)
    config.model.shift_div = 8  # 1/8 of the channels is shifted each way
    # "both" | "past": 1/8 comes from the frame before, none from the one after (live streams).
    config.model.shift = "both"
    config.model.dropout = 0.5
    # With several devices, BatchNorm's statistics in training: of the whole micro-batch, so that
    # the number of devices changes nothing; or (False, as torch's DataParallel) of each device's
    # part, which needs no exchange.
    config.model.sync_batch_norm = True

    config.optimizer = ConfigDict()
    config.optimizer.learning_rate = 0.02  # for batch 128; scale linearly with the batch
    config.optimizer.momentum = 0.9
    config.optimizer.nesterov = False
    config.optimizer.weight_decay = 1e-4  # coupled (torch): added to the gradient
    config.optimizer.clip_norm = 20.0  # largest global norm of the gradient; 0 = no clip
    config.optimizer.parameter_groups = (
        "tsm"  # "tsm": fc kernel lr x5, fc bias lr x10 | "plain": lr x1 everywhere
    )
    config.optimizer.schedule = "step"  # "step": x0.1 at `boundaries` | "cosine": to 0 at the end
    config.optimizer.boundaries = (20, 40)  # epochs; "step" only
    config.optimizer.warmup_steps = 0  # linear, from learning_rate / warmup_steps

    config.train = ConfigDict()
    config.train.batch_size = 128  # clips per step over all devices
    config.train.epochs = 50  # an evaluation ends each
    config.train.steps_per_epoch = 0  # 0 = number of training clips // batch_size
    config.train.accumulate_steps = (
        1  # micro-batches that a batch is made of, where memory is short
    )
    config.train.precision = (
        "float32"  # "float32" | "bfloat16" | "float16" (with a dynamic loss scale)
    )
    config.train.jit = False  # the step compiled by XLA; one device only
    config.train.ema_decay = (
        0.0  # moving average of the weights, which is then evaluated and kept; 0 = none
    )
    config.train.checkpoint_every_steps = 1000  # besides one at the end of each epoch
    config.train.log_every_steps = 20
    return config.lock()
