"""Each authentication type is finished: listed, with its secrets marked, put on by us and verified by the sandbox."""

from __future__ import annotations

import base64
import pickle
import pkgutil
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, tzinfo
from functools import lru_cache
from importlib import import_module
from types import SimpleNamespace
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import quote, urlsplit

import pytest
from msgspec.structs import replace

import rokt_export.authentication
from rokt_export.authentication.base import (
    FRESH,
    Authentication,
    ClientCertificate,
    FetchedToken,
    NoCredential,
    NotChecked,
    PluginSignature,
    Signature,
    filler,
    secret_fields,
    verification_of,
)
from rokt_export.authentication.registry import TYPES
from rokt_export.delivery.attempt_credentials import AttemptCredentials
from rokt_export.exchange.model import Fault, Request, Response
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.partner_spec.references import names_in
from rokt_export.redaction.sensitive_names import is_sensitive
from rokt_export.request.render import Renderer
from rokt_export.sandbox.options import SandboxOptions
from rokt_export.sandbox.server import Sandbox
from rokt_export.spec_language.fields import ValueTemplate
from rokt_export.transactions.transaction import Transaction
from rokt_export.transport import Transport, TransportOptions
from tests.authentication.samples import (
    ACCEPTS_ALL,
    OPTIONAL_PARTS,
    REPLAYED,
    SAMPLES,
    SHOWN,
    UNSIGNED,
    WITHOUT_SECRET,
)
from tests.authentication.vectors import UNPUBLISHED, VECTORS, WITHOUT_VECTOR, Vector
from tests.commands.conftest import Partner, serve
from tests.sandbox.conftest import HEAD, spec_of

ROW = Transaction(1, "1", {"email": "jané@example.com"})
PLUGINS = frozenset({"tests.authentication.samples:TokenHeader"})


COMMON = (
    "{name: part, in: path, value: a b}, {name: X-Part, in: header, value: a}, {name: X-Part, in: header, value: b}, "
    "{name: Host, in: header, value: api.example.com}"
)
REQUESTS = {
    "JSON": f"parameters: [{COMMON}, {{name: email, attribute: email}}]",
    "form": f"encoding: form\nparameters: [{COMMON}, {{name: email, attribute: email}}]",
    "POST without a body": f"encoding: none\nparameters: [{COMMON}, {{name: email, attribute: email, in: query}}]",
    "GET": f"method: GET\nencoding: none\nparameters: [{COMMON}, {{name: email, attribute: email, in: query}}]",
}
"""What a sample is put on.

Each has a path with a sign to escape, a query with a name twice, a blank value and a value to escape, a letter outside
ASCII, a header of its own twice, and another `Host` than the URL's.
"""
QUERIED = HEAD.replace("https://api.example.com/v1/leads", "'https://api.example.com/v1/leads/{part}?a=&b=c%20d&a=2'")


def _spec(authentication: str, request: str = "JSON") -> PartnerSpec:
    return spec_of(f"authentication: {authentication}\n{REQUESTS[request]}", head=QUERIED)


def _sample(kind: str, request: str = "JSON") -> PartnerSpec:
    assert kind in SAMPLES, f"the authentication type {kind} has no sample in tests/authentication/samples.py"
    return _spec(SAMPLES[kind], request)


def _secret_variables(spec: PartnerSpec) -> list[str]:
    """Return the names of the variables in the Secret fields of a sample."""
    return sorted(names_in([source for each in spec.authentication for _, source in each.secrets()]))


def _sandbox(spec: PartnerSpec) -> Sandbox:
    """Return a sandbox; each of its secrets contains signs to escape and a letter outside ASCII."""
    return Sandbox(spec, SandboxOptions(), variables={name: f"{name}&%/+=é" for name in _secret_variables(spec)})


@lru_cache
def _transport(options: TransportOptions) -> Transport:
    """Return what sends for all tests: a first request to a server waits 0.2 s for what it may say unasked."""
    return Transport(options)


