"""Heuristics: small rules and models, written by a person, that vote on records."""
