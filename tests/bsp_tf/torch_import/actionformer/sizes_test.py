"""Which ActionFormer it is, from names and shapes."""

import json

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.torch_import.actionformer.sizes import actionformer_sizes, is_actionformer


@pytest.fixture
def arrays(shared):
    """The names and shapes of one of the reference's networks, as DataParallel saves them."""

    def read(file: str) -> dict[str, np.ndarray]:
        shapes = json.loads((shared / f"golden/af_{file}_params.json").read_text())
        return {
            f"module.{name}": np.broadcast_to(np.float32(0), shape)
            for name, shape in shapes.items()
        }

    return read


@pytest.mark.parametrize(
    ("file", "classes", "expected"),
    [
        ("thumos", 20, (2048, 512, 2304, [19] * 6, True, False, "identity")),
        ("anet", 1, (512, 256, 192, [7, 7, 7, 7, 7, 0], False, True, "identity")),
        ("small", 5, (64, 64, 2304, [19] * 4, True, False, "identity")),
        ("small_fpn", 5, (64, 64, 2304, [19] * 4, True, False, "fpn")),
    ],
)
def test_the_published_networks(arrays, file, classes, expected):
    state = arrays(file)
    assert is_actionformer(state)
    sizes, num_classes = actionformer_sizes(state)
    names = ("feature_dim", "width", "num_segments", "attention_windows")
    names += ("names_classes", "position_encoding", "neck")
    assert tuple(sizes[name] for name in names) == expected
    assert (num_classes, sizes["embedding_convs"], sizes["stem_blocks"]) == (classes, 2, 2)
    assert (sizes["drop_path"], sizes["num_heads"]) == (0.1, 4)


def test_without_learned_scales_of_the_branches(arrays):
    state = {name: array for name, array in arrays("small").items() if "drop_path" not in name}
    assert actionformer_sizes(state)[0]["drop_path"] == 0


def test_other_networks(arrays):
    assert not is_actionformer({"conv1.weight": np.zeros(3)})
    state = arrays("small")
    with pytest.raises(InputError, match=r"cls_head.cls_head.conv.weight \(5,\)"):
        actionformer_sizes(state | {"module.cls_head.cls_head.conv.weight": np.zeros(5)})
    with pytest.raises(InputError, match="width 30 .*4 heads"):
        actionformer_sizes(state | {"module.backbone.embd.0.conv.weight": np.zeros((30, 8, 3))})
    without = {name: array for name, array in state.items() if ".stem." not in name}
    with pytest.raises(InputError, match="with 0 blocks"):
        actionformer_sizes(without)
