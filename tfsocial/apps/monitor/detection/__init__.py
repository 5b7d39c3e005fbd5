"""Surges of negative opinion: what is expected, how far counts are from it, when to raise alarm."""