@pytest.fixture(scope="module", autouse=True)
def _idle_connections_are_closed() -> Iterator[None]:
    yield
    _transport.cache_clear()


def _send(
    spec: PartnerSpec,
    sandbox: Sandbox | SimpleNamespace,
    change: Callable[[Request], Request] = lambda request: request,
    **others: str,
) -> tuple[Request, Response | Fault]:
    """Return a row's request and what came of it, once a challenge is answered.

    Args:
        spec: whose credentials are put on.
        sandbox: what receives it.
        change: what is done to the request after its credentials were put on.
        others: variables, in place of the sandbox's.
    """
    variables = dict(sandbox.variables) | others
    renderer = Renderer(spec, "staging", variables, base_url=sandbox.base_url, plugins=PLUGINS)
    files = {
        "client_certificate": variables.get("CERTIFICATE"),
        "client_key": variables.get("KEY"),
    }
    uses_files = any(each.type == "mutual_tls" for each in renderer.environment.authentication or ())
    ca_file = str(sandbox.ca_file) if sandbox.ca_file else None
    options = TransportOptions(timeout=10, ca_file=ca_file, **(files if uses_files else {}))
    credentials = AttemptCredentials(renderer, variables, options=options, base_url=sandbox.base_url)
    try:
        credentials.ready()
        transport = _transport(options)
        request = change(credentials.on(renderer.render(ROW)))
        answer = transport.send(request)
        if isinstance(answer, Response) and credentials.renewed(request, answer):
            credentials.ready()
            request = change(credentials.on(renderer.render(ROW)))
            answer = transport.send(request)
    finally:
        credentials.close()
    return request, answer


def _status(spec: PartnerSpec, sandbox: Sandbox, **others: Any) -> int | None:
    """Return the status of a row's response; None where none comes."""
    answer = _send(spec, sandbox, **others)[1]
    return None if isinstance(answer, Fault) else answer.status


def _signer(kind: str, sandbox: Sandbox) -> tuple[Renderer, Signature] | None:
    """Return what renders and signs for a sandbox; None for a type that signs nothing."""
    renderer = Renderer(_sample(kind), "staging", sandbox.variables, base_url=sandbox.base_url, plugins=PLUGINS)
    return next(((renderer, each) for each in renderer.credentials if isinstance(each, Signature)), None)


@pytest.fixture
def sandbox(kind: str) -> Iterator[Sandbox]:
    with _sandbox(_sample(kind)) as made:
        yield made


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("kind", TYPES)
def test_the_sandbox_accepts_the_credentials_of(kind: str, request_: str) -> None:
    spec = _sample(kind, request_)
    with _sandbox(spec) as sandbox:
        answer = _send(spec, sandbox)[1]
    assert isinstance(answer, Response), answer
    assert answer.status == 201, (
        f"the sandbox refuses what {kind} puts on `{request_}` of REQUESTS: {answer.body.decode()}"
    )


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in ACCEPTS_ALL])
def test_the_sandbox_refuses_a_request_without_the_credentials_of(kind: str, sandbox: Sandbox) -> None:
    assert _status(_spec("none"), sandbox) in (401, None), f"`verification` of {kind} accepts all, or see ACCEPTS_ALL"


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in ACCEPTS_ALL and kind not in WITHOUT_SECRET])
def test_the_sandbox_refuses_another_secret_of(kind: str, sandbox: Sandbox) -> None:
    """Each of several, on its own, also after a right one."""
    (settings,) = _sample(kind).authentication
    unset = [name for name in secret_fields(type(settings)) if not getattr(settings, name)]
    assert not unset, f"{kind}: write each Secret field in its sample: {unset}"
    for name in _secret_variables(_sample(kind)):
        if kind == "oauth2":  # no token is issued
            with pytest.raises(Exception, match="refused our credentials"):
                _send(_sample(kind), sandbox, **{name: "another"})
        else:
            assert _status(_sample(kind), sandbox) == 201
            refused = _status(_sample(kind), sandbox, **{name: "another"})
            assert refused == 401, f"`verification` of {kind} does not read the secret {name}"
            assert sandbox.deliveries[-1].problems, f"{kind}: a wrong secret is no `first_round`, which is not recorded"


