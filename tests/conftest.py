"""Servers that nobody here wrote, for tests to send to."""

from __future__ import annotations

import gzip
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("quick", max_examples=60, deadline=None)
settings.register_profile("soak", max_examples=2000, deadline=None)
settings.load_profile("quick")


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


ROWS_OF_A_MONTH = 'email,firstname\njane.doe.{0}@example.com,"Jane\nDoe"\njohn.doe.{0}@example.com,John\n'


@pytest.fixture(scope="session")
def s3() -> Iterator[Any]:
    """A client of an S3 on loopback, whose address the variables of the AWS tools name."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3")
        client.create_bucket(Bucket="rows")
        for month in (1, 2, 10):
            key, text = f"2026/{month:02}.csv.gz", ROWS_OF_A_MONTH.format(month)
            client.put_object(Bucket="rows", Key=key, Body=gzip.compress(text.encode()))
        client.put_object(Bucket="rows", Key="2026/notes.txt", Body=b"no rows")
        yield client
    server.stop()


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keys, journals and marks of tests stay out of the user's folders."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name)))
        # Unbuffered streams would hide that a line on stderr overtakes one on stdout.
        for name in ("ROKT_EXPORT_KEY", "ROKT_EXPORT_KEY_FILE", "PYTHONUNBUFFERED"):
            patch.delenv(name, raising=False)
        yield
