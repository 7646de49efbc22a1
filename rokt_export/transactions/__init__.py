"""Rows from anywhere, generated ones, and the damage found in files."""
