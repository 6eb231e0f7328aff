"""Video files to RGB frames and snippets."""
