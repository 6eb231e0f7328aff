"""Trimmed clips as TFRecords: format, folders, index, reading."""
