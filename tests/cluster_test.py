"""Apache Beam on a Dask cluster that loses a worker and gains another: the files of one machine."""

import importlib.util
import sys

import pytest

from bsp_tf.extract import extract
from tests.fixtures.dask_cluster import DaskCluster
from tests.fixtures.mean_model import save_mean_model
from tfrecords_tools.conversion.clip_encoder import EncodingOptions
from tfrecords_tools.conversion.plan import ShardingOptions
from tfrecords_tools.convert import convert

NEEDED = ("apache_beam", "dask", "distributed")
lacking = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if lacking:
    pytest.skip(
        f"NOT TESTED: a cluster; not installed: {', '.join(lacking)} (pip install '.[beam]')",
        allow_module_level=True,
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with DaskCluster(tmp_path_factory.mktemp("cluster"), workers=3) as started:
        yield started


@pytest.fixture(scope="module")
def videos(make_video, tmp_path_factory):
    """Videos of two classes, and two files that are none."""
    root = tmp_path_factory.mktemp("input") / "videos"
    for i in range(12):
        make_video(root / ("jump", "run")[i % 2] / f"{i}.mp4", num_frames=60 + i, seed=i)
    (root / "jump" / "empty.mp4").touch()
    (root / "run" / "text.mp4").write_text("buy milk\n" * 20)
    return root


def contents_of(folder, *patterns):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for pattern in patterns
        for path in folder.glob(pattern)
        if path.is_file()
    }


def test_conversion(cluster, videos, tmp_path):
    settings = dict(options=EncodingOptions(max_frames=50), sharding=ShardingOptions(num_shards=3))
    local = convert(videos, tmp_path / "local", **settings)
    results = tmp_path / "beam" / ".convert" / "results"
    change = cluster.replace_one(lambda: any(results.glob("[0-9]*")))
    beam = convert(
        videos, tmp_path / "beam", runner="beam", beam_options=cluster.options, **settings
    )
    change.join()
    assert {**beam, "flags": None} == {**local, "flags": None} and beam["num_failures"] == 2
    shards = contents_of(tmp_path / "local", "clips-*", "labels.txt")
    assert contents_of(tmp_path / "beam", "clips-*", "labels.txt") == shards and len(shards) == 4
    assert not list((tmp_path / "beam").rglob("*.partial"))
    # The new one has worked, too.
    assert cluster.ask(lambda: "bsp_tf.beam.pipelines" in sys.modules) == [True] * 3


def test_extraction(cluster, videos, tmp_path):
    model = save_mean_model(tmp_path / "model")
    extract(model, videos, tmp_path / "local")
    change = cluster.replace_one(lambda: any((tmp_path / "beam").glob("*.npy")))
    number, failures = extract(
        model, videos, tmp_path / "beam", runner="beam", beam_options=cluster.options
    )
    change.join()
    assert number == 12 and len(failures) == 2
    whole = contents_of(tmp_path / "local", "**/*")
    assert contents_of(tmp_path / "beam", "**/*") == whole and len(whole) == 3 * 12 + 2
    assert not list((tmp_path / "beam").rglob(".*"))
