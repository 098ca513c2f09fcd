"""Recipes that fine-tune an embedding, and everything that touches Quaterion."""
