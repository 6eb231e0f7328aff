"""Readers fed with damaged files: each file is read, or refused in one line."""
