"""The class scores that all rows of a seed share: the action stream's mean softmax of each video.

    python -m benchmarks.experiments.class_scores --features=features/action_0 --output=scores.json

bsp_tf.detect takes the same numbers from the features by itself; here also rows without an action
stream get them, so that rows differ in their segments only.
"""

from collections.abc import Sequence

from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.json_file import write_json
from bsp_tf.features.store import FeatureStore

FLAGS = flags.FLAGS


def main(argv: Sequence[str]) -> None:
    """Writes {"class": [names], "results": {video: [K]}}."""
    del argv
    store = FeatureStore(FLAGS.features)
    scores = {
        name: store.load_probabilities(name)["action"].mean(axis=0).tolist()
        for name in store.video_ids
    }
    write_json(FLAGS.output, {"class": store.metadata["action_labels"], "results": scores})


def define_flags() -> None:
    """Defines the flags of the command."""
    flags.DEFINE_string("features", None, "Folder of bsp_tf.extract.", required=True)
    flags.DEFINE_string("output", None, "JSON to write.", required=True)


if __name__ == "__main__":
    run_command(main, define_flags)
