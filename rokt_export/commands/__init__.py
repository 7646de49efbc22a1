"""The buttons: a file per command, flags in, one call, a report out."""
