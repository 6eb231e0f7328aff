"""Small files of the user that lie on servers: read as local ones, and no signature is told."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bsp_tf.annotations.mended import load_annotations
from bsp_tf.base.array_file import read_npy
from bsp_tf.base.config_flag import check_config_flags
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json
from bsp_tf.base.labels_file import read_label_file
from bsp_tf.base.output_lock import lock_folder, lock_place
from bsp_tf.base.settings import digest_files
from bsp_tf.detect import detect
from bsp_tf.evaluate import Options, evaluate
from bsp_tf.evaluation.filtering import load_video_list
from bsp_tf.localization.class_scores import class_scores_from_file
from bsp_tf.player.page import page_beside
from tests.fixtures.web_server import serve
from tfrecords_tools.inputs.clip_sources import detect_form
from tfrecords_tools.inputs.clip_table import Table

fsspec = pytest.importorskip("fsspec", reason="NOT TESTED: fsspec is not installed")
pytest.importorskip("aiohttp", reason="NOT TESTED: http://, aiohttp (extra `http`) is missing")

PROJECT = Path(__file__).resolve().parents[1]
SIGNED = "?X-Amz-Signature=5ec3e7&X-Amz-Credential=key"
SECRETS = ("5ec3e7", "X-Amz-Credential")
SEGMENT = {"segment": [0, 10], "label": "jump"}
TRUTH = {
    "database": {
        f"v{i}": {"subset": "validation", "duration": 20, "annotations": [SEGMENT]}
        for i in range(3)
    }
}
FOUND = {"results": {f"v{i}": [SEGMENT | {"score": 0.5, "segment": [i, 9]}] for i in range(3)}}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "truth.json").write_text(json.dumps(TRUTH))
    (folder / "found.json.gz").write_bytes(gzip.compress(json.dumps(FOUND).encode()))
    (folder / "scores.json").write_text(json.dumps({"results": {"v0": [1]}, "class": ["jump"]}))
    (folder / "blocked.txt").write_text("v2\n")
    (folder / "labels.txt").write_text("jump\nrün\n")
    (folder / "subsets.csv").write_text("video,subset\nv0,validation\n")
    (folder / "clips.csv").write_text("video_path,label\na.mp4,jump\nb.mp4,run\n")
    np.save(folder / "scores.npy", np.ones((2, 101), np.float32))
    return folder


@pytest.fixture(scope="module")
def web(files):
    with serve(files) as server:
        yield server


@pytest.fixture(scope="module")
def places(files, web, upload) -> dict[str, tuple[str, str]]:
    """What stands before and behind the name of a file, by the kind of its server."""
    memory = fsspec.filesystem("memory")
    memory.pipe({f"/{files.name}/{file.name}": file.read_bytes() for file in files.iterdir()})
    return {
        "s3": (upload(files, "small"), ""),
        "memory": (f"memory://{files.name}", ""),
        "web": (web.url, SIGNED),
    }


def command(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=PROJECT, capture_output=True, text=True
    )


@pytest.mark.parametrize("place", ["s3", "memory", "web"])
def test_every_reader_reads_the_same(files, places, place):
    before, behind = places[place]

    def same(read, name):
        found, expected = read(f"{before}/{name}{behind}"), read(str(files / name))
        return np.array_equal(found, expected) and expected is not None

    assert same(read_json, "found.json.gz")
    assert same(read_label_file, "labels.txt")
    assert same(read_npy, "scores.npy")
    assert same(load_video_list, "blocked.txt")
    assert same(detect_form, "clips.csv") and same(detect_form, "truth.json")
    assert same(lambda name: list(Table(name, ["video_path"]).rows("video_path")), "clips.csv")
    assert same(lambda name: digest_files([name]), "found.json.gz")
    assert same(lambda name: class_scores_from_file(name, ["jump"]).of_video("v0"), "scores.json")
    assert same(lambda name: class_scores_from_file(name, ["CliffDiving"]).names, "scores.npy")
    both = f"{before}/truth.json{behind},{before}/subsets.csv{behind}"
    assert list(load_annotations(both)) == list(load_annotations(files / "truth.json"))


def test_scoring_from_signed_addresses(files, web, tmp_path):
    printed, written = [], []
    for place, behind in ((files, ""), (web.url, SIGNED)):
        output = tmp_path / f"{len(written)}.json"
        inputs = [f"--ground_truth={place}/truth.json{behind}", f"--output={output}"]
        found = f"{place}/found.json.gz{behind}"
        ran = command("bsp_tf.evaluate", *inputs, f"--predictions={found}")
        assert ran.returncode == 0, ran.stderr
        written.append([json.loads(output.read_text())])
        compared = command("bsp_tf.compare", *inputs, "--resamples=100", found, found)
        assert compared.returncode == 0, compared.stderr
        written[-1].append(json.loads(output.read_text()))
        printed += [ran.stdout, ran.stderr, compared.stdout, compared.stderr, output.read_text()]
    assert written[0][0] == written[1][0]
    assert written[0][1]["measures"] == written[1][1]["measures"]
    assert not any(secret in text for secret in SECRETS for text in printed)


def test_an_address_that_answers_with_a_web_page(web):
    web.fault = lambda number: "html"
    with pytest.raises(InputError, match=f"{web.url}/truth.json.*web page"):
        read_json(f"{web.url}/truth.json")
    web.fault = lambda number: None


def test_errors_do_not_tell_a_signature(web):
    name = f"{web.url}/gone.json{SIGNED}"
    for read in (read_json, read_npy, load_annotations, lambda path: digest_files([path])):
        with pytest.raises(InputError, match=f"{web.url}/gone.json") as caught:
            read(name)
        assert not any(secret in str(caught.value) for secret in SECRETS)
    config = PROJECT / "configs" / "base.py"
    with pytest.raises(InputError, match="base.py|workdir") as caught:
        check_config_flags([f"--config={config}", f"--config.data.train_dir={name}"])
    assert not any(secret in str(caught.value) for secret in SECRETS)


def test_outputs_that_must_be_local_are_refused(tmp_path):
    web, url = "https://host/out.json", "s3://bucket/out.json"
    for write, output in (
        (lambda: evaluate("a.json", "b.json", Options(), output=web), web),
        (lambda: detect("workdir", "features", "a.json", "validation", web), web),
        (lambda: lock_folder(url).__enter__(), url),
        (lambda: lock_place(Path(url)).__enter__(), url),
        (lambda: page_beside(url), url),
    ):
        with pytest.raises(InputError, match=f"--output={output}"):
            write()
    assert not Path("s3:").exists()
