"""How well each encoder alone finds the snippets that hold a joint, by kind of joint."""

from pathlib import Path

import numpy as np

from bsp_tf.base.json_file import read_json
from bsp_tf.evaluation.joint_auc import (
    VideoSnippets,
    joint_auc_table,
    neighbour_distance,
    neighbour_reach,
    snippet_spans,
)
from bsp_tf.features.store import FeatureStore
from bsp_tf.synthesis.boundary_types import NO_BOUNDARY_TYPE

AucTable = dict[str, dict[str, float | None]]


def encoder_joints(features: Path, annotations: Path, subset: str) -> AucTable:
    """AUC of one encoder's scores: {kind of joint: {score: AUC}}.

    Scores: "distance" of the features before and after a snippet; of a boundary stream
    "probability" (1 - that of the type without boundary), "p(TYPE)" of each type and, if it places
    boundaries, "place" (the highest value of the map); "pixel_change".

    Args:
        features: Folder of bsp_tf.extract, of one encoder.
        annotations: With the joints.
        subset: Which videos.
    """
    store, database = FeatureStore(features), read_json(annotations)["database"]
    about = store.metadata
    layout = about["window"], about["frame_step"], about["stride"]
    names = [name for name in store.video_ids if database[name]["subset"] == subset]
    rows = {name: store.load(name) for name in names}
    centre = np.concatenate(list(rows.values())).mean(axis=0, dtype=np.float64)
    videos = []
    for name in names:
        known = store.load_probabilities(name)
        scores = {
            "distance": neighbour_distance(rows[name], centre, neighbour_reach(*layout)),
            "pixel_change": known["pixel_change"],
        }
        if "boundary" in known and NO_BOUNDARY_TYPE in about["boundary_labels"]:
            types = dict(zip(about["boundary_labels"], known["boundary"].T, strict=True))
            scores["probability"] = 1 - types[NO_BOUNDARY_TYPE]
            scores |= {f"p({label})": column for label, column in types.items()}
        if "place" in known:
            scores["place"] = known["place"].max(axis=1)
        spans = snippet_spans(len(rows[name]), *layout, about["videos"][name]["num_frames"])
        joints = [(*joint["segment"], joint["kind"]) for joint in database[name]["joints"]]
        videos.append(VideoSnippets(spans, about["videos"][name]["fps"], joints, scores))
    return joint_auc_table(videos)