@pytest.mark.parametrize("kind", ACCEPTS_ALL)
def test_only_a_type_that_is_not_checked_accepts_all(kind: str, sandbox: Sandbox) -> None:
    for each in _sample(kind).authentication:
        made = verification_of(each, filler(sandbox.variables), lambda _name: lambda _data: ())
        assert isinstance(made, NotChecked), f"ACCEPTS_ALL of samples.py has {kind}, which its `verification` checks"


def _added(text: str) -> str:
    """Return a query or form with a blank value more."""
    return f"{text}&more="


def _other(value: str) -> str:
    """Change the last hexadecimal digit of a header's value."""
    return re.sub(r"[0-9a-fA-F](?=[^0-9a-fA-F]*$)", lambda sign: "1" if sign[0] == "0" else "0", value)


CHANGES: dict[tuple[str, str], tuple[Callable[[Request], Request], ...]] = {
    ("JSON", "JSON body"): (
        lambda sent: replace(sent, body=b'{"email":"b@example.com"}'),
        lambda sent: replace(sent, body=(sent.body or b"").replace("é".encode(), "è".encode())),
    ),
    ("form", "form body"): (
        lambda sent: replace(sent, body=b"email=b%40example.com"),
        lambda sent: replace(sent, body=_added((sent.body or b"").decode()).encode()),
    ),
    ("JSON", "query"): (
        lambda sent: replace(sent, url=sent.url.replace("a=2", "a=3")),
        lambda sent: replace(sent, url=_added(sent.url)),
    ),
    ("JSON", "path"): (lambda sent: replace(sent, url=sent.url.replace("a%20b", "a%20c")),),
    ("GET", "method"): (lambda sent: replace(sent, method="POST"),),
    ("JSON", "signature"): (
        lambda sent: replace(sent, headers=tuple((name, _other(value)) for name, value in sent.headers)),
    ),
}
"""By the request of REQUESTS and its part: what is changed after it was signed."""


@pytest.mark.parametrize(("request_", "part"), CHANGES)
@pytest.mark.parametrize("kind", TYPES)
def test_the_sandbox_refuses_a_part_that_was_not_signed(kind: str, request_: str, part: str) -> None:
    spec = _sample(kind, request_)
    received = _spec(SAMPLES[kind], "POST without a body") if part == "method" else spec
    with _sandbox(received) as sandbox:
        if _signer(kind, sandbox) is None:
            return
        for change in CHANGES[request_, part]:
            refused = _status(spec, sandbox, change=change) == 401
            assert refused != (part in UNSIGNED.get(kind, {})), (
                f"the sandbox {'refuses' if refused else 'accepts'} a changed {part} of {kind}: see UNSIGNED of "
                "tests/authentication/samples.py"
            )


def _set_clock(monkeypatch: pytest.MonkeyPatch, kind: str, now: float) -> None:
    """Set the clock of a type's module, whether it asks `datetime` or `time`."""

    class Fixed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.fromtimestamp(now, tz)

    module = sys.modules[TYPES[kind].__module__]
    monkeypatch.setattr(module, "datetime", Fixed, raising=False)
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: now), raising=False)


def _set_random(monkeypatch: pytest.MonkeyPatch, kind: str, text: str) -> None:
    """Let a type's module draw a text, whether it asks `secrets` or `uuid`; as bytes, what the text has in hex."""
    drawn = bytes.fromhex(text) if re.fullmatch(r"(?:[0-9a-f]{2})+", text) else text.encode()
    module = sys.modules[TYPES[kind].__module__]
    texts = dict.fromkeys(("token_hex", "token_urlsafe"), lambda _size=None: text)
    monkeypatch.setattr(
        module, "secrets", SimpleNamespace(token_bytes=lambda _size=None: drawn, **texts), raising=False
    )
    monkeypatch.setattr(module, "uuid", SimpleNamespace(uuid4=lambda: text), raising=False)


