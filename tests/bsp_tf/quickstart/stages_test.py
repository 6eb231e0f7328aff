"""The plan of the quickstart, and where it finds its configs."""

import importlib.util
from pathlib import Path

from bsp_tf.quickstart.stages import Stage, plan_stages, shipped_config

PROJECT = Path(__file__).resolve().parents[3]


def test_plan_names_real_modules_and_distinct_outputs(tmp_path):
    plan = plan_stages(
        tmp_path,
        *(shipped_config(f"sample_{name}.py") for name in ("action", "boundary", "gtad")),
        2,
    )
    assert len({stage.name for stage in plan}) == len({stage.output for stage in plan}) == len(plan)
    for stage in plan:
        assert importlib.util.find_spec(stage.module) is not None
        assert tmp_path in stage.output.parents
        assert stage.config is None or Path(stage.config).is_file()
    assert plan[-1].module == "bsp_tf.report"


def test_other_flags_or_a_missing_output_run_a_stage_again(tmp_path):
    first = Stage("one", "json.tool", ("--help",), tmp_path)
    assert first.fingerprint() == Stage("one", "json.tool", ("--help",), tmp_path).fingerprint()
    assert first.fingerprint() != Stage("one", "json.tool", ("--version",), tmp_path).fingerprint()
    config = tmp_path / "config.py"
    config.write_text("a = 1\n")
    before = Stage("one", "json.tool", (), tmp_path, str(config)).fingerprint()
    config.write_text("a = 2\n")
    assert before != Stage("one", "json.tool", (), tmp_path, str(config)).fingerprint()


def test_configs_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(PROJECT)
    assert shipped_config("sample_gtad.py") == "configs/sample_gtad.py"
    # Not the package of the same name that another project may have.
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert shipped_config("sample_gtad.py") == str(PROJECT / "configs" / "sample_gtad.py")
