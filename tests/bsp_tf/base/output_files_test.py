"""Outputs that would overwrite something, and names that do not say a known format."""

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_files import check_output_files, check_suffix, drawing_for


def test_other_files_pass_and_write_nothing(tmp_path):
    check_output_files([tmp_path / "in.json"], {"output": tmp_path / "out.json"})
    assert list(tmp_path.iterdir()) == []


def test_an_input_by_whatever_name_is_no_output(tmp_path):
    (tmp_path / "in.json").touch()
    (tmp_path / "link.json").symlink_to("in.json")
    for name in ("in.json", "link.json", "../" + tmp_path.name + "/in.json"):
        with pytest.raises(InputError, match="--figure=.*in.json|--figure=.*link.json"):
            check_output_files(
                [str(tmp_path / "in.json")], {"output": "o.json", "figure": tmp_path / name}
            )


def test_two_outputs_are_two_files(tmp_path):
    with pytest.raises(InputError, match="--output, --figure"):
        check_output_files([], {"output": tmp_path / "x.svg", "figure": f"{tmp_path}/./x.svg"})


def test_suffix_in_any_case():
    check_suffix("figure", "a.PNG", (".png", ".svg"))
    with pytest.raises(InputError, match=r"--figure=a\.txt: .*\.png, \.svg"):
        check_suffix("figure", "a.txt", (".png", ".svg"))


def test_a_library_that_is_missing_is_named():
    with pytest.raises(InputError, match="--figure needs no_such_library"), drawing_for("figure"):
        import no_such_library  # noqa: F401