@pytest.mark.parametrize("kind", TYPES)
def test_the_sandbox_refuses_an_old_or_future_signature(
    kind: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (signer := _signer(kind, sandbox)) is not None:
        signed, started, later = signer[0].sign(signer[0].render(ROW)), time.time(), FRESH + 60
        for age in (later, -later):
            _set_clock(monkeypatch, kind, started + age)
            again = _status(_spec("none"), sandbox, change=lambda _: signed)
            assert again == 401, f"`verification` of {kind} accepts a request that was signed {age:g} s ago"


@pytest.mark.parametrize("kind", TYPES)
def test_each_attempt_is_signed_anew(kind: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    if (signer := _signer(kind, sandbox)) is not None:
        renderer, started = signer[0], time.time()
        for now in (started, started + FRESH + 60):
            _set_clock(monkeypatch, kind, now)
            signed = renderer.sign(renderer.render(ROW))
            answer = _status(_spec("none"), sandbox, change=lambda _, signed=signed: signed)
            assert answer == 201, f"`sign` of {kind} puts the nonce or moment of an earlier request on a later one"


NOT_OF_CREDENTIALS = {name for name, _ in Renderer(_spec("none"), "staging", {}).render(ROW).headers}
_PARAMETER = re.compile(r'([\w*-]+)=("[^"]+"|\w[^,\s]*)(?=,|$)')
"""A parameter of a header's credentials: `nonce="…"`."""


def _first(value: str) -> str:
    """Change the first letter or digit of a text."""
    return re.sub(r"[0-9A-Za-z]", lambda sign: "1" if sign[0] == "0" else "0", value, count=1)


def _last(value: str) -> str:
    """Change the last digit of a moment or hexadecimal text; of base64 it may mean nothing."""
    moment = re.fullmatch(r"[0-9A-Fa-f:.TZ+-]+", value)
    return re.sub(r"\d(?=\D*$)", lambda sign: "1" if sign[0] == "0" else "0", value) if moment else value


def _foreign(value: str) -> str:
    """Begin a text with a letter outside ASCII."""
    return f"é{value[1:]}"


def _edited(header: str, edit: Callable[[str], str]) -> Callable[[Request], Request]:
    """Return a change of a header's value; an empty value removes the header."""

    def change(sent: Request) -> Request:
        headers = tuple((name, edit(value) if name == header else value) for name, value in sent.headers)
        return replace(sent, headers=tuple(each for each in headers if each[1]))

    return change


def _part_changes(header: str, value: str) -> Iterator[tuple[str, Callable[[Request], Request]]]:
    """Yield what may be done to each part of a header of credentials: its name, and the change."""
    yield f"{header} (whole)", _edited(header, lambda _: "")
    scheme, blank, _ = value.partition(" ")
    if blank:
        yield f"{header} (scheme)", _edited(header, lambda found: _first(scheme) + found.removeprefix(scheme))
        yield f"{header} (all but the scheme)", _edited(header, lambda _: scheme)
    names = [name for name, _ in _PARAMETER.findall(value)] if blank else []
    for edit in (_first, _last, _foreign):
        if not names:
            yield (
                f"{header} ({edit.__name__})",
                _edited(
                    header,
                    lambda found, edit=edit: "".join((*found.rpartition(" ")[:2], edit(found.rpartition(" ")[2]))),
                ),
            )
        for name in names:
            pattern = re.compile(rf'(?<![\w*-])({re.escape(name)}="?)([^",\s]*)')
            yield (
                f"{header} {name} ({edit.__name__})",
                _edited(
                    header,
                    lambda found, edit=edit, pattern=pattern: pattern.sub(
                        lambda match: match[1] + edit(match[2]), found, count=1
                    ),
                ),
            )
    for name in names:
        gone = re.compile(rf'(?<![\w*-]){re.escape(name)}=("[^"]*"|[^,\s]*),?\s*')
        yield f"{header} {name}", _edited(header, lambda found, gone=gone: gone.sub("", found, count=1))


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in ACCEPTS_ALL])
def test_the_sandbox_refuses_credentials_of_which_a_part_is_changed_or_missing(kind: str) -> None:
    """Each header that is put on by the sample and the vectors, and each parameter in it: name, nonce, moment, id."""
    published = dict.fromkeys(each.spec for each in VECTORS.get(kind, ()))
    for spec in (_sample(kind), *map(spec_of, published)):
        with Sandbox(spec, SandboxOptions(), variables={}) as sandbox:
            sent = _send(spec, sandbox)[0]
            for header, value in (each for each in sent.headers if each[0] not in NOT_OF_CREDENTIALS):
                for part, change in _part_changes(header, value):
                    if change(sent) == sent:
                        continue
                    refused = _status(spec, sandbox, change=change) == 401
                    assert refused != (f"{kind} {part}" in OPTIONAL_PARTS), (
                        f"`verification` of {kind} {'checks' if refused else 'does not check'} {part}: see "
                        "OPTIONAL_PARTS of tests/authentication/samples.py"
                    )


