"""What an HTTP status says of the set-up, of the service and of where it moved, whatever the transaction was."""

from __future__ import annotations

SETUP_FAULTS = {
    401: "the partner does not accept the credentials",
    403: "the partner does not let this request in",
    404: "the partner does not know this address",
    405: "the partner does not take this method here",
    407: "a proxy asks for credentials",
    415: "the partner does not take this content type",
    421: "this server does not answer for that host",
    426: "the partner asks for another protocol, such as HTTPS",
}
"""Status to its meaning: it speaks of credentials, address, method, content type or protocol, not of a transaction."""
SETUP_OF_RULES = (401, 403, 404, 405, 415)
"""Those that a partner's API itself sends, so a spec needs a rule for them; proxies send the others."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""Statuses whose `Location` names where to send the request instead."""
TOO_FAST = 429
"""The status of a service that asks to slow down (RFC 6585)."""
BUSY = frozenset({408, 425, TOO_FAST, 503})
"""Statuses of a service that asks for another attempt later."""
