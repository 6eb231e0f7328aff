"""What an imported head is told of the features it will see. NumPy only."""

from collections.abc import Mapping
from typing import Any

from bsp_tf.features.layout import SETTINGS, read_layouts, setting_text


def source_fields(streams: str, feature_settings: Mapping[str, str]) -> dict[str, Any]:
    """Fields of config.json.

    Args:
        streams: Parts of a folder of bsp_tf.extract, with commas.
        feature_settings: See `bsp_tf.features.layout`.

    Raises:
        InputError: a setting is none.
    """
    # As texts: an import of version 0.1 is the same one.
    settings = {name: setting_text(default) for name, default in SETTINGS.items()}
    settings |= feature_settings
    # How many sources there will be is not known: as many as the settings have values.
    read_layouts(settings, max(value.count(",") + 1 for value in settings.values()))
    names = [name.strip() for name in streams.split(",") if name.strip()]
    return {"streams": names, **settings}
