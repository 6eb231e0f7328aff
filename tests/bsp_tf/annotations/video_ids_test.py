"""Ids of videos as different files spell them."""

from bsp_tf.annotations.video_ids import match_id


def test_ids_with_and_without_prefix():
    assert match_id("abc", {"v_abc"}) == "v_abc"
    assert match_id("v_abc", {"abc"}) == "abc"
    assert match_id("abc", {"abc", "v_abc"}) == "abc"
    assert match_id("abc", {"xyz"}) is None
