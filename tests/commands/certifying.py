"""Certifications of a partner that keeps records, and what they say."""

from __future__ import annotations

from unicodedata import combining, normalize

from certification.crm import KEY

ENV = {"ACME_KEY": KEY}


def without_accents(text: str) -> str:
    return "".join(sign for sign in normalize("NFKD", text) if not combining(sign)).replace("Ł", "L")
