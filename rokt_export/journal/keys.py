"""The key of the digests of rows and people. It is in a separate file, so that a copied journal reveals no one."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from platformdirs import user_config_path

from rokt_export.errors import JournalError
from rokt_export.private_folder import make_private
from rokt_export.read_whole import read_whole

VALUE = "ROKT_EXPORT_KEY"
"""The environment variable with a key: 64 hexadecimal digits."""
FILE = "ROKT_EXPORT_KEY_FILE"
"""The environment variable with the path of a file of keys."""

_BYTES = 32
_MOST = 1_000_000
"""Bytes of a file of keys that are read: 15,000 keys."""
_KEY = re.compile(rf"[0-9a-fA-F]{{{2 * _BYTES}}}")
_COMMENT = (
    "# Keys of rokt-export's journals, one a line. Keep this file secret, and apart from copies of the journals.\n"
    "# A journal whose key is lost refuses to send to production.\n"
)


def key_file() -> Path:
    """Return the path of the file of keys: `$ROKT_EXPORT_KEY_FILE`, else one in the user's configuration folder."""
    named = os.environ.get(FILE)
    return Path(named).expanduser() if named else user_config_path("rokt-export") / "key"


def id_of(key: bytes) -> bytes:
    """Return the 8 bytes by which a journal recognizes its key, and which do not reveal it."""
    return hashlib.blake2b(b"rokt-export key", key=key, digest_size=8).digest()


def first() -> bytes:
    """Return the key of new journals: `$ROKT_EXPORT_KEY`, else the first one in the file, which is created if needed.

    Raises:
        JournalError: there is none and the file cannot be written, or the value is not a key.
    """
    known = _known()
    if not known:
        keep(secrets.token_bytes(_BYTES))
        known = _known()  # another process may have written one first
    return known[0]


def of_id(wanted: bytes) -> bytes:
    """Return the key of a journal's digests, by its id.

    Raises:
        JournalError: the key is missing.
    """
    for key in _known():
        if id_of(key) == wanted:
            return key
    raise JournalError(
        "the key of this journal's digests is missing, so the rows that production has already cannot be recognized; "
        "nothing was sent",
        remedy=f"Bring back {key_file()}, or name the right file with {FILE} (or give the key in {VALUE}). "
        "Machines that share a journal share its key.",
    )


def keep(key: bytes) -> None:
    """Add a key to the file, unless it is already there; only the file's owner may read it.

    Raises:
        JournalError: the file cannot be written.
    """
    path = key_file()
    try:
        make_private(path.absolute().parent)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
            text = file.read().decode("utf-8", "replace")
            if key in _keys_in(text, str(path)):
                return
            start = _COMMENT if not text else "" if text.endswith("\n") else "\n"
            # A single write, so that lines of two processes are not mixed.
            os.write(file.fileno(), f"{start}{key.hex()}\n".encode())
            os.fsync(file.fileno())
    except OSError as error:
        raise JournalError(
            f"the key of the journal cannot be kept: {error.strerror}",
            where=str(path),
            remedy=f"Allow writing to it, or name another file with {FILE}.",
        ) from error


def _known() -> list[bytes]:
    keys = _keys_in(os.environ.get(VALUE, ""), VALUE)
    with suppress(*([JournalError] if keys else [])):  # with the variable, the file is not needed
        keys += _keys_in_file(key_file())
    return keys


def _keys_in_file(path: Path) -> list[bytes]:
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode) and mode & 0o077:  # a folder or device is named by mistake, and stays as it is
            with suppress(OSError):  # the permissions of a mounted file are the operator's responsibility
                path.chmod(0o600)
        return _keys_in(read_whole(path, _MOST).decode("utf-8", "replace"), str(path))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise JournalError(
            f"the key of the journal cannot be read: {error.strerror}",
            where=str(path),
            remedy=f"Allow reading it, or name another file with {FILE}.",
        ) from error


def _keys_in(text: str, place: str) -> list[bytes]:
    lines = [line.strip() for line in text.splitlines()]
    words = [line for line in lines if line and not line.startswith("#")]
    if not all(map(_KEY.fullmatch, words)):
        raise JournalError(
            f"this is not a key: {2 * _BYTES} hexadecimal digits",
            where=place,
            remedy="Bring back the key as it was. For new journals, `openssl rand -hex 32` makes one.",
        )
    return [bytes.fromhex(word) for word in words]
