"""The readers of files that users bring, each with sound files to begin with."""

import functools
import gzip
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

VIDEO = {
    "subset": "validation",
    "duration": 20.0,
    "fps": 25.0,
    "annotations": [
        {"segment": [1.0, 4.5], "label": "wave"},
        {"segment": [6.25, 9.0], "label": "bow, twice"},
    ],
    "joints": [{"segment": [3.0, 3.0], "kind": "hard_cut"}],
}
DATABASE = {"version": "x", "taxonomy": [], "database": {"v_a": VIDEO, "b": VIDEO}}
RESULTS = {
    "results": {
        "v_a": [{"label": "wave", "score": 0.9, "segment": [1.0, 4.0], "time": 1.0}],
        "b": [],
    }
}

SCORES = {"class": ["wave", "bow"], "results": {"v_a": [0.9, 0.1]}}


@dataclass(frozen=True)
class Reader:
    """One reader.

    Attributes:
        name: Of its files.
        seeds: Makes the sound files.
        read: Reads the file of that name to its end.
        wrap: Makes a file of what was damaged.
    """

    name: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[str], Any]
    wrap: Callable[[bytes], bytes] = bytes


def json_seeds(*documents: Any) -> list[bytes]:
    plain = [json.dumps(document).encode() for document in documents]
    return [*plain, *(gzip.compress(data, mtime=0) for data in plain)]


def _written(suffix: str, write: Callable[[Path], Any]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"file{suffix}")
        write(path)
        return path.read_bytes()


def label_seeds() -> list[bytes]:
    return [b"wave\nbow\n", b"\xef\xbb\xbfa\r\nb\r\n"]


def npy_seeds() -> list[bytes]:
    arrays = [np.ones((20, 8), np.float32), np.ones((3, 4), "<f2"), np.asfortranarray(np.eye(5))]
    return [_written(".npy", functools.partial(np.save, arr=array)) for array in arrays]


def npz_seeds() -> list[bytes]:
    found = []
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, v_a=np.ones((20, 8), np.float32), b=np.zeros((4, 8)))
        found.append(file.getvalue())
    return found


def h5_seeds() -> list[bytes]:
    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file["v_a"] = np.ones((20, 8), np.float32)
            file.create_dataset("b/features", data=np.ones((9, 8)), chunks=(4, 8), compression=4)

    return [_written(".h5", write)]


def csv_features() -> list[bytes]:
    rows = "\n".join(",".join(f"{i * k / 7:.3f}" for k in range(8)) for i in range(20))
    return [("a,b,c,d,e,f,g,h\n" + rows).encode()]


def video_seeds() -> list[bytes]:
    import av

    def write(path: Path, codec: str) -> None:
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            rng = np.random.default_rng(0)
            for _ in range(12):
                image = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))

    forms = ((".mp4", "libx264"), (".avi", "mpeg4"), (".mkv", "libx264"), (".mpg", "mpeg2video"))
    return [_written(suffix, functools.partial(write, codec=codec)) for suffix, codec in forms]


def jpeg_seeds() -> list[bytes]:
    import simplejpeg

    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    return [simplejpeg.encode_jpeg(image, quality=quality) for quality in (30, 90)]


def payload_seeds() -> list[bytes]:
    from bsp_tf.records.schema import Clip, encode_clip

    pictures = jpeg_seeds()
    clips = [Clip(pictures, 0, "wave", 0.0, 0.08, "a.mp4", 25.0, 48, 64)]
    return [encode_clip(clip) for clip in clips]


def framed(payload: bytes) -> bytes:
    """A record of a TFRecord file."""
    from tfrecords_tools.inspection.record_reader import masked_crc

    length = len(payload).to_bytes(8, "little")
    return b"".join(
        part
        for block in (length, payload)
        for part in (block, masked_crc(block).to_bytes(4, "little"))
    )


def record_seeds() -> list[bytes]:
    return [framed(payload) * 2 for payload in payload_seeds()]


def _all_features(path: str) -> None:
    from bsp_tf.features.formats import FeatureFiles

    # .npy and .csv are a video each, in a folder; the others hold all videos.
    files = FeatureFiles(path if path.endswith(("npz", "h5")) else Path(path).parent)
    for name in sorted(files.video_ids):
        files.load(name)


def _annotations(path: str) -> None:
    from bsp_tf.annotations.mended import load_annotations

    load_annotations(path)


def _tables(path: str) -> None:
    known = Path(path).with_name("known.json")
    if not known.exists():
        known.write_text(json.dumps(DATABASE))
    alone = b"type" in Path(path).read_bytes()[:80]
    _annotations(path if alone else f"{known},{path}")


def _scoring(path: str) -> None:
    from bsp_tf.evaluation.predictions import load_predictions

    load_predictions(path)


def _truths(path: str) -> None:
    from bsp_tf.evaluation.gebd.ground_truth import load_boundary_truths

    load_boundary_truths(path, "validation")


def _video(path: str) -> None:
    from bsp_tf.video.reader import read_frames

    for _ in read_frames(path):
        pass


def _labels(path: str) -> None:
    from bsp_tf.base.labels_file import read_label_file

    read_label_file(path)


def _jpeg(path: str) -> None:
    from tfrecords_tools.inspection.record_faults import jpeg_fault

    jpeg_fault(Path(path).read_bytes(), 48, 64)


def _class_scores(path: str) -> None:
    from bsp_tf.localization.class_scores import class_scores_from_file

    class_scores_from_file(path, ["wave", "bow"])