def _spellings(secret: str) -> Iterator[str]:
    """Yield a secret as text, percent-encoded, and what base64 has of it wherever in a text it begins."""
    raw = secret.encode()
    yield from (secret, raw.decode("latin-1"), quote(secret, safe=""))
    for start in range(3):
        yield base64.b64encode(raw[start : len(raw) - (len(raw) - start) % 3]).decode()


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in ACCEPTS_ALL and kind not in WITHOUT_SECRET])
def test_what_the_sandbox_answers_to_wrong_credentials_contains_no_secret(kind: str, sandbox: Sandbox) -> None:
    """Neither its own nor that which was sent: in no header, such as a challenge, and not in the problem."""
    spec = _sample(kind)
    wrong = {name: f"not-{sandbox.variables[name]}" for name in _secret_variables(spec)}
    answers = [_send(_spec("none"), sandbox)[1]]
    if kind == "oauth2":
        for login in ("me", f"me:{wrong['SECRET']}"):
            headers = (
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}"),
            )
            token = Request("POST", f"{sandbox.base_url}/token", headers, b"grant_type=client_credentials")
            answers.append(_transport(TransportOptions(timeout=10)).send(token))
    else:
        answers += [_send(spec, sandbox, **{name: value})[1] for name, value in wrong.items()]
    accepted = _send(spec, sandbox)[0]
    for header, value in (each for each in accepted.headers if each[0] not in NOT_OF_CREDENTIALS):
        for _, change in _part_changes(header, value):
            answers.append(_send(spec, sandbox, change=change)[1])
    for answer in answers:
        assert isinstance(answer, Response), answer
        told = "\n".join((*map(": ".join, answer.headers), answer.body.decode()))
        for secret in (*wrong.values(), *(sandbox.variables[name] for name in wrong)):
            assert not [each for each in _spellings(secret) if each in told], (
                f"a `Refusal` of {kind} shows a secret in its problem or challenge: {told}"
            )


@pytest.mark.parametrize("kind", TYPES)
def test_the_sandbox_refuses_the_same_credentials_twice(kind: str, sandbox: Sandbox) -> None:
    sent = _send(_sample(kind), sandbox)[0]
    refused = _status(_spec("none"), sandbox, change=lambda _: sent) == 401
    assert refused != (kind in REPLAYED), (
        f"`verification` of {kind} {'refuses' if refused else 'accepts'} a replay: see REPLAYED of "
        "tests/authentication/samples.py"
    )


