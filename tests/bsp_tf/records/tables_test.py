"""Tables that graphs use without holding them."""

import numpy as np
import tensorflow as tf

from bsp_tf.records.tables import captured


def test_numbers_and_names_in_a_data_set():
    numbers, names = np.arange(6, dtype=np.int32).reshape(3, 2), np.array(["a", "b", "c"], object)
    table, texts = captured(numbers), captured(names)
    assert table.dtype == tf.int32 and table.shape == (3, 2) and texts.dtype == tf.string
    rows = tf.data.Dataset.range(3).map(lambda row: (tf.gather(table, row), texts[row]))
    for row, (found, name) in enumerate(rows.as_numpy_iterator()):
        assert found.tolist() == numbers[row].tolist() and name.decode() == names[row]


def test_made_inside_a_graph_it_is_a_tensor_outside():
    made = []

    @tf.function
    def double(row):
        made.append(captured(np.arange(100_000)))
        return 2 * made[0][row]

    assert double(tf.constant(7)).numpy() == 14 and made[0].numpy()[-1] == 99_999
    graph = double.get_concrete_function(tf.constant(7)).graph
    assert graph.as_graph_def().ByteSize() < 10_000
