"""Feeds the readers with damaged files for as long as you like; 1 if one could not stand a file.

    python -m tests.fuzz                                 100,000 files for each reader, 1,000 videos
    python -m tests.fuzz --readers=HDF5,npz --files=1000000 --first=100000
    python -m tests.fuzz --readers=HDF5 --save=4711      writes file 4711, to look at it

Prints a row of docs/reliability.md for each reader.
"""

import argparse
import sys
from pathlib import Path

from tests.fuzz.readers import READERS
from tests.fuzz.runner import damaged, fuzz

FILES = {"video": 1_000}
MANY = 100_000


def main() -> int:
    """Runs the chosen readers one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--readers", default=",".join(READERS), help="with commas")
    parser.add_argument("--files", type=int, help="for each reader")
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--seconds", type=float, default=1e9, help="at most, for each reader")
    parser.add_argument("--save", type=int, help="only write the file of that number")
    chosen = parser.parse_args()
    unknown = set(chosen.readers.split(",")) - set(READERS)
    if unknown:
        parser.error(f"no reader {', '.join(sorted(unknown))}; there are {', '.join(READERS)}")
    failed = False
    for name in chosen.readers.split(","):
        if chosen.save is not None:
            path = Path(f"{chosen.save}_{READERS[name].name}")
            path.write_bytes(damaged(READERS[name], chosen.save, READERS[name].seeds()))
            print(path)
            continue
        files = chosen.files or FILES.get(name, MANY)
        tally = fuzz(READERS[name], files, chosen.seconds, chosen.first)
        print(
            f"| {name} | {tally.tried:,} | {tally.refused / max(tally.tried, 1):.0%} | "
            f"{len(tally.faults)} | {tally.seconds:.0f} s |",
            flush=True,
        )
        for number, what in tally.faults.items():
            failed = True
            print(f"file {number} of {name}: {what}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
