"""How long the page of a thousand videos takes to open, and how large it is.

    python -m benchmarks.player_page

Needs Chromium. The time is that from the start of loading to the end of the page's script, as the
browser itself measures it.
"""

import statistics
import tempfile
from pathlib import Path

from bsp_tf.player.page import write_page
from tests.fixtures import browser as browsers
from tests.fixtures.many_videos import many_videos

VIDEOS = 1000
OPENINGS = 7
LOADED = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"


def main() -> None:
    """Prints the size, and the times of some openings."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "page.html")
        write_page(path, many_videos(VIDEOS))
        with browsers.start(Path(folder, "browser")) as browser:
            times = [browser.open(path).run(LOADED) for _ in range(OPENINGS)]
        print(
            f"{VIDEOS} videos: {path.stat().st_size / 1e6:.1f} MB; opened in "
            f"{min(times):.0f} / {statistics.median(times):.0f} / {max(times):.0f} ms "
            f"(min / median / max of {OPENINGS})"
        )


if __name__ == "__main__":
    main()
