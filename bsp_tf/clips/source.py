"""Where trimmed clips come from: the one thing that samples, training and evaluation know of it.

A source gives the class names, an index (class, length and frame size of each clip) and a function
from (clip, frame number) to JPEG strings. TFRecord folders are the one kind there is; `source_type`
is the place to add another.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UrlPath
from bsp_tf.records.damage import damage_error
from bsp_tf.records.folder import open_folder
from bsp_tf.records.frame_reader import FrameReader, read_bytes_of, read_records_of
from bsp_tf.records.index import RecordIndex, load_index
from bsp_tf.records.storage import StoragePath, TensorFlowPath, storage_path


class ClipIndex(Protocol):
    """One entry per clip, in a fixed order."""

    @property
    def label(self) -> np.ndarray:
        """int32 [n]: class index, -1 for an unlabelled clip."""

    @property
    def num_frames(self) -> np.ndarray:
        """int32 [n]: frames of the clip, 0 or more."""

    @property
    def size(self) -> np.ndarray:
        """int32 [n, 2]: height and width of the clip's frames, pixels."""


class ClipSource(Protocol):
    """Trimmed clips in one folder."""

    @classmethod
    def open(cls, path: str | os.PathLike) -> "ClipSource":
        """Opens and checks a folder; InputError (with the path) if it cannot serve."""

    @classmethod
    def damage_error(cls, path: str | os.PathLike, error: tf.errors.OpError) -> InputError:
        """An error that TensorFlow met while it read, in one line: the damaged file, what to do."""

    @property
    def path(self) -> StoragePath:
        """The folder."""

    @property
    def files(self) -> Sequence[str]:
        """Files that hold the clips; their names and sizes change if the clips change."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names; the position is the class index."""

    @property
    def num_clips(self) -> int:
        """Clips of the folder, labelled or not; at least 1."""

    @property
    def index(self) -> ClipIndex:
        """Read when it is first asked for; InputError for a damaged file."""

    def frame_reader(self, in_graph: bool) -> FrameReader:
        """A function that reads single frames, usable in `Dataset.map`.

        Args:
            in_graph: whether TensorFlow's ops alone must do it: a tf.data service sends them to
                other processes. Otherwise Python may be called.
        """


def source_type(path: str | os.PathLike) -> type[ClipSource]:
    """The kind of source that lies in a folder, by what the folder holds."""
    del path  # there is one kind so far
    return RecordSource


def open_source(path: str | os.PathLike) -> ClipSource:
    """Opens the clips of a folder.

    Raises:
        InputError: no such folder, or its clips cannot be used.
    """
    return source_type(path).open(path)


def open_split(config, split: str) -> ClipSource:
    """Opens the clips of a split: `data.train_dir` ("train") or `data.validation_dir`."""
    return open_source(config.data.train_dir if split == "train" else config.data.validation_dir)


def digest_source(source: ClipSource) -> str:
    """SHA-256 of labels, file names and file sizes: changed clips change one of them."""
    files = [storage_path(file) for file in source.files]
    sizes = [(file.name, file.stat().st_size) for file in files]
    return hashlib.sha256(json.dumps([source.labels, sizes]).encode()).hexdigest()


class RecordSource:
    """A folder of TFRecord shards, written by `tfrecords_tools.convert`."""

    def __init__(self, path: str | os.PathLike):
        """Opens the folder; see `records.folder.open_folder`."""
        self._folder = open_folder(path)
        self.path, self.files = self._folder.path, self._folder.shards
        self.labels, self.num_clips = self._folder.labels, self._folder.num_clips

    @classmethod
    def open(cls, path: str | os.PathLike) -> "RecordSource":
        """See `ClipSource`."""
        return cls(path)

    @classmethod
    def damage_error(cls, path: str | os.PathLike, error: tf.errors.OpError) -> InputError:
        """See `ClipSource`; the folder need not be whole."""
        return damage_error(path, error)

    @cached_property
    def index(self) -> RecordIndex:
        """See `ClipSource`."""
        return load_index(self._folder)

    def frame_reader(self, in_graph: bool) -> FrameReader:
        """See `ClipSource`. In the graph a record is read whole, otherwise the frames alone.

        Through TensorFlow's file systems a record is one or two requests, and single frames would
        be one each. With fsspec the frames of a clip are one request.

        Raises:
            InputError: TensorFlow's ops do not reach the folder.
        """
        if in_graph and isinstance(self.path, UrlPath):
            raise InputError(
                f"the workers of data.service cannot read {self.path}: copy the records to where "
                "they can, or leave data.service empty."
            )
        whole = in_graph or isinstance(self.path, TensorFlowPath)
        return (read_records_of if whole else read_bytes_of)(self._folder, self.index)
