"""Work that is handed to the workers of an Apache Beam runner (extra `beam`)."""
