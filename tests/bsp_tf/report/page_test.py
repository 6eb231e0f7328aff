"""The page as a whole, from a complete folder of results and from broken ones."""

import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_folder
from bsp_tf.report.page import build_report
from bsp_tf.report.sources import Sources

VOID = {"meta", "link", "img", "br", "hr", "input"}


class _Balance(HTMLParser):
    """Checks that every element is closed in order, and gathers ids, addresses and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self._note(attributes)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._note(attributes)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.text += data

    def _note(self, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name.split(":")[-1] in ("src", "href", "srcset", "action", "data", "poster"):
                self.addresses.append(value)


def _parse(page: Path) -> _Balance:
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>") and text.rstrip().endswith("</html>")
    balance = _Balance()
    balance.feed(text)
    balance.close()
    assert balance.open == []
    return balance


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, make_video, make_results
) -> tuple[Path, str, _Balance]:
    root = make_results(tmp_path_factory.mktemp("whole") / "results")
    printed = build_report(Sources.under(root), root / "report", num_timelines=2)
    return root, printed, _parse(root / "report" / "index.html")


def test_page_needs_nothing_else(built):
    _, _, page = built
    assert page.addresses
    # The page of all videos is the one way out.
    assert [one for one in page.addresses if not re.match(r"#|data:", one)] == ["videos.html"]
    assert len(page.ids) == len(set(page.ids))
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= set(page.ids)


def test_page_loads_nothing_through_style_or_script(built):
    root, _, _ = built
    text = (root / "report" / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|@import|<script|file:", text)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", text))


def test_page_shows_the_numbers(built):
    root, _, page = built
    scores = json.loads((root / "scores" / "two_stream.json").read_text())
    evaluation = json.loads((root / "pretrain" / "boundary" / "evaluation.json").read_text())
    auc = json.loads((root / "report" / "joint_auc.json").read_text())["auc"]
    assert f"{100 * scores['mAP'][0]:.2f}" in page.text
    assert f"{100 * scores['average_mAP']:.2f}" in page.text
    for label in scores["ap"]:
        assert label.replace("_", " ") in page.text
    for share in evaluation["per_class"].values():
        assert f"{100 * share:.1f}" in page.text
    assert list(auc) == ["hard_cut", "cross_fade", "motion_change", "all"]
    for row in auc.values():
        for value in row.values():
            assert f"{value:.3f}" in page.text


def test_page_has_timelines_and_figures(built):
    root, _, page = built
    assert {"video_000", "video_002"} <= set(re.findall(r"video_\d+", page.text))
    names = {path.name for path in (root / "report" / "figures").iterdir()}
    assert {
        "timeline_1.png",
        "timeline_2.png",
        "joint_auc.png",
        "boundary_confusion.png",
        "boundary_recall.png",
        "action_confusion.png",
        "action_loss.png",
        "action_accuracy.png",
        "boundary_loss.png",
        "boundary_accuracy.png",
        "gtad_loss.png",
        "class_ap.png",
        "errors.png",
    } == names
    assert all(
        (root / "report" / "figures" / name).read_bytes().startswith(b"\x89PNG") for name in names
    )


def test_print_ends_with_table_accuracy_and_path(built):
    root, printed, _ = built
    lines = printed.splitlines()
    assert re.match(r"features +\| mAP@0.5 \| +0.75 \| +0.95 \| average", lines[1])
    assert lines[3].startswith("action only ") and lines[4].startswith("action + boundary ")
    assert any(line.startswith("same-speed") for line in lines)
    assert any(line.startswith("motion change") for line in lines)
    assert lines[-1] == f"Report: {root / 'report' / 'index.html'}"


def test_all_videos_have_a_player_on_a_page_beside(built):
    root, _, _ = built
    text = (root / "report" / "videos.html").read_text(encoding="utf-8")
    data = json.loads(text.partition('id="data">')[2].partition("<")[0])
    database = json.loads((root / "sample" / "annotations.json").read_text())["database"]
    scored = [name for name, entry in database.items() if entry["subset"] == "validation"]
    videos = {video["name"]: video for video in data["videos"]}
    assert set(videos) <= set(scored) and videos
    for name, video in videos.items():
        assert (root / "report" / video["uri"]).resolve().stem == name
        assert (root / "report" / video["uri"]).is_file()
        assert len(video["truth"]) == 2 and video["detections"] and video["curve"]


@pytest.mark.thorough
def test_same_inputs_same_page(built):
    root, _, _ = built
    build_report(Sources.under(root), root / "again", num_timelines=2)
    assert (root / "again" / "index.html").read_bytes() == (
        root / "report" / "index.html"
    ).read_bytes()


def test_missing_parts_are_named(results_root):
    for part in ("pretrain", "gtad", "features", "detections", "preview.png", "sample/videos"):
        path = results_root / part
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    printed = build_report(Sources.under(results_root), results_root / "report", num_timelines=1)
    page = _parse(results_root / "report" / "index.html")
    for part in (
        "pretrain/boundary/evaluation.json",
        "pretrain/action/metrics.jsonl",
        "gtad/action/metrics.jsonl",
        "features/metadata.json",
        "detections/two_stream.json",
        "sample/videos",
        "pretrain/action/config.json",
    ):
        assert str(results_root / part) in page.text, part
    assert "evaluation.json" in printed
    assert not (results_root / "report" / "joint_auc.json").exists()


def forget_training(root: Path) -> None:
    """Spares a page the figures that a test does not look at."""
    for part in ("pretrain", "gtad"):
        shutil.rmtree(root / part)


def test_annotations_without_joints(results_root):
    forget_training(results_root)
    path = results_root / "sample" / "annotations.json"
    content = json.loads(path.read_text())
    for entry in content["database"].values():
        del entry["joints"], entry["distractors"]
    path.write_text(json.dumps(content))
    build_report(Sources.under(results_root), results_root / "report", num_timelines=0)
    page = _parse(results_root / "report" / "index.html")
    assert "picture-joint_auc" not in page.ids
    assert not (results_root / "report" / "joint_auc.json").exists()
    assert "procedural" not in page.text


@pytest.fixture(scope="module")
def odd_page(tmp_path_factory, make_results) -> Path:
    """A page of features of another tool, of broken videos and of a label that looks like HTML."""
    root = make_results(tmp_path_factory.mktemp("odd") / "results")
    forget_training(root)
    metadata = json.loads((root / "features" / "metadata.json").read_text())
    del metadata["boundary_labels"]
    (root / "features" / "metadata.json").write_text(json.dumps(metadata))
    for path in (root / "sample" / "videos").iterdir():
        path.write_bytes(b"no video")
    for name in (
        "scores/action.json",
        "scores/two_stream.json",
        "sample/annotations.json",
        "detections/action.json",
    ):
        (root / name).write_text((root / name).read_text().replace("swing_left", "<b>&jump"))
    build_report(Sources.under(root), root / "report", num_timelines=1)
    return root / "report" / "index.html"


def test_features_of_another_tool(odd_page):
    page = _parse(odd_page)
    assert "picture-joint_auc" not in page.ids and "1 − p(same-speed)" not in page.text


def test_broken_video_leaves_a_timeline_without_thumbnails(odd_page):
    text = odd_page.read_text()
    assert 'aria-label="Timeline of the video' in text
    assert "<image" not in text


def test_labels_are_escaped(odd_page):
    assert "<b>&jump" in _parse(odd_page).text


def test_evaluation_of_the_wrong_task(results_root):
    source = results_root / "pretrain" / "action" / "evaluation.json"
    shutil.copy(source, results_root / "pretrain" / "boundary" / "evaluation.json")
    with pytest.raises(InputError, match=r"boundary.evaluation\.json .*'circle'"):
        build_report(Sources.under(results_root), results_root / "report", num_timelines=0)


def test_preview_that_is_no_picture(results_root):
    forget_training(results_root)
    (results_root / "preview.png").write_text("oops")
    with pytest.raises(InputError, match=r"preview\.png"):
        build_report(Sources.under(results_root), results_root / "report", num_timelines=0)


def test_wrong_root(tmp_path):
    with pytest.raises(InputError, match=r"annotations\.json"):
        build_report(Sources.under(tmp_path / "nowhere"), tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_folder_that_another_run_writes_is_refused(built, tmp_path):
    with lock_folder(tmp_path / "out"):
        with pytest.raises(InputError, match=f"process {os.getpid()}.*{tmp_path / 'out'}"):
            build_report(Sources.under(built[0]), tmp_path / "out", num_timelines=1)
        assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
