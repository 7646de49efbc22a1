"""Challenges of a server."""

from __future__ import annotations

BASIC = 'Basic realm="r"'
MD5 = 'Digest realm="r", nonce="abc", qop="auth"'
URL = "https://api.example.com/leads?a=1"