@pytest.mark.parametrize("kind", TYPES)
def test_the_secret_of_the_sample_is_in_a_field_marked_secret(kind: str) -> None:
    for each in _sample(kind).authentication:
        sources = [source for _, source in each.secrets()]
        assert ("{{ env.SECRET }}" in sources) == (kind not in WITHOUT_SECRET), f"{kind}: its Secret fields: {sources}"
        literals = [source for source in sources if not re.fullmatch(r"\{\{ env\.[A-Z_]+ \}\}", source)]
        assert not literals, f"{kind}: write each Secret field of its sample as a variable: {literals}"
        hidden = {value for name in secret_fields(type(each)) if (value := getattr(each, name))}
        assert hidden <= set(sources), f"`secrets` of {kind} leaves a Secret field out, which is then shown"
        names = [name for name, _ in each.secrets()]
        assert len(names) == len(set(names)), f"`secrets` of {kind} shows two secrets under one name: {names}"


@pytest.mark.parametrize("kind", TYPES)
def test_each_variable_of_the_sample_has_a_use(kind: str) -> None:
    for each in _sample(kind).authentication:
        assert names_in([use.part for use in each.uses()]) == names_in(each)


@pytest.mark.parametrize("kind", TYPES)
def test_each_use_says_where_the_credential_goes(kind: str, sandbox: Sandbox) -> None:
    """`validate` shows the host that receives each variable."""
    renderer = Renderer(_sample(kind), "staging", sandbox.variables, base_url=sandbox.base_url, plugins=PLUGINS)
    (made,), (settings,) = renderer.credentials, _sample(kind).authentication
    own = {url for _, url in settings.own_urls()}
    assert bool(own) == isinstance(made, FetchedToken), f"{kind}: `url` is of a token server, by which it is guarded"
    for use in settings.uses():
        assert use.place, f"a `CredentialUse` of {kind} has no `place`"
        assert use.stays_here == isinstance(made, ClientCertificate), f"{kind}: `stays_here` is of files alone"
        assert use.url is None or use.url in own, f"{kind}: a `url` is the whole of a field, as `own_urls` reads it"


@pytest.mark.parametrize("kind", TYPES)
def test_a_worker_is_given_the_sample(kind: str) -> None:
    """A `Plan` is pickled."""
    (settings,) = _sample(kind).authentication
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize("kind", TYPES)
def test_a_signature_stands_where_it_says(kind: str, sandbox: Sandbox) -> None:
    if (signer := _signer(kind, sandbox)) is not None:
        renderer, signature = signer
        rendered = renderer.render(ROW)
        signed = renderer.sign(rendered)
        added = dict(signed.headers).keys() - dict(rendered.headers).keys()
        assert {place.name for place in signature.places} == added, f"`places` of {kind} are not what `sign` puts on"
        left = replace(signed, headers=tuple(each for each in signed.headers if each[0] not in added))
        assert left == rendered, f"`sign` of {kind} changes more of a request than it puts on"
        for place in signature.places:
            scheme, blank, _ = (signed.header(place.name) or "").partition(" ")
            assert place.prefix.startswith(scheme + blank if blank else ""), (
                f"{kind}: the prefix of its place {place.name} is `{place.prefix}`, and `{scheme} ` is sent"
            )


@pytest.mark.parametrize("kind", TYPES)
def test_a_header_that_is_used_is_sent(kind: str, sandbox: Sandbox) -> None:
    sent = _send(_sample(kind), sandbox)[0]
    for use in (use for each in _sample(kind).authentication for use in each.uses()):
        for name in re.findall(r"^(?:header|signature in) (\S+)$", use.place):
            assert sent.header(name), f"`uses` of {kind} names the header {name}, which it does not send"


@pytest.fixture
def _far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the time zone of this machine to another than UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


_TEMPLATE = get_args(ValueTemplate)[-1]


def _is_template(annotation: Any, metadata: Iterable[Any] = ()) -> bool:
    """Return whether a field's type is a template, or a template or None."""
    nested = annotation.__metadata__ if get_origin(annotation) is Annotated else ()
    return _TEMPLATE in (*metadata, *nested) or any(map(_is_template, get_args(annotation)))


