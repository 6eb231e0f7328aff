"""The sentences at the top of the page."""

from bsp_tf.report.inputs import Results


def headline(results: Results) -> str:
    """One sentence: what the boundary features changed, up or down."""
    before = 100 * results.scores["action"]["average_mAP"]
    after = 100 * results.scores["two_stream"]["average_mAP"]
    if abs(after - before) < 0.05:
        return (
            "Boundary features do not change average mAP: "
            f"{before:.1f} without them, {after:.1f} with them."
        )
    verb = "raise" if after > before else "lower"
    return f"Boundary features {verb} average mAP from {before:.1f} to {after:.1f}."


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
