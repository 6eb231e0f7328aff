"""Annotations and detections in the forms of labelling tools, read and written."""
