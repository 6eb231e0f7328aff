"""Does a boundary stream help? The grid behind docs/results.md."""
