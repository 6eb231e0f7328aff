"""Section "What this shows, and what it does not": what a careful reader should know."""

from bsp_tf.report.content import Bullets, Section
from bsp_tf.report.inputs import Results


def section(results: Results, notes: list[str]) -> Section:
    """General remarks on the data and the number of runs, then the notes of the other sections."""
    found = []
    if results.is_sample_world():
        found += [
            "The videos are procedural: textured figures that follow motion programs over "
            "textured, slowly panning backgrounds. The page shows that every stage works together "
            "and how the features behave on such videos. It is no evidence for real videos such "
            "as those of ActivityNet or THUMOS14.",
            "The sample configs train tiny networks for minutes, from scratch. The published gain "
            "on ActivityNet (average mAP 34.26 to 34.75) was measured with networks pre-trained on "
            "Kinetics-400, almost certainly ResNet-50; the two numbers here cannot be compared "
            "with it.",
        ]
    seeds = {
        config["seed"] for config in results.configs.values() if config.get("seed") is not None
    }
    seed_text = f" (seed {', '.join(str(seed) for seed in sorted(seeds))})" if seeds else ""
    found.append(
        f"One run{seed_text}, {len(results.database):,} scored videos: with another seed, a "
        "difference of a few points may have the other sign."
    )
    title = "What this shows, and what it does not"
    return Section("limits", "What this shows", title, [Bullets(found + notes)])
