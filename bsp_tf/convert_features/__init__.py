"""Features and annotations in the forms of other tools of the field."""
