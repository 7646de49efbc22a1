"""The transport: requests put on the wire, many at once, each answered by a response or a typed fault."""

from rokt_export.transport.libcurl import TransportOptions
from rokt_export.transport.transport import Transport

__all__ = ["Transport", "TransportOptions"]
