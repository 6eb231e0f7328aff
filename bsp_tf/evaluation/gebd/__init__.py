"""Generic event boundaries: scores of Kinetics-GEBD and TAPOS, and the files that they need."""
