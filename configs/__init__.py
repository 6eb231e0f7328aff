"""One file for each run: `get_config()` returns the ConfigDict that --config loads."""
