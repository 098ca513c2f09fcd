"""Nearest-neighbour search by cosine."""
