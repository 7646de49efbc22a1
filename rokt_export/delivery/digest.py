"""Digest authentication (RFC 7616): a partner's challenge is answered on each request that follows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from requests.auth import HTTPDigestAuth
from requests.utils import parse_dict_header

from rokt_export.errors import UnreachableError
from rokt_export.exchange.model import Request, Response
from rokt_export.request.signing import signed

_CHALLENGE = re.compile(r"(?:^|,)\s*digest\s+", re.IGNORECASE)
_NEXT_CHALLENGE = re.compile(r",\s*[A-Za-z][\w-]*\s+[A-Za-z][\w-]*\s*=")


class DigestAuth(HTTPDigestAuth):
    """Digest authentication whose challenge arrives through another transport than requests' own."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__(username, password)
        self._nonce: str | None = None
        self._proven = False

    def on(self, request: Request) -> Request:
        """Return a request with the answer to the last challenge on it; as it was, before the first."""
        return signed(request, (self,))

    def renewed(self, request: Request, response: Response) -> bool:
        """Return whether an answer is a challenge that the request did not meet already.

        A nonce that was never accepted and is challenged again means wrong credentials: that is the answer.

        Raises:
            UnreachableError: the challenge cannot be answered.
        """
        sent = request.header("Authorization") or ""
        current = self._nonce is not None and f'nonce="{self._nonce}"' in sent
        if response.status != 401:
            self._proven = self._proven or current
            return False
        if self._nonce is not None and not current:  # another answer brought the challenge meanwhile
            return True
        challenge = _challenge(response)
        stale = challenge.get("stale", "").lower() == "true"
        if current and not challenge:
            return False
        if current and not self._proven:
            if stale:
                raise _unanswerable("each answer to it is called stale")
            return False
        self._meet(challenge, request)
        return True

    def _meet(self, challenge: Mapping[str, str], request: Request) -> None:
        """Take a challenge for those that are answered from now on."""
        if missing := [name for name in ("realm", "nonce") if name not in challenge]:
            raise _unanswerable(f"it has no {' and no '.join(missing)}" if challenge else "there is none")
        self.init_per_thread_state()
        state: Any = self._thread_local  # type: ignore[attr-defined]
        state.chal, state.last_nonce, state.nonce_count = dict(challenge), challenge["nonce"], 0
        try:
            header = self.build_digest_header(request.method, request.url)  # type: ignore[no-untyped-call]
        except (KeyError, ValueError) as error:
            raise _unanswerable("it is malformed") from error
        if not header:
            raise _unanswerable("its algorithm or `qop` is not supported")
        if not (header.isascii() and header.isprintable()) or any('"' in value for value in challenge.values()):
            raise _unanswerable("no header can carry what it holds")
        state.nonce_count = 0
        self._nonce, self._proven = challenge["nonce"], False


def _challenge(response: Response) -> dict[str, str]:
    """Return the parameters of an answer's first Digest challenge; none where it has no such challenge."""
    text = ", ".join(value for name, value in response.headers if name.lower() == "www-authenticate")
    if (start := _CHALLENGE.search(text)) is None:
        return {}
    text = text[start.end() :]
    if (following := _NEXT_CHALLENGE.search(text)) is not None:
        text = text[: following.start()]
    found: dict[str, str | None] = parse_dict_header(text)  # type: ignore[no-untyped-call]
    return {name.lower(): value for name, value in found.items() if value is not None}


def _unanswerable(why: str) -> UnreachableError:
    return UnreachableError(
        f"the partner's digest challenge cannot be answered: {why}",
        remedy="Check with the partner that it takes digest authentication, and which algorithm it wants.",
    )
