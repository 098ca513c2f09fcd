"""Texts to vectors: devices, models, encoders and the matrix files."""
