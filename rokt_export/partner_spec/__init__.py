"""The partner's contract: document, model, template, lint and Rokt's attributes."""
