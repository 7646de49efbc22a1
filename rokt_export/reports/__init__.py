"""What happened, told to people and machines from exchanges and the journal."""
