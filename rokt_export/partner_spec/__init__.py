"""A partner's spec: parsing, the model, lint findings, and Rokt's attribute catalogue."""
