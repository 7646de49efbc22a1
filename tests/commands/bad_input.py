"""Specs without and with faults."""

from __future__ import annotations

OK = "spec_version: 1\npartner: acme\nendpoint: {staging: 'https://example.com'}\nresponses: [{outcome: delivered}]\n"
