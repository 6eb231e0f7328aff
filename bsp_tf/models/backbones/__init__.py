"""Networks over single frames that TSM shifts in time."""
