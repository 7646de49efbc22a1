"""An engine to run, and a partner for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from commands.conftest import Partner, serve
from engine_bench import Bench


@pytest.fixture
def bench(tmp_path: Path, partner: Partner) -> Bench:
    return Bench(tmp_path, partner.url)


@pytest.fixture
def partner() -> Iterator[Partner]:
    made = Partner()
    server = serve(made)
    yield made
    server.shutdown()
    server.server_close()
