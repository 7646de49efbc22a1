"""A template's text and a row become a value, in tests."""

from __future__ import annotations

from rokt_export.spec_language.template import compile_template
from rokt_export.spec_language.template_places import TemplatePlace

HOSTILE = "é&<>'\"\\/ +%\n"


def fill(source, values=None, env=None, place=TemplatePlace.VALUE):
    return compile_template(source, place).fill(values or {}, env or {})
