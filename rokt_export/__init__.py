"""Prove a partner's transaction API: a transaction is read, rendered, sent, classified, journaled and reported.

The way of one transaction, in the order of the folders: `spec` says what the partner wants, `transactions` reads the
row, `exchange` renders the request and later reads the answer, `delivery` carries it and keeps the journal, `reports`
tells what happened. `sandbox` plays the partner, `onboarding` proves a spec, `commands` are the buttons.
"""

__version__ = "0.1.0"
