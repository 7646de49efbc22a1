"""The transport: requests put on the wire, many at once, each answered by a response or a typed fault."""

from rokt_export.delivery.transport.inspecting import inspect
from rokt_export.delivery.transport.inspection import Inspection
from rokt_export.delivery.transport.options import TransportOptions
from rokt_export.delivery.transport.transport import Transport

__all__ = ["Inspection", "Transport", "TransportOptions", "inspect"]
