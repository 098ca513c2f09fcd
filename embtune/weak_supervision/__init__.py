"""Weak supervision: one label and a calibrated confidence out of many heuristics' votes."""
