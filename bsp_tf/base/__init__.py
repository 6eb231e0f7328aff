"""What every package stands on: errors, files, settings of outputs, the command line."""
