"""Whether a folder of records is sound, and what it holds."""
