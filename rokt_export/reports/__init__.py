"""What happened, for people and machines: every report is the journal, read once more; none needs a socket."""
