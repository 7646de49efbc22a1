"""Servers that nobody here wrote, for tests to send to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def httpbin() -> Iterator[str]:
    """The address of an httpbin under waitress, which tells what it was sent as it understood it."""
    waitress = pytest.importorskip("waitress")
    logging.disable(logging.WARNING)  # httpbin laments a missing Swagger page at import
    try:
        app = pytest.importorskip("httpbin").app
    finally:
        logging.disable(logging.NOTSET)
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(5)


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keys, journals and marks of tests stay out of the user's folders."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name)))
        for name in ("ROKT_EXPORT_KEY", "ROKT_EXPORT_KEY_FILE"):
            patch.delenv(name, raising=False)
        yield
