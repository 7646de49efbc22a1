"""The transport: sends many requests at once, and returns a response or a typed fault for each."""

from rokt_export.transport.libcurl import TransportOptions
from rokt_export.transport.transport import Transport

__all__ = ["Transport", "TransportOptions"]
