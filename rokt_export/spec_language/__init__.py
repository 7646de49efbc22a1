"""The building blocks of the spec language: field types, templates, paths, patterns and response rules."""
