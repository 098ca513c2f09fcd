"""The tables, their migrations and the only SQL."""
