"""What every room stands on: errors that teach, atomic files, the command line."""