def _exchange(form: str, path: str) -> None:
    from bsp_tf.exchange.files import read_table
    from bsp_tf.exchange.table import Known

    read_table(path, form, Known(fps=25.0))


def _exchange_seeds(form: str) -> list[bytes]:
    from bsp_tf.exchange.files import read_table, write_table
    from bsp_tf.exchange.formats import FORMATS
    from bsp_tf.exchange.table import Known

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "annotations.json")
        source.write_text(json.dumps(DATABASE))
        table = read_table(str(source), "activitynet", Known(fps=25.0))
        output = Path(folder, f"out{'' if FORMATS[form].per_video else FORMATS[form].suffix}")
        write_table(table, str(output), form)
        files = sorted(output.iterdir()) if output.is_dir() else [output]
        return [file.read_bytes() for file in files]


def _shard(path: str) -> None:
    from tfrecords_tools.inspection.record_check import check_shard

    check_shard(path, ["wave"], 1)


def _feature_folder(path: str) -> None:
    from bsp_tf.features.span import feature_span
    from bsp_tf.features.store import FeatureStore

    store = FeatureStore(Path(path).parent)
    for name in store.video_ids:
        feature_span(store.metadata, name)


def metadata_seeds() -> list[bytes]:
    about = {"fps": 25.0, "num_frames": 100, "duration_seconds": 4.0, "num_snippets": 12}
    settings = {
        "window": 8,
        "frame_step": 1,
        "stride": 8,
        "feature_dim": 8,
        "streams": {"action": [0, 4], "boundary": [4, 8]},
        "videos": {"v_a": about},
    }
    return [json.dumps(settings).encode()]


def _clip_list(path: str) -> None:
    from tfrecords_tools.inputs.clip_sources import InputSource, index_clips

    folder = Path(path).parent
    for name in ("a.mp4", "b.mp4", "wave/abc_000001_000011.mp4", "bow/def_000000_000010.mp4"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    index_clips(InputSource(path, videos=str(folder)))


def list_seeds() -> list[bytes]:
    return [
        b"label,youtube_id,time_start,time_end,split\nwave,abc,1,11,train\nbow,def,0,10,train\n",
        b"a.mp4 wave\nb.mp4 bow twice\n",
        b"path,label,start,end\na.mp4,wave,0.5,2\nb.mp4,bow,,\n",
    ]


def table_seeds() -> list[bytes]:
    return [
        b"video,numFrame,seconds,fps,rfps,subset,featureFrame\nv_a,500,20.0,25,25.0,training,496\n",
        b"video,type,typeIdx,start,end,startFrame,endFrame\n"
        b"video_test_0000004,Diving,7,1.5,4.25,45,128\nvideo_test_0000004,Ambiguous,0,5,6,150,180\n",
    ]


def _variables() -> dict[str, Any]:
    import tensorflow as tf

    return {name: tf.Variable(tf.ones([4, 3])) for name in "ab"}


def _checkpoint(path: str) -> None:
    import tensorflow as tf

    from bsp_tf.runs.checkpoints import restore_checkpoint

    prefix = path.removesuffix(".index")
    data = Path(f"{prefix}.data-00000-of-00001")
    if not data.exists():
        sound = tf.train.Checkpoint(**_variables()).save(f"{prefix}_sound")
        Path(f"{sound}.data-00000-of-00001").rename(data)
    restore_checkpoint(tf.train.Checkpoint(**_variables()), prefix, "config.json")


def checkpoint_seeds() -> list[bytes]:
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        path = tf.train.Checkpoint(**_variables()).save(f"{folder}/ckpt")
        return [Path(f"{path}.index").read_bytes()]


def _plain_json(path: str) -> None:
    from bsp_tf.base.json_file import read_json

    read_json(path)


READERS = {
    "JSON": Reader("a.json", functools.partial(json_seeds, DATABASE, RESULTS), _plain_json),
    "annotations": Reader("a.json", functools.partial(json_seeds, DATABASE), _annotations),
    "annotation tables": Reader("a.csv", table_seeds, _tables),
    "detections": Reader("a.json", functools.partial(json_seeds, RESULTS), _scoring),
    "boundary truths": Reader("a.json", functools.partial(json_seeds, DATABASE), _truths),
    "class scores": Reader(
        "a.json",
        functools.partial(json_seeds, SCORES),
        _class_scores,
    ),
    "labels": Reader("labels.txt", label_seeds, _labels),
    "clip lists": Reader("clips.csv", list_seeds, _clip_list),
    "feature folder": Reader("metadata.json", metadata_seeds, _feature_folder),
    "npy": Reader("v_a.npy", npy_seeds, _all_features),
    "npz": Reader("a.npz", npz_seeds, _all_features),
    "HDF5": Reader("a.h5", h5_seeds, _all_features),
    "feature CSV": Reader("v_a.csv", csv_features, _all_features),
    "TFRecord": Reader("clips-00000-of-00001", record_seeds, _shard),
    "SequenceExample": Reader("clips-00000-of-00001", payload_seeds, _shard, framed),
    "JPEG": Reader("a.jpg", jpeg_seeds, _jpeg),
    "video": Reader("a.mp4", video_seeds, _video),
    "checkpoint": Reader("ckpt.index", checkpoint_seeds, _checkpoint),
    **{
        form: Reader(
            name, functools.partial(_exchange_seeds, form), functools.partial(_exchange, form)
        )
        for form, name in (
            ("label_studio", "a.json"),
            ("fiftyone", "a.json"),
            ("via", "a.csv"),
            ("webvtt", "a.vtt"),
            ("srt", "a.srt"),
            ("eaf", "a.eaf"),
        )
    },
}
