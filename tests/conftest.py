"""Fixtures for all tests: real videos made on the spot, the optional folder of reference data."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

# Before TensorFlow is imported anywhere: quiet start-up, and no GPU even where there is one.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings

pytest_plugins = [
    "tests.fixtures.color_records",
    "tests.fixtures.gtad_reference",
    "tests.fixtures.rule_weights",
    "tests.fixtures.s3_server",
]

# The files that take longest come first: whichever came last would be waited for by all workers.
LONGEST_FIRST = (
    "bsp_tf/pretraining/flaky_network_test.py",
    "bsp_tf/pretraining/many_workers_test.py",
    "bsp_tf/clips/input_service_test.py",
    "interrupt_test.py",
    "bsp_tf/train_head_test.py",
    "bsp_tf/runs/strategy_test.py",
    "bsp_tf/pretraining/trainer_test.py",
    "bsp_tf/pretrain_test.py",
    "tfrecords_tools/conversion/job_test.py",
    "examples_test.py",
    "bsp_tf/export_test.py",
    "bsp_tf/evaluate_clips_test.py",
    "bsp_tf/pretraining/learner_test.py",
    "bsp_tf/localization/heads/actionformer/training_test.py",
    "fuzz/fuzz_test.py",
    "bsp_tf/report/page_test.py",
    "bsp_tf/models/backbones/mobilenet_v2_test.py",
    "bsp_tf/clips/pipelines_test.py",
    "bsp_tf/extract_test.py",
)

PROJECT = Path(__file__).resolve().parents[1]
TESTDATA = Path(__file__).resolve().parent / "testdata"
# Inputs for each property: a few, always the same, or so many, other ones each time (`make fuzz`).
EXAMPLES = os.environ.get("BSP_TF_EXAMPLES")
settings.register_profile(
    "project",
    max_examples=int(EXAMPLES or 25),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    phases=[phase for phase in Phase if phase is not Phase.explain],
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("project")
SHARED = Path(os.environ.get("BSP_TF_REFERENCE_DATA", PROJECT.parent / "shared"))


def pytest_configure(config: pytest.Config) -> None:
    """Lets `--dist=loadfile` hand out files in the order of the tests, not by their number."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts by LONGEST_FIRST; all other tests follow in their order."""
    folder = Path(__file__).resolve().parent
    rank = {folder / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of full reference numbers and real data; most machines do not have it."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(
            f"reference data not found at {SHARED} (set BSP_TF_REFERENCE_DATA); small goldens "
            "still ran"
        )
    return SHARED


@pytest.fixture
def no_hang() -> Iterator[None]:
    """Ends a test that waits for ever, after a minute."""

    def end(number: int, frame: object) -> None:
        raise TimeoutError("nothing happens any more")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def testdata() -> Path:
    """Small reference numbers that are part of the project."""
    return TESTDATA


def write_video(
    path: Path,
    num_frames: int = 30,
    height: int = 48,
    width: int = 64,
    fps: int = 25,
    seed: int = 0,
    codec: str = "libx264",
) -> Path:
    """A real video: a bright square that walks over a fixed random texture, one step a frame."""
    rng = np.random.default_rng(seed)
    texture = rng.integers(0, 160, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
    texture = texture.repeat(4, 0).repeat(4, 1)[:height, :width]
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i in range(num_frames):
            image = texture.copy()
            left = (2 * i + 7 * seed) % (width - 8)
            image[8:20, left : left + 8] = 255
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.fixture(scope="session")
def make_video() -> Callable[..., Path]:
    """`make_video(path, num_frames=30, height=48, width=64, fps=25, seed=0)` writes a real mp4 and
    returns its path.
    """
    return write_video
