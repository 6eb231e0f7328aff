"""A comparison as a table for the terminal, in percent."""

from bsp_tf.comparison.bootstrap import CONFIDENCE, Comparison


def format_comparison(comparison: Comparison) -> str:
    """A row per measure: both sides, the difference and its interval; then what they rest on."""
    width = max(len(item.name) for item in comparison.differences)
    header = f"{'percent':<{width}}{'A':>8}{'B':>8}{'B - A':>8}   {CONFIDENCE:.0%} interval"
    lines = [header]
    for item in comparison.differences:
        numbers = f"{100 * item.first:8.2f}{100 * item.second:8.2f}{100 * item.value:+8.2f}"
        interval = f"[{100 * item.low:+.2f}, {100 * item.high:+.2f}]"
        mark = "  holds 0" if item.holds_zero else ""
        lines.append(f"{item.name:<{width}}{numbers}   {interval:<16}{mark}".rstrip())
    lines.append(
        f"{comparison.num_resamples:,} resamples of {comparison.num_videos:,} videos with "
        f"{comparison.num_instances:,} segments"
    )
    first, second = comparison.num_runs
    if comparison.covers_seeds:
        lines.append(
            f"the intervals cover the choice of videos and of seeds ({first} and {second})"
        )
    else:
        lines.append(
            "note: the intervals cover the choice of videos, not of seeds: give several runs of "
            "each side"
        )
    return "\n".join(lines)
