import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.runs.metrics_log import append_row, drop_rows_after, read_rows


def test_rows_in_order_and_cut_back_to_a_step(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert read_rows(path) == []
    drop_rows_after(path, 0)
    assert not path.exists()
    for epoch in (1, 2, 3):
        append_row(path, {"epoch": epoch, "step": 10 * epoch})
    assert len(path.read_text().splitlines()) == 3
    drop_rows_after(path, 20)
    assert [row["epoch"] for row in read_rows(path)] == [1, 2]
    append_row(path, {"epoch": 3, "step": 30})
    assert [row["epoch"] for row in read_rows(path)] == [1, 2, 3]


def test_a_row_with_nan_is_refused_and_leaves_the_file(tmp_path):
    path = tmp_path / "metrics.jsonl"
    append_row(path, {"epoch": 1})
    with pytest.raises(ValueError, match="JSON"):
        append_row(path, {"epoch": 2, "train_loss": float("nan")})
    assert read_rows(path) == [{"epoch": 1}]


@pytest.mark.parametrize(
    "line",
    [b'{"epoch": ', b"", b"[" * 100_000, b"9" * 5000, b'"\xff"', b"[1]", b'{"a": 1, "a": 2}'],
)
def test_a_broken_line_is_named(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"epoch": 1}\n' + line + b"\n")
    with pytest.raises(InputError, match="line 2"):
        read_rows(path)
