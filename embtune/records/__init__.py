"""Files in, files out: readers, writers, text templates and the sample data."""
