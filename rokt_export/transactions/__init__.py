"""Reads rows from files and streams, generates test people, and finds damage in files."""
