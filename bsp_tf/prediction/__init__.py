"""Answers about raw videos: boundaries and detections, with nothing but trained models."""
