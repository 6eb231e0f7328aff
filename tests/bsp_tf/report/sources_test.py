"""Where the inputs are looked for."""

from pathlib import Path

from bsp_tf.report.sources import Sources


def test_places_under_a_root():
    sources = Sources.under("root", "testing")
    assert sources.annotations == Path("root/sample/annotations.json")
    assert sources.detections == {
        "action": Path("root/detections/action.json"),
        "two_stream": Path("root/detections/two_stream.json"),
    }
    assert sources.subset == "testing"


def test_a_named_path_replaces_one():
    named = {"videos": Path("films"), "gtad_action_workdir": Path("head")}
    sources = Sources.under("root", named=named)
    assert sources.videos == Path("films")
    assert sources.gtad == {"action": Path("head"), "two_stream": Path("root/gtad/two_stream")}


def test_every_input_has_a_flag_of_its_own():
    flags = [item.flag for item in Sources.inputs()]
    assert len(flags) == len(set(flags)) == 12
    assert {"boundary_workdir", "two_stream_scores", "preview"} <= set(flags)
