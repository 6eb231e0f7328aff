"""The benchmark of remote records measures what it says."""

import pytest

from benchmarks.made_records import make_records
from benchmarks.remote_input import measure, server_process, write_manifest

pytest.importorskip("aiohttp", reason="NOT TESTED: http://, aiohttp (extra `http`) is missing")


@pytest.mark.thorough
def test_local_and_remote_take_turns(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_records(tmp_path / "records", 20, num_frames=32)
    write_manifest(tmp_path / "records", 20)
    with server_process(tmp_path / "records", 1) as address:
        folders = {"local": str(tmp_path / "records"), "server": address}
        rates = measure(folders, batch_size=4, batches=2, repeats=2)
    assert {name: len(row) for name, row in rates.items()} == {"local": 2, "server": 2}
    assert min(map(min, rates.values())) > 0
