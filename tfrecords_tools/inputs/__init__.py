"""What people have: folders, lists, CSVs and annotations that name clips."""
