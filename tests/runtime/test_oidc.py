"""Tokens: which hold, which of the many that look alike do not, and what becomes of it while the issuer is away."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa as rsa_numbers

from runtime.issuer import ALGORITHMS, Oidc, is_loopback, refusal_of
from runtime.jwks import DOCUMENT_BYTES_MAX, FRESH_S, KINDS, RETRY_S, IssuerKeys, IssuerUnavailable
from runtime.oidc import TOKEN_LENGTH_MAX, Identity, TokenRefused, Verifier
from runtime.settings import SettingsError, service_settings
from tests.runtime.issuing import AUDIENCE, EC, RSA, Issuer, an_issuer, ec, encoded, rsa, unsigned

OUTAGE_S = 3600


@dataclass(slots=True)
class Clock:
    """A monotonic clock that stands until it is moved."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with an_issuer() as found:
        yield found


def a_verifier(issuer: Issuer, seconds: Callable[[], float] = time.monotonic, oidc: Oidc | None = None) -> Verifier:
    keys = IssuerKeys(issuer.address, outage_s_max=OUTAGE_S, seconds=seconds, demo=True)
    return Verifier(oidc or issuer.oidc, keys, lambda: datetime.now(UTC))


async def renewed(verify: Verifier) -> None:
    """The question to the issuer that is under way behind the requests has ended."""
    asking = verify._keys._asking
    assert asking is not None
    await asking


async def reason(verify: Verifier, token: str) -> str:
    with pytest.raises(TokenRefused) as refused:
        await verify(token)
    return str(refused.value)


async def test_tokens_of_the_issuer_for_us_tell_who_it_is(issuer: Issuer) -> None:
    verify = a_verifier(issuer)
    ada = Identity(issuer=issuer.address, subject="ada")
    assert await verify(issuer.token()) == ada
    assert await verify(issuer.token(key=EC)) == ada
    assert await verify(issuer.token(aud=["https://other.example", AUDIENCE])) == ada
    assert await verify(issuer.token(header={"typ": "at+JWT"})) == ada
    assert await verify(issuer.token(header={"typ": None, "x-private": 1})) == ada
    assert issuer.asked == ["/.well-known/openid-configuration", "/jwks"]


NOW = int(time.time())
WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "an issuer that begins alike": {"iss": "http://127.0.0.1"},
    "a list of issuers": {"iss": ["x"]},
    "another audience": {"aud": "https://other.example"},
    "no audience": {"aud": None},
    "an empty audience": {"aud": []},
    "an audience that begins alike": {"aud": AUDIENCE + ".evil.example"},
    "an audience in an object": {"aud": {AUDIENCE: 1}},
    "expired": {"exp": NOW - 31},
    "no expiry": {"exp": None},
    "an expiry in words": {"exp": "tomorrow"},
    "an expiry that is no number": {"exp": float("nan")},
    "an endless expiry": {"exp": float("inf")},
    "an expiry that is true": {"exp": True},
    "not yet valid": {"nbf": NOW + 600},
    "issued in the future": {"iat": NOW + 600},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a number for a subject": {"sub": 7},
    "a subject in a list": {"sub": ["ada"]},
    "a long subject": {"sub": "a" * 256},
    "a subject with a line break": {"sub": "ada\nroot"},
}


