"""One file a run: `get_config()` returns the ml_collections ConfigDict that a command loads with
--config.
"""
