"""What servers need beside a file's name: the package for each, patience, and what to do."""
