"""JSON values, and the texts that they must become."""

import json

from hypothesis import strategies as st

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def as_text(value):
    """Return what a JSON value must become, worked out from the value instead of from the text."""
    match value:
        case bool():
            return json.dumps(value)
        case int() | float():
            return json.dumps(value)
        case list():
            return [as_text(item) for item in value]
        case dict():
            return {key: as_text(item) for key, item in value.items()}
        case _:
            return value
