"""The words of a partner spec: field types, templates, paths, patterns and response rules; no partner in particular."""
