"""Records that fsspec reads are the same records: clips, frames, index and errors."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.servers import failures
from bsp_tf.clips.pipelines import dataset_for
from bsp_tf.clips.source import digest_source, open_source
from bsp_tf.records import frame_reader
from bsp_tf.records.damage import damage_error
from bsp_tf.records.folder import open_folder
from bsp_tf.records.index import FRAMES_FILE, INDEX_FILE, load_index
from bsp_tf.records.storage import storage_path
from configs.base import get_config
from tests.bsp_tf.conftest import TINY, write_records
from tests.fixtures.web_server import serve

pytest.importorskip("aiohttp", reason="NOT TESTED: http://, aiohttp (extra `http`) is missing")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder where indices of remote folders are kept; faults of servers are over soon."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(failures, "FIRST_PAUSE_SECONDS", 0.01)
    return tmp_path / "cache"


@pytest.fixture
def local(tmp_path, make_color_records):
    return make_color_records(tmp_path / "r", [[3, 5], [4]], num_shards=2)


@pytest.fixture
def server(local, cache):
    """A web server of the folder `local`."""
    with serve(local) as started:
        yield started


def same_index(found, expected) -> None:
    for name, value in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), value, err_msg=name)


def test_the_same_folder_and_index(local, server, cache):
    folder, remote = open_folder(local), open_folder(server.url)
    assert (remote.labels, remote.num_clips) == (folder.labels, folder.num_clips)
    assert remote.shards == tuple(
        name.replace(str(local), server.url) for name in map(str, folder.shards)
    )
    expected = load_index(folder)
    for name in (INDEX_FILE, FRAMES_FILE):
        (local / name).unlink()
    same_index(load_index(remote), expected)
    server.asked.clear()
    same_index(load_index(remote), expected)
    # From the cache; the shards are only asked whether they are the same.
    assert {method for method, _, _ in server.asked} == {"HEAD"}
    assert not (local / INDEX_FILE).exists() and list(cache.rglob(INDEX_FILE))


def test_an_index_that_came_with_the_shards_is_taken(local, server):
    expected = load_index(open_folder(local))
    remote = open_folder(server.url)
    server.asked.clear()
    same_index(load_index(remote), expected)
    read = {path for method, path, _ in server.asked if method == "GET"}
    assert not any("clips-" in path for path in read)


def test_a_folder_in_memory(local, cache, tmp_path):
    files = pytest.importorskip("fsspec").filesystem("memory")
    files.pipe({f"/{tmp_path.name}/{file.name}": file.read_bytes() for file in local.iterdir()})
    same_index(load_index(open_folder(f"memory://{tmp_path.name}")), load_index(open_folder(local)))
    files.rm(f"/{tmp_path.name}/manifest.json")
    assert open_folder(f"memory://{tmp_path.name}").num_clips == 3
    with pytest.raises(InputError, match="memory://nowhere"):
        open_folder("memory://nowhere")


@pytest.mark.parametrize("mapped", [False, True])
def test_the_same_frames_with_one_request_a_clip(local, server, mapped, monkeypatch):
    monkeypatch.setattr(frame_reader, "GAP_BYTES", 0)
    folder, remote = open_source(local), open_source(server.url)
    rows, frames = tf.constant([0, 0, 2, 2, 1], tf.int64), tf.constant([2, 0, 1, 2, 1])
    expected = folder.frame_reader(in_graph=False)(rows, frames).numpy().tolist()
    read = remote.frame_reader(in_graph=False)
    server.asked.clear()
    if mapped:
        data = tf.data.Dataset.from_tensors((rows, frames)).map(read)
        found = next(data.as_numpy_iterator()).tolist()
    else:
        found = read(rows, frames).numpy().tolist()
    assert found == expected and len(server.asked) == 3
    assert digest_source(remote) == digest_source(folder)


def test_parts_that_are_close_are_one_request(local, server):
    read = open_source(server.url).frame_reader(in_graph=False)
    server.asked.clear()
    rows, frames = tf.constant([0, 2, 0], tf.int64), tf.constant([2, 1, 0])
    expected = open_source(local).frame_reader(in_graph=False)(rows, frames).numpy().tolist()
    assert read(rows, frames).numpy().tolist() == expected
    assert len(server.asked) == len({path for _, path, _ in server.asked})


def often_fail(server, random):
    """Faults for 3 requests of 10, and never more than three times for the same one."""

    def fault(number):
        tries = server.asked[:number].count(server.asked[number])
        fails = tries < 3 and random.random() < 0.3
        return [500, 503, "reset"][random.integers(3)] if fails else None

    return fault


@pytest.mark.parametrize(("task", "split"), [("boundary", "train"), ("action", "validation")])
def test_the_same_batches_from_a_server_that_often_fails(tmp_path, cache, task, split):
    part = "train" if split == "train" else "validation"
    write_records(tmp_path / "records", 8, seed=8)
    batches = []
    with serve(tmp_path / "records") as server:
        for place in (str(tmp_path / "records"), server.url):
            config = get_config()
            config.update_from_flattened_dict(TINY | {f"data.{part}_dir": place, "task": task})
            server.fault = often_fail(server, np.random.default_rng(0))
            data = dataset_for(config, split, batch_size=8, seed=1)
            batches.append([{k: v.numpy() for k, v in batch.items()} for batch in data.take(3)])
    for expected, found in zip(*batches, strict=True):
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize("task", ["boundary", "action"])
def test_a_stream_from_a_server_goes_on_where_it_was_saved(tmp_path, cache, task):
    """What was asked for and not taken when it was saved is asked for again."""
    write_records(tmp_path / "records", 8, seed=8)

    def stream(place, first_batch=0):
        config = get_config()
        config.update_from_flattened_dict(TINY | {"data.train_dir": place, "task": task})
        return dataset_for(config, "train", batch_size=8, seed=1, first_batch=first_batch)

    with serve(tmp_path / "records") as server:
        iterator, fresh = iter(stream(server.url)), iter(stream(server.url))
        next(iterator)
        saved = tf.train.Checkpoint(iterator=iterator).save(str(tmp_path / "saved"))
        tf.train.Checkpoint(iterator=fresh).restore(saved)
        for expected in stream(str(tmp_path / "records"), first_batch=1).take(2):
            for name, value in next(fresh).items():
                np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_an_object_that_was_replaced_under_its_index_is_named(local, server):
    source = open_source(server.url)
    read = source.frame_reader(in_graph=False)
    shard = local / source.files[0].rpartition("/")[2]
    content = bytearray(shard.read_bytes())
    content[60:-4] = bytes(len(content) - 64)
    shard.write_bytes(content)
    with pytest.raises(tf.errors.InvalidArgumentError, match=source.files[0]):
        list(
            tf.data.Dataset.from_tensors(([0], [0])).map(lambda r, f: read(tf.cast(r, tf.int64), f))
        )


def test_damage_is_found(local, server):
    shard = sorted(local.glob("clips-*"))[1]
    content = bytearray(shard.read_bytes())
    content[40] ^= 1
    shard.write_bytes(content)
    name = f"{server.url}/{shard.name}"
    with pytest.raises(InputError, match=f"record 0 in {name}"):
        load_index(open_folder(server.url))
    error = tf.errors.DataLossError(None, None, "somewhere")
    assert f"record 0 in {name}" in str(damage_error(server.url, error))


def test_what_is_no_record_folder_is_named(server, local):
    (local / "manifest.json").write_text("<!DOCTYPE html>")
    with pytest.raises(InputError, match=f"{server.url}/manifest.json"):
        open_folder(server.url)
    (local / "manifest.json").unlink()
    with pytest.raises(InputError, match=f"{server.url}/manifest.json"):
        open_folder(server.url)


def test_workers_of_a_service_are_refused(server):
    with pytest.raises(InputError, match=r"data\.service"):
        open_source(server.url).frame_reader(in_graph=True)


def test_names_with_a_scheme_are_remote():
    assert str(storage_path("http://host/records/")) == "http://host/records"
