"""Votes, the journal with its undo, sessions and the label set."""
