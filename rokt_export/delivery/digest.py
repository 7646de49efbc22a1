"""Digest authentication (RFC 7616): a partner's challenge is answered on each request that follows it."""

from __future__ import annotations

from collections.abc import Sequence

from rokt_export.authentication.base import DigestLogin
from rokt_export.authentication.digest import Challenge, challenges, credentials_header, hash_of, protection
from rokt_export.errors import UnreachableError
from rokt_export.exchange.model import Request, Response


class DigestAuth:
    """Answers the last challenge of a partner.

    Args:
        login: name and password.
    """

    def __init__(self, login: DigestLogin) -> None:
        self._login = login
        self._challenge: dict[str, str] = {}
        self._count = 0
        self._proven = False

    def on(self, request: Request) -> Request:
        """Return a request with the response to the last challenge on it; as it was, before the first."""
        if not self._challenge:
            return request
        self._count += 1
        header = credentials_header(
            self._challenge, self._login, request.method, request.url, request.body, self._count
        )
        others = tuple(each for each in request.headers if each[0].lower() != "authorization")
        return Request(request.method, request.url, (*others, ("Authorization", header)), request.body)

    def renewed(self, request: Request, response: Response) -> bool:
        """Return whether a response is a challenge that the request did not meet already.

        A nonce that was never accepted and is challenged again means wrong credentials: that is the response.

        Raises:
            UnreachableError: the challenge cannot be answered.
        """
        sent = challenges([request.header("Authorization") or ""])
        nonce = self._challenge.get("nonce")
        current = nonce is not None and bool(sent) and sent[0].parameters.get("nonce") == nonce
        if response.status != 401:
            self._proven = self._proven or current
            return False
        if nonce is not None and not current:  # another response brought the challenge meanwhile
            return True
        offered = challenges(value for name, value in response.headers if name.lower() == "www-authenticate")
        digests = [each.parameters for each in offered if each.scheme == "digest"]
        if current and not digests:
            return False
        if current and not self._proven:
            if any(each.get("stale", "").lower() == "true" for each in digests):
                raise _unanswerable("it calls each response to it stale")
            return False
        self._meet(offered)
        return True

    def _meet(self, offered: Sequence[Challenge]) -> None:
        """Take the first Digest challenge that can be answered."""
        digests = [each.parameters for each in offered if each.scheme == "digest"]
        if not digests:
            schemes = ", ".join(dict.fromkeys(each.scheme.capitalize() for each in offered))
            raise _unanswerable(f"it offers {schemes} only" if schemes else "there is none")
        whole = [each for each in digests if "realm" in each and "nonce" in each]
        if not whole:
            raise _unanswerable(
                f"it has no {' and no '.join(name for name in ('realm', 'nonce') if name not in digests[0])}"
            )
        known = next((each for each in whole if hash_of(each) is not None and protection(each) is not None), None)
        if known is None:
            wanted = " or ".join(
                dict.fromkeys(
                    each.get("algorithm", "MD5") + (f" with qop `{each['qop']}`" if each.get("qop") else "")
                    for each in whole
                )
            )
            raise _unanswerable(f"it wants {wanted}, which is not supported")
        if not all(value.isascii() and value.isprintable() for value in known.values()):
            raise _unanswerable("its values do not fit into a header")
        self._challenge, self._count, self._proven = known, 0, False


def _unanswerable(why: str) -> UnreachableError:
    return UnreachableError(
        f"the partner's digest challenge cannot be answered: {why}",
        remedy="Check with the partner that it takes digest authentication, and which algorithm it wants.",
    )
