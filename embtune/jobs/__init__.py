"""Long work outside the page: start, watch, cancel, resume."""
