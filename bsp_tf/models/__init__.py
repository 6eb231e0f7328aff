"""TSM networks and the two-stream encoder."""
