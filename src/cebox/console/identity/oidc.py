"""An OpenID Connect provider as its client sees it: where to send people, and who came back.

Authorization code with PKCE; the ID token's signature, issuer, audience, times and nonce are verified. Keeps the
provider's description and keys for a while; keeps nobody's tokens.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from cebox.errors import NotAuthenticated, Unavailable

_ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
_SCOPES = "openid email profile"
_KEPT_SECONDS = 3600.0
_TIMEOUT_SECONDS = 10.0
_LEEWAY_SECONDS = 60
_LARGEST_ANSWER_BYTES = 1 << 20
OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class OidcClient:
    """Who this console is to which provider."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What binds an answer to the question of one browser; all of it derived, none of it kept."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider vouches for. `email` is empty unless it says that it verified the address."""

    issuer: str
    subject: str
    email: str
    name: str
    is_strong: bool


class OidcProvider:
    """`read_seconds` is a clock for how long its description is kept; real time for its tokens is passed in."""

    def __init__(self, client: OidcClient, read_seconds: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._read_seconds = read_seconds
        self._kept: tuple[float, Mapping[str, Any], KeySet] | None = None

    @property
    def issuer(self) -> str:
        return self._client.issuer

    async def begin(self, attempt: Attempt, redirect_address: str) -> str:
        """Where to send the browser. Raises Unavailable (`oidc_unreachable`)."""
        description, _keys = await self._load()
        query = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": redirect_address,
            "scope": _SCOPES,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": create_s256_code_challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        address = str(description["authorization_endpoint"])
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

    async def finish(self, attempt: Attempt, code: str, redirect_address: str, now: float) -> Person:
        """Raises NotAuthenticated (`oidc_refused`), Unavailable (`oidc_unreachable`)."""
        description, _keys = await self._load()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_address,
            "code_verifier": attempt.verifier,
        }
        async with self._open() as http:
            answer = await _ask(
                http.post(
                    str(description["token_endpoint"]),
                    data=form,
                    auth=(self._client.client_id, self._client.client_secret),
                )
            )
        if answer.status_code != 200:
            raise _refused("the provider did not accept the code")
        tokens = _read(answer)
        return await self._read_person(str(tokens.get("id_token", "")), tokens, attempt, now)

    async def _read_person(self, id_token: str, tokens: Mapping[str, Any], attempt: Attempt, now: float) -> Person:
        try:
            token = await self._decode(id_token)
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "value": self._client.issuer},
                    "aud": {"essential": True, "value": self._client.client_id},
                    "nonce": {"essential": True, "value": attempt.nonce},
                },
                params={
                    "nonce": attempt.nonce,
                    "client_id": self._client.client_id,
                    "access_token": tokens.get("access_token"),
                },
            )
            claims.validate(now=int(now), leeway=_LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _refused(f"the ID token is not genuine: {type(error).__name__}") from error
        # The number 1 is neither, though Python holds it for the truth.
        is_verified = claims.get("email_verified") is True or claims.get("email_verified") == "true"
        return Person(
            issuer=self._client.issuer,
            subject=str(claims["sub"])[:255],
            email=str(claims.get("email", "")).strip().casefold() if is_verified else "",
            name=str(claims.get("name") or claims.get("email") or "")[:200],
            is_strong="mfa" in (claims.get("amr") or []),
        )

    async def _decode(self, id_token: str) -> jwt.Token:
        """Keys may have been renewed since they were fetched: once, newer ones are asked for."""
        _description, keys = await self._load()
        try:
            return jwt.decode(id_token, keys, algorithms=list(_ALGORITHMS))
        except (JoseError, ValueError):
            self._kept = None
            _description, keys = await self._load()
            return jwt.decode(id_token, keys, algorithms=list(_ALGORITHMS))

    async def _load(self) -> tuple[Mapping[str, Any], KeySet]:
        if self._kept is not None and self._read_seconds() - self._kept[0] < _KEPT_SECONDS:
            return self._kept[1], self._kept[2]
        async with self._open() as http:
            where = f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
            description = _read(await _ask(http.get(where)))
            if description.get("issuer") != self._client.issuer:
                raise _unreachable("its description is of another issuer")
            keys = _read_keys(_read(await _ask(http.get(str(description.get("jwks_uri"))))))
        self._kept = (self._read_seconds(), description, keys)
        return description, keys

    def _open(self) -> httpx.AsyncClient:
        is_own = urlsplit(self._client.issuer).hostname in OWN_MACHINE
        return httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, follow_redirects=False, trust_env=not is_own)


async def _ask(request: Any) -> httpx.Response:
    try:
        answer: httpx.Response = await request
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unreachable(type(error).__name__) from error
    if len(answer.content) > _LARGEST_ANSWER_BYTES or answer.status_code >= 500:
        raise _unreachable(f"it answers {answer.status_code}")
    return answer


def _read(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        content = answer.json()
    except ValueError as error:
        raise _unreachable("it answers no JSON") from error
    if not isinstance(content, dict) or answer.status_code != 200:
        raise _unreachable(f"it answers {answer.status_code}")
    return content


def _read_keys(content: Mapping[str, Any]) -> KeySet:
    try:
        return KeySet.import_key_set({"keys": list(content["keys"])})
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise _unreachable("its keys cannot be read") from error


def _refused(why: str) -> NotAuthenticated:
    return NotAuthenticated("oidc_refused", f"the sign-in was not completed: {why}", hint="Start again.")


def _unreachable(why: str) -> Unavailable:
    return Unavailable("oidc_unreachable", f"the identity provider cannot be used: {why}", hint="Try again in a while.")
