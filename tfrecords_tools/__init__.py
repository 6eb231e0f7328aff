"""From raw videos to TFRecords that DMVR, Scenic and the TF Model Garden read unchanged."""
