"""Files of transactions, written for one test."""

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., str]

HEADER = "transactionid,email,zipcode,state,dob,mobile\n"
ROW = "T1,jane@example.com,10001,NY,19831215,2125550123\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes text or bytes to a file and returns its path."""

    def written(content: str | bytes, name: str = "events.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return written
