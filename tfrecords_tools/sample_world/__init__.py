"""The sample world: motions, looks, videos with known joints."""
