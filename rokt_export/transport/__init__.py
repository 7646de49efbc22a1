"""The transport: requests put on the wire, many at once, each answered by a response or a typed fault."""

from rokt_export.transport.connection_report import Inspection
from rokt_export.transport.options import TransportOptions
from rokt_export.transport.tls_probe import inspect
from rokt_export.transport.transport import Transport

__all__ = ["Inspection", "Transport", "TransportOptions", "inspect"]
