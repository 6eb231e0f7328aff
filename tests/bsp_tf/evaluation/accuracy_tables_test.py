"""Tables of clips and boundary samples."""

import numpy as np

from bsp_tf.evaluation import accuracy_tables
from bsp_tf.evaluation.clip_accuracy import summarize


def test_a_table_is_markdown_with_straight_columns():
    lines = accuracy_tables.markdown_table(["name", "n"], [["a|b", "1"], ["c", "200"]]).splitlines()
    assert lines[2] == "| a\\|b |   1 |" and len({len(line) for line in lines}) == 1
    assert lines[1] == "|------|----:|"


def test_the_worst_classes_come_first_and_empty_ones_not_at_all():
    labels = np.repeat(np.arange(8), 4)
    labels = labels[labels != 5]
    logits = np.eye(8)[np.where(labels == 3, 0, labels)]
    names = [f"class {i}" for i in range(8)]
    view = summarize(logits, labels, names)
    text = accuracy_tables.action_tables({"1 clip": view, "10 clips": view}, most_classes=2)
    rows = [
        line for line in text.splitlines() if line.startswith("| class ") and "clips" not in line
    ]
    assert "10 clips, the worst 2 of 7 classes:" in text and len(rows) == 2
    assert rows[0].split("|")[1:5] == [
        " class 3 ",
        "     4 ",
        "      0.0 ",
        "          class 0 (4) ",
    ]
    assert "class 5" not in accuracy_tables.action_tables({"1 clip": view})
    assert text.splitlines()[2].split("|")[3].strip() == "85.7"
