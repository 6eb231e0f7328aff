"""The sentences at the top of the page."""

from bsp_tf.comparison.measures import AVERAGE_MAP
from bsp_tf.report.feature_sets import interval
from bsp_tf.report.formats import signed
from bsp_tf.report.inputs import Results


def headline(results: Results) -> str:
    """One sentence: what the boundary features changed, or that these videos do not tell."""
    before = 100 * results.scores["action"]["average_mAP"]
    after = 100 * results.scores["two_stream"]["average_mAP"]
    if results.comparison is None:
        return f"Average mAP is {before:.1f} without boundary features and {after:.1f} with them."
    average = results.comparison[AVERAGE_MAP]
    known = f"{signed(100 * average.value, 1)} points, 95% interval {interval(average, 1)}"
    if average.holds_zero:
        return (
            f"These {results.comparison.num_videos:,} videos do not tell whether boundary features "
            f"help: average mAP is {before:.1f} without them and {after:.1f} with them ({known})."
        )
    verb = "raise" if average.value > 0 else "lower"
    return (
        f"In this run, boundary features {verb} average mAP from {before:.1f} to {after:.1f} "
        f"({known})."
    )


def introduction(results: Results) -> str:
    """What was scored, and what the two kinds of features are."""
    instances = [
        item["label"] for entry in results.database.values() for item in entry["annotations"]
    ]
    minutes = sum(float(entry["duration"]) for entry in results.database.values()) / 60
    return (
        f"Scored on {len(results.database):,} untrimmed videos of the {results.sources.subset} "
        f"subset ({minutes:,.0f} minutes, {len(instances):,} actions of {len(set(instances))} "
        "classes). The localization head is trained twice: on the features of a network that "
        "classifies actions, and on these together with the features of a network that was only "
        "trained to recognize artificial boundaries."
    )
