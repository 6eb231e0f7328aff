"""Every reader, for a moment each, with damaged files; `make fuzz` does it for long.

BSP_TF_FUZZ_SECONDS: how long for each reader.
"""

import os

import pytest

from tests.fuzz import broken_readers
from tests.fuzz.readers import READERS, Reader
from tests.fuzz.runner import damaged, fuzz

SECONDS = float(os.environ.get("BSP_TF_FUZZ_SECONDS", "1"))
# Numbers of files that were faults once.
FOUND = [("clip lists", 29369), ("clip lists", 44938), ("HDF5", 19943), ("checkpoint", 5171)]


@pytest.mark.parametrize("name", READERS)
def test_sound_files_are_read(name, tmp_path):
    reader = READERS[name]
    for number, seed in enumerate(reader.seeds()):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / reader.name
        path.write_bytes(reader.wrap(seed))
        reader.read(str(path))


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_read_or_refused_in_one_line(name):
    tally = fuzz(READERS[name], files=100_000, seconds=SECONDS, most_faults=3)
    assert not tally.faults, "\n".join(
        f"python -m tests.fuzz --readers={name!r} --save={number}\n{what}"
        for number, what in tally.faults.items()
    )
    assert tally.tried > len(READERS[name].seeds())


@pytest.mark.parametrize(("name", "number"), FOUND)
def test_files_that_were_faults_once(name, number):
    tally = fuzz(READERS[name], files=1, seconds=60, first=number)
    assert tally.tried == 1 and not tally.faults


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (broken_readers.raises, "ZeroDivisionError"),
        (broken_readers.dies, "status 11"),
        (broken_readers.says_too_much, "more than one line"),
        (broken_readers.takes_all_memory, "MemoryError"),
    ],
)
def test_what_a_reader_cannot_stand_is_found(read, said):
    tally = fuzz(Reader("a", broken_readers.seeds, read), files=50, seconds=20, most_faults=2)
    assert len(tally.faults) >= 2 and 0 not in tally.faults  # file 0 is sound
    assert all(said in what for what in tally.faults.values())


def test_a_file_of_a_number_is_always_the_same():
    reader = READERS["JSON"]
    first, second = (
        [damaged(reader, number, reader.seeds()) for number in range(50)] for _ in range(2)
    )
    assert first == second
    assert len(set(first)) > 40