@pytest.mark.parametrize("claims", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
async def test_a_token_of_the_issuer_with_wrong_claims_is_refused(issuer: Issuer, claims: dict[str, Any]) -> None:
    assert (await reason(a_verifier(issuer), issuer.token(**claims))).startswith("claim")
    assert issuer.asked == []


async def test_the_clocks_may_differ_by_the_leeway_and_no_more(issuer: Issuer) -> None:
    now = int(time.time())
    keys = IssuerKeys(issuer.address, outage_s_max=OUTAGE_S, seconds=time.monotonic, demo=True)
    verify = Verifier(issuer.oidc, keys, lambda: datetime.fromtimestamp(now, UTC))
    within: list[dict[str, Any]] = [{"exp": now - 29}, {"nbf": now + 30}, {"iat": now + 30}]
    beyond: list[dict[str, Any]] = [{"exp": now - 30}, {"nbf": now + 31}, {"iat": now + 31}]
    for claims in within:
        await verify(issuer.token(**claims))
    for claims in beyond:
        assert (await reason(verify, issuer.token(**claims))).startswith("claim")


MALLORY = rsa("mallory")
RS = {"alg": "RS256", "kid": "rsa-1"}
PUBLIC = RSA.as_pem(private=False)


def _by_hand(issuer: Issuer) -> dict[str, str]:
    """Tokens with good claims and a header that promises something else than a signature of the issuer."""
    claims, signature = issuer.claims(), issuer.token().rpartition(".")[2]
    hs = {"alg": "HS256", "kid": "rsa-1", "typ": "JWT"}
    mac = hmac.new(PUBLIC, unsigned(hs, claims).rpartition(".")[0].encode(), hashlib.sha256).digest()
    return {
        "none": unsigned({"alg": "none", "typ": "JWT"}, claims),
        "None": unsigned({"alg": "None", "kid": "rsa-1"}, claims),
        "none, with a signature": unsigned({"alg": "none", "kid": "rsa-1"}, claims) + signature,
        "no algorithm": unsigned({"kid": "rsa-1"}, claims),
        "a list of algorithms": unsigned({"alg": ["RS256"], "kid": "rsa-1"}, claims),
        "the public key as a secret": unsigned(hs, claims, mac),
        "an algorithm that is not allowed": unsigned({"alg": "RS512", "kid": "rsa-1"}, claims, b"x" * 256),
        "ES256 with an RSA key": unsigned({"alg": "ES256", "kid": "rsa-1"}, claims, b"x" * 64),
        "RS256 with an EC key": unsigned({"alg": "RS256", "kid": "ec-1"}, claims, b"x" * 256),
        "zeros for a signature": unsigned({"alg": "ES256", "kid": "ec-1"}, claims, bytes(64)),
        "a number for a name": unsigned({"alg": "RS256", "kid": 1}, claims, b"x"),
        "a critical extension": unsigned(RS | {"crit": ["exp"], "exp": 1}, claims, b"x"),
        "an unencoded payload": unsigned(RS | {"b64": False, "crit": ["b64"]}, claims),
        "a header that is a list": unsigned([], claims),
        "claims that are a list": unsigned(RS, []),
        "a deep header": f"{encoded('[' * 1400)}.{encoded('{}')}.AAAA",
        "deep claims": f"{encoded(json.dumps(RS))}.{encoded('[' * 5000)}.AAAA",
        "bad UTF-8": f"{encoded(bytes([255, 254]))}.{encoded(bytes([255]))}.AAAA",
    }


def _of_parts(issuer: Issuer) -> dict[str, str]:
    """Tokens of good ones' parts, or signed by somebody else."""
    good = issuer.token()
    head, body, signature = good.split(".")
    own_key = {"jwk": MALLORY.as_dict(private=False), "kid": None}
    return {
        "no signature": f"{head}.{body}.",
        "the signature of another token": f"{issuer.token(sub='bob').rpartition('.')[0]}.{signature}",
        "other claims under the signature": f"{head}.{encoded(json.dumps(issuer.claims(sub='root')))}.{signature}",
        "a key of its own": issuer.token(key=MALLORY),
        "a key of its own under the issuer's name": issuer.token(key=MALLORY, header={"kid": "rsa-1"}),
        "a key that it brings along": issuer.token(key=MALLORY, header=own_key),
        "a key from elsewhere": issuer.token(key=MALLORY, header={"jku": "http://evil.example/jwks"}),
        "a path for a name": issuer.token(header={"kid": "../../etc/passwd"}),
        "a logout token": issuer.token(header={"typ": "logout+jwt"}),
        "an encrypted token": "a.b.c.d.e",
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.x",
        "no base64": "*.*.*",
        "other letters": "ïpk.é.ü",
        "nothing": "",
        "dots": "..",
        "a huge token": issuer.token(padding="x" * TOKEN_LENGTH_MAX),
        "a huge header": issuer.token(header={"x": "x" * 3000}),
    }


async def test_a_token_that_is_confused_or_forged_is_refused(issuer: Issuer) -> None:
    verify = a_verifier(issuer)
    await verify(issuer.token())
    tokens = _by_hand(issuer) | _of_parts(issuer)
    assert len(tokens) == 36
    for name, token in tokens.items():
        assert await reason(verify, token), name
    # One time for each of the two documents, and no more for all the names that were made up.
    assert len(issuer.asked) == 2


async def test_without_a_name_the_only_fitting_key_is_taken_and_none_of_two(issuer: Issuer) -> None:
    clock = Clock()
    verify = a_verifier(issuer, clock)
    nameless = issuer.token(key=EC, header={"kid": None})
    await verify(nameless)
    issuer.keys.append(ec("ec-2").as_dict(private=False))
    clock.seconds += FRESH_S
    await verify(issuer.token())
    await renewed(verify)
    assert await reason(verify, nameless) == "no such key"


def test_every_algorithm_that_can_be_allowed_has_its_kind_of_key_and_none_is_a_secret() -> None:
    assert set(KINDS) == set(ALGORITHMS)
    assert {kind for kind, _ in KINDS.values()} == {"RSA", "EC"}


async def test_a_key_that_rotates_in_is_found_and_one_that_rotates_out_is_soon_gone(issuer: Issuer) -> None:
    clock = Clock()
    verify = a_verifier(issuer, clock)
    await verify(issuer.token())
    fresh = rsa("rsa-2")
    issuer.keys[0] = fresh.as_dict(private=False)
    assert await reason(verify, issuer.token(key=fresh)) == "no such key"
    clock.seconds += RETRY_S
    await verify(issuer.token(key=fresh))
    assert await reason(verify, issuer.token()) == "no such key"
    assert len(issuer.asked) == 4


async def test_made_up_names_of_keys_do_not_make_us_ask_more_often(issuer: Issuer) -> None:
    clock = Clock()
    verify = a_verifier(issuer, clock)
    for _ in range(3):
        clock.seconds += RETRY_S
        for number in range(50):
            assert await reason(verify, issuer.token(header={"kid": f"made-up-{number}"})) == "no such key"
    assert len(issuer.asked) == 3 * 2


async def test_many_at_once_ask_the_issuer_once(issuer: Issuer) -> None:
    issuer.delay_s = 0.1
    verify = a_verifier(issuer)
    await asyncio.gather(*(verify(issuer.token()) for _ in range(50)))
    assert len(issuer.asked) == 2


async def test_while_the_issuer_is_away_its_keys_are_used_for_the_declared_time(issuer: Issuer) -> None:
    clock = Clock()
    verify = a_verifier(issuer, clock)
    await verify(issuer.token())
    issuer.status = 503
    for age in (FRESH_S, OUTAGE_S / 2, OUTAGE_S - 1):
        clock.seconds = 1000 + age
        await verify(issuer.token())
        await renewed(verify)
    clock.seconds = 1000 + OUTAGE_S + RETRY_S
    with pytest.raises(IssuerUnavailable):
        await verify(issuer.token())
    assert await reason(verify, issuer.token(exp=NOW - 60)) == "claim exp"
    issuer.status = 200
    with pytest.raises(IssuerUnavailable):
        await verify(issuer.token())
    clock.seconds += RETRY_S
    await verify(issuer.token())


BROKEN: dict[str, Callable[[Issuer], None]] = {
    "it fails": lambda issuer: setattr(issuer, "status", 500),
    "it sends elsewhere": lambda issuer: setattr(issuer, "status", 302),
    "it says nothing": lambda issuer: setattr(issuer, "body", b""),
    "it says no JSON": lambda issuer: setattr(issuer, "body", b"<html>"),
    "it says a list": lambda issuer: setattr(issuer, "body", b"[]"),
    "it says too much": lambda issuer: setattr(issuer, "body", b" " * (DOCUMENT_BYTES_MAX + 1)),
    "it is another": lambda issuer: issuer.discovery.update(issuer="https://evil.example"),
    "it names no key set": lambda issuer: issuer.discovery.update(jwks_uri=None),
    "its key set is not https": lambda issuer: issuer.discovery.update(jwks_uri="http://keys.example/jwks"),
    "its key set is a file": lambda issuer: issuer.discovery.update(jwks_uri="file:///etc/passwd"),
    "it has no keys": lambda issuer: issuer.keys.clear(),
    "it has too many keys": lambda issuer: issuer.keys.extend([EC.as_dict(private=False)] * 50),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_an_issuer_that_cannot_be_used_lets_nobody_in(issuer: Issuer, broken: Callable[[Issuer], None]) -> None:
    broken(issuer)
    with pytest.raises(IssuerUnavailable):
        await a_verifier(issuer)(issuer.token())


async def test_an_issuer_that_does_not_listen_lets_nobody_in() -> None:
    with an_issuer() as gone:
        token = gone.token()
    with pytest.raises(IssuerUnavailable):
        await a_verifier(gone)(token)


async def test_an_issuer_that_drips_is_given_up(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.jwks.FETCH_S_MAX", 0.2)
    issuer.delay_s = 0.5
    with pytest.raises(IssuerUnavailable):
        await a_verifier(issuer)(issuer.token())


def _a_weak_key() -> dict[str, object]:
    numbers = rsa_numbers.generate_private_key(65537, 1024).public_key().public_numbers()
    modulus = encoded(numbers.n.to_bytes(128))
    return {"kty": "RSA", "kid": "weak", "n": modulus, "e": "AQAB"}


async def test_of_a_key_set_only_what_can_verify_is_taken(issuer: Issuer) -> None:
    issuer.keys += [
        {"kty": "oct", "kid": "rsa-1", "k": encoded(PUBLIC)},
        {**rsa("enc").as_dict(private=False), "use": "enc"},
        {**rsa("sign").as_dict(private=False), "key_ops": ["sign"]},
        {"kty": "RSA", "kid": "damaged", "n": "*", "e": "AQAB"},
        {"kty": "EC", "kid": "off the curve", "crv": "P-256", "x": "AQ", "y": "AQ"},
        {"kty": "EC", "kid": "another curve", "crv": "secp256k1", "x": "AQ", "y": "AQ"},
        {"kty": "ML-DSA", "kid": "new"},
        {"kid": ["rsa-1"], "kty": "RSA"},
        _a_weak_key(),
    ]
    issuer.keys.append("rsa-1")  # type: ignore[arg-type]
    verify = a_verifier(issuer)
    await verify(issuer.token())
    for kid in ("enc", "sign", "damaged", "off the curve", "another curve", "weak", "new"):
        assert await reason(verify, issuer.token(header={"kid": kid})) == "no such key"


async def test_a_key_that_is_for_one_algorithm_takes_no_other(issuer: Issuer) -> None:
    oidc = replace(issuer.oidc, algorithms=("RS256", "PS256"))
    issuer.keys[:] = [{**RSA.as_dict(private=False), "alg": "PS256"}]
    assert await reason(a_verifier(issuer, oidc=oidc), issuer.token()) == "no such key"


SECURE = {"INTERPACT_OIDC_ISSUER": "https://login.example/tenant/", "INTERPACT_OIDC_AUDIENCE": AUDIENCE}


def test_the_issuer_is_read_from_the_settings() -> None:
    assert service_settings({"HOME": "/home/ada"} | SECURE).oidc == Oidc(
        issuer="https://login.example/tenant/",
        audience=AUDIENCE,
        algorithms=("RS256", "ES256"),
        leeway_s=30,
        outage_s_max=3600,
    )
    assert service_settings({"HOME": "/home/ada"}).oidc is None


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"INTERPACT_OIDC_ISSUER": "http://login.example"}, "INTERPACT_OIDC_ISSUER is not https"),
        ({"INTERPACT_OIDC_ISSUER": "http://127.0.0.1:9000"}, "INTERPACT_OIDC_ISSUER is on this machine"),
        ({"INTERPACT_OIDC_ISSUER": "https://localhost"}, "INTERPACT_OIDC_ISSUER is on this machine"),
        ({"INTERPACT_OIDC_ISSUER": "https://login.example/?a=b"}, "INTERPACT_OIDC_ISSUER has more than"),
        ({"INTERPACT_OIDC_ISSUER": "https://a:b@login.example/"}, "INTERPACT_OIDC_ISSUER has more than"),
        ({"INTERPACT_OIDC_ISSUER": "login.example"}, "INTERPACT_OIDC_ISSUER is no address"),
        ({"INTERPACT_OIDC_ISSUER": ""}, "INTERPACT_OIDC_ISSUER is not set"),
        ({"INTERPACT_OIDC_AUDIENCE": ""}, "INTERPACT_OIDC_AUDIENCE is not set"),
        ({"INTERPACT_OIDC_ALGORITHMS": "none"}, "INTERPACT_OIDC_ALGORITHMS has another algorithm"),
        ({"INTERPACT_OIDC_ALGORITHMS": "RS256,HS256"}, "INTERPACT_OIDC_ALGORITHMS has another algorithm"),
        ({"INTERPACT_OIDC_ALGORITHMS": ","}, "INTERPACT_OIDC_ALGORITHMS has another algorithm"),
    ],
)
def test_what_would_believe_anybody_is_refused_at_start(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError) as refused:
        service_settings({"HOME": "/home/ada"} | SECURE | environ)
    (told,) = refused.value.problems
    assert told.startswith(problem)


def test_an_issuer_on_this_machine_is_for_the_demo_alone() -> None:
    here = {"HOME": "/home/ada"} | SECURE | {"INTERPACT_OIDC_ISSUER": "http://127.0.0.1:9000", "INTERPACT_DEMO": "1"}
    oidc = service_settings(here).oidc
    assert oidc is not None
    assert oidc.issuer == "http://127.0.0.1:9000"
    assert refusal_of("http://login.example", demo=True) == "is not https"


NUMBERS = ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "127.9.9.9", "0.0.0.0", "0"]
NAMES = ["localhost", "LOCALHOST", "localhost.", "a.localhost"]
LOOPBACKS = [*NAMES, *NUMBERS, "::1", "::", "::ffff:127.0.0.1", "::1%lo"]


@pytest.mark.parametrize("host", LOOPBACKS)
def test_this_machine_is_known_however_it_is_written(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["login.example", "10.0.0.1", "128.0.0.1", "2001:db8::1", "localhost.example", "1270"])
def test_another_machine_is_not_taken_for_this_one(host: str) -> None:
    assert not is_loopback(host)