def _templates(settings: Authentication) -> dict[str, str]:
    """Return field to text of the templates of an authentication that are one text each."""
    found = {
        name: getattr(settings, name)
        for name, info in type(settings).model_fields.items()
        if _is_template(info.annotation, info.metadata)
    }
    return {name: value for name, value in found.items() if value and isinstance(value, str)}


def _filled(spec: PartnerSpec, values: dict[str, str]) -> tuple[PartnerSpec, dict[str, str]]:
    """Return a spec whose authentication has a variable for each of these fields, and the variables."""
    (settings,) = spec.authentication
    changed = settings.model_copy(update={name: f"{{{{ env.{name.upper()} }}}}" for name in values})
    variables = {name.upper(): value for name, value in values.items()}
    return spec.model_copy(update={"authentication": (changed,)}), variables


@pytest.mark.usefixtures("_far_from_greenwich")
@pytest.mark.parametrize("kind", TYPES)
def test_each_type_sends_what_was_published(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each template of the authentication is in a variable."""
    assert (kind in VECTORS) != (kind in WITHOUT_VECTOR), (
        f"{kind}: add an exchange that its specification publishes to VECTORS of tests/authentication/vectors.py, "
        "or say in its WITHOUT_VECTOR why there is none"
    )
    for each in VECTORS.get(kind, ()):
        _set_clock(monkeypatch, kind, each.now)
        _set_random(monkeypatch, kind, each.random)
        spec = spec_of(each.spec, head=HEAD.replace("https://api.example.com/v1/leads", each.url))
        assert [found.type for found in spec.authentication] == [kind], f"{each.source} is no vector of {kind}"
        values = _templates(spec.authentication[0])
        heard = _exchange(each, *_filled(spec, values))
        assert len(heard) == len(each.sent), f"{kind} sends {len(heard)} requests, {each.source} has {len(each.sent)}"
        for wanted, sent in zip(each.sent, heard, strict=True):
            given = {name.lower(): value for name, value in sent.headers} | {"body": (sent.body or b"").decode()}
            for name, value in wanted.items():
                found = given.get(name.lower(), "")
                assert _parts(found) == _parts(value), f"{kind} sends another {name} than {each.source}: {found}"
        for name, value in values.items():
            changed = _exchange(each, *_filled(spec, values | {name: _ending_differently(value)}))
            assert _shown(changed) != _shown(heard), f"{kind} sends the same whatever its field `{name}` is"


def _ending_differently(value: str) -> str:
    return value[:-1] + ("1" if value.endswith("0") else "0")


def _shown(sent: Iterable[Request]) -> list[tuple[str, dict[str, str], bytes | None]]:
    """Return target, headers and body of requests, whatever port a server has."""
    return [
        (urlsplit(each.url).path, {name: value for name, value in each.headers if name != "Host"}, each.body)
        for each in sent
    ]


PARTS_OF_VECTORS: dict[str, Callable[[Request], object]] = {
    "path": lambda sent: "%" in urlsplit(sent.url).path,
    "query": lambda sent: (pairs := urlsplit(sent.url).query.split("&")) != sorted(pairs),
    "body": lambda sent: sent.body,
}
"""By the part of a request: whether a vector's request has one by which a mistake in signing it is seen."""


@pytest.mark.parametrize("part", PARTS_OF_VECTORS)
@pytest.mark.parametrize("kind", TYPES)
def test_a_vector_has_each_part_that_is_signed(kind: str, part: str, sandbox: Sandbox) -> None:
    unsigned = {each.rpartition(" ")[2] for each in UNSIGNED.get(kind, {})}
    if _signer(kind, sandbox) is not None and part not in unsigned:
        specs = [(spec_of(each.spec), each.url) for each in VECTORS.get(kind, ())]
        sent = [Renderer(spec, "staging", {}, base_url=None).render(ROW) for spec, _ in specs]
        sent = [replace(each, url=url) for each, (_, url) in zip(sent, specs, strict=True)]
        found = any(map(PARTS_OF_VECTORS[part], sent))
        assert found != (part in UNPUBLISHED.get(kind, {})), (
            f"{kind}: {'none' if not found else 'one'} of its vectors has a {part} as in PARTS_OF_VECTORS, which a "
            "signer and a sandbox could write alike and wrong: add one, or say in UNPUBLISHED of vectors.py why not"
        )


@pytest.mark.parametrize("kind", VECTORS)
def test_the_vectors_have_each_secret(kind: str) -> None:
    given = [each for vector in VECTORS[kind] for each in spec_of(vector.spec).authentication]
    unset = [name for name in secret_fields(TYPES[kind]) if not any(getattr(each, name) for each in given)]
    assert not unset, f"add to VECTORS of tests/authentication/vectors.py an exchange of {kind} that has {unset}"


def _exchange(vector: Vector, spec: PartnerSpec, variables: dict[str, str]) -> list[Request]:
    """Return the requests of a vector's exchange: that for a token, which a server hears, and those of the row."""
    answers = iter((*vector.answers, (201, {}, b"")))
    tokens = Partner(answer=lambda _: next(answers))
    server = serve(tokens)
    renderer = Renderer(spec, "staging", variables)
    credentials = AttemptCredentials(renderer, variables, base_url=tokens.url)
    try:
        credentials.ready()
    finally:
        credentials.close()
        server.shutdown()
        server.server_close()
    sent = [Request(heard.method, heard.target, tuple(heard.headers), heard.body) for heard in tokens.heard]
    for status, headers, body in answers:
        sent.append(credentials.on(renderer.render(ROW)))
        if not credentials.renewed(sent[-1], Response(status, tuple(headers.items()), body)):
            break
    return sent


def _parts(header: str) -> list[str]:
    """Return a header's parts, sorted: the order of a challenge's parameters is free."""
    scheme, blank, parameters = header.partition(" ")
    return [scheme, *sorted(parameters.split(", "))] if blank else [header]


@pytest.mark.parametrize("kind", WITHOUT_VECTOR)
def test_only_a_type_that_puts_nothing_of_its_own_on_a_request_has_no_vector(kind: str, sandbox: Sandbox) -> None:
    renderer = Renderer(_sample(kind), "staging", sandbox.variables, base_url=sandbox.base_url, plugins=PLUGINS)
    for each in renderer.credentials:
        assert isinstance(each, NoCredential | ClientCertificate | PluginSignature), f"{kind}: add a vector"


def test_each_type_of_the_folder_is_in_the_registry() -> None:
    found = set()
    for each in pkgutil.iter_modules(rokt_export.authentication.__path__, "rokt_export.authentication."):
        module = import_module(each.name)
        found |= {
            model
            for model in vars(module).values()
            if isinstance(model, type) and issubclass(model, Authentication) and model.__module__ == each.name
        }
    missing = [model.__name__ for model in found - {Authentication} - set(TYPES.values())]
    assert not missing, f"not in rokt_export/authentication/registry.py: {missing}"


def test_each_type_has_a_sample() -> None:
    lacking, unknown = set(TYPES) - set(SAMPLES), set(SAMPLES) - set(TYPES)
    assert not lacking, f"add to SAMPLES of tests/authentication/samples.py: {lacking}"
    assert not unknown, f"these samples have no type in rokt_export/authentication/registry.py: {unknown}"


def test_each_field_that_may_be_shown_says_why() -> None:
    """Optional ones too, which no sample sets."""
    shown = {
        f"{kind}.{name}"
        for kind, model in TYPES.items()
        for name, info in model.model_fields.items()
        if name not in secret_fields(model) and get_origin(info.annotation) is not Literal
    }
    listed = [name for names in SHOWN.values() for name in names]
    assert sorted(listed) == sorted(shown), "mark these fields Secret[...], or say in SHOWN of samples.py why not"


def test_a_field_that_may_be_shown_is_not_called_like_a_credential() -> None:
    named = {name for names in SHOWN.values() for name in names if is_sensitive(name.partition(".")[2])}
    assert named == {"custom.auth", "mutual_tls.key"}, "the name of a class and the path of a file only"
