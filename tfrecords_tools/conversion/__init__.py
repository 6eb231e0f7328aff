"""Clips to shards: encoding, workers, resumable writing."""
