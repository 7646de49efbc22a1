"""The moving part: transport, pacing, engine and journal."""
