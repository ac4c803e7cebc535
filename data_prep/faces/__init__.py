"""Pixels: landmarks, alignment, synthetic people."""
