"""Who asks, by a JWT bearer token (RFC 6750, RFC 8725): its signature, issuer, audience, expiry and claims.

`companies` holds company ids, or `*` for all; `roles` what the bearer may do.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import jwt
from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from impact_in_pipelines.api.access.known import Recent
from impact_in_pipelines.api.http.problems import ApiProblem
from impact_in_pipelines.db.access.api_tokens import PREFIX, KnownToken
from impact_in_pipelines.db.access.tokens import TokenClaims, token_digest
from impact_in_pipelines.errors import InvalidSetting
from impact_in_pipelines.settings import Settings

ADMIN_CONSOLE = "ADMIN_CONSOLE"
MANAGE_INTEGRATIONS = "MANAGE_INTEGRATIONS"
ALL_COMPANIES = "*"
_ASYMMETRIC = ("RS256", "ES256")
_SYMMETRIC = ("HS256",)
_LONGEST_TOKEN = 8_192
_KEY_WAITS = 4


class KeySource(Protocol):
    """Where public keys come from; `connectors.jwks.JwksClient` is one."""

    def key(self, key_id: str | None) -> Any | None:
        """The public key with this id, or None. Raises `OSError` if none can be had."""
        ...


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `companies` None means all of them; instants are UTC. `token_hash` is the digest under which
    a token can be revoked, `issued_at` None where it doesn't say. `named`: it is one that a company has made
    for its programs; it makes no other and signs nobody in."""

    subject: str
    roles: frozenset[str]
    companies: frozenset[UUID] | None
    expires_at: datetime
    fingerprint: str = field(default="", compare=False)
    issued_at: datetime | None = field(default=None, compare=False)
    token_hash: str = field(default="", compare=False)
    named: bool = field(default=False, compare=False)

    def may_see(self, company_id: UUID | None) -> bool:
        """Whether `company_id` is one of the token's; None stands for all companies."""
        return self.companies is None or company_id in self.companies

    @property
    def company_ids(self) -> list[UUID] | None:
        """What queries are bound to: the companies' ids, None for all."""
        return None if self.companies is None else sorted(self.companies)


def principal_of(claims: Mapping[str, Any], token: str = "") -> Principal:
    """The claims of `token` as a value. Raises `ValueError` for claims of another shape."""
    subject, roles, companies = claims["sub"], claims.get("roles", []), claims.get("companies", [])
    # It is written into logs and the audit log: no line breaks, no NUL, no half characters.
    if not isinstance(subject, str) or not 0 < len(subject) <= 200 or not subject.isprintable():
        raise ValueError("sub must be a text of 1 to 200 printable characters")
    if not _texts(roles) or not _texts(companies):
        raise ValueError("roles and companies must be lists of texts")
    ids = None if ALL_COMPANIES in companies else frozenset(UUID(text) for text in companies)
    shown = repr((subject, sorted(roles), sorted(companies)))
    return Principal(
        subject,
        frozenset(roles),
        ids,
        datetime.fromtimestamp(claims["exp"], UTC),
        hashlib.sha256(shown.encode()).hexdigest(),
        datetime.fromtimestamp(claims["iat"], UTC) if "iat" in claims else None,
        token_digest(token),
    )


def token_claims(principal: Principal) -> TokenClaims:
    """A principal's token as the tables know it."""
    return TokenClaims(
        principal.token_hash,
        principal.subject,
        sorted(principal.roles),
        principal.company_ids,
        principal.expires_at,
    )


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


class Authenticator:
    """Checks tokens. Algorithms are pinned to the kind of key: a public key never serves as a secret."""

    def __init__(
        self,
        *,
        secret: str | None = None,
        keys: KeySource | None = None,
        issuer: str | None = None,
        audience: str | None = None,
        leeway_s: float = 30,
        named: Callable[[str], KnownToken | None] = lambda _: None,
    ) -> None:
        if secret is None and keys is None:
            raise InvalidSetting(
                "IMPACT_IN_JWT_SECRET (development) or IMPACT_IN_JWKS_URL must be set: without one nobody "
                "could be let in"
            )
        self._secret = secret
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._leeway_s = leeway_s
        self._named = named
        self._recent: Recent[str, Principal] = Recent()
        # A key set that hangs keeps no thread from other requests.
        self._limiter = CapacityLimiter(_KEY_WAITS)

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        key_source: Callable[[str], KeySource],
        named: Callable[[str], KnownToken | None] = lambda _: None,
    ) -> "Authenticator":
        """The authenticator that the settings describe; `named` looks up tokens that companies have made.

        Raises `InvalidSetting` without a secret or URL, and for a URL without issuer and audience: tokens for
        other services would do.
        """
        if settings.jwks_url and not (settings.jwt_issuer and settings.jwt_audience):
            raise InvalidSetting(
                "IMPACT_IN_JWT_ISSUER and IMPACT_IN_JWT_AUDIENCE must be set when IMPACT_IN_JWKS_URL is"
            )
        return cls(
            secret=settings.jwt_secret.get_secret_value() if settings.jwt_secret else None,
            keys=key_source(settings.jwks_url) if settings.jwks_url else None,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            leeway_s=settings.jwt_leeway_seconds,
            named=named,
        )

    async def authenticate(self, header: str | None) -> Principal:
        """Who the Authorization header says asks. Raises a 401 problem."""
        if header is None:
            raise _unauthorized("a bearer token is needed", known=False)
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _unauthorized("the Authorization header must be: Bearer TOKEN", known=False)
        return await self.principal(token.strip())

    async def principal(self, token: str) -> Principal:
        """Who `token` belongs to. Raises a 401 problem; 503 if the keys can't be had."""
        if len(token) > _LONGEST_TOKEN:
            raise _unauthorized("the token is too long")
        known = self._recent.get(token)
        # Half a minute is also what a key that is withdrawn may go on being good for.
        if known is not None and known.expires_at > datetime.now(UTC):
            return known
        if token.startswith(PREFIX):
            found = await self._looked_up(token)
        else:
            found = await self._verified(token)
        self._recent.keep(token, found)
        return found

    async def _looked_up(self, token: str) -> Principal:
        known = await run_sync(self._named, token)
        if known is None:
            raise _unauthorized("the token is unknown, has expired, or was revoked")
        subject = f"{known.name} (token of {known.created_by})"[:200]
        shown = repr(("named", known.token_hash))
        return Principal(
            subject,
            frozenset(known.roles),
            frozenset({known.company_id}),
            known.expires_at,
            hashlib.sha256(shown.encode()).hexdigest(),
            known.created_at,
            known.token_hash,
            named=True,
        )

    async def _verified(self, token: str) -> Principal:
        try:
            head = jwt.get_unverified_header(token)
            key, algorithms = await self._key(head)
            claims = jwt.decode(
                token,
                key,
                algorithms=list(algorithms),
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway_s,
                options={
                    "require": ["exp", "sub"],
                    "verify_aud": self._audience is not None,
                    "verify_iss": self._issuer is not None,
                },
            )
            return principal_of(claims, token)
        except jwt.ExpiredSignatureError:
            raise _unauthorized("the token has expired") from None
        except jwt.PyJWTError as error:
            raise _unauthorized(f"the token isn't valid: {_reason(error)}") from None
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            raise _unauthorized("the token's claims aren't valid") from None

    async def _key(self, head: Mapping[str, Any]) -> tuple[Any, Iterable[str]]:
        algorithm = head.get("alg")
        if algorithm in _SYMMETRIC and self._secret is not None:
            return self._secret, _SYMMETRIC
        if algorithm in _ASYMMETRIC and self._keys is not None:
            key_id = head.get("kid")
            try:
                key = await run_sync(
                    self._keys.key,
                    key_id if isinstance(key_id, str) else None,
                    limiter=self._limiter,
                )
            except OSError:
                raise ApiProblem(
                    503,
                    "the keys that tokens are signed with can't be had; try again",
                    headers={"Retry-After": "10"},
                ) from None
            if key is not None:
                return key, (str(algorithm),)
            raise _unauthorized("the token isn't valid: no key has its kid")
        raise _unauthorized("the token isn't valid: its algorithm isn't accepted")


def _reason(error: jwt.PyJWTError) -> str:
    match error:
        case jwt.InvalidAudienceError():
            return "it is for another audience"
        case jwt.InvalidIssuerError():
            return "it comes from another issuer"
        case jwt.MissingRequiredClaimError():
            return f"it has no {error.claim}"
        case jwt.ImmatureSignatureError():
            return "it isn't valid yet"
        case jwt.InvalidSignatureError():
            return "its signature doesn't hold"
        case _:
            return "it isn't a signed JWT"


def token_revoked() -> ApiProblem:
    """401 for a token that was good until somebody took it back."""
    return _unauthorized("the token was revoked")


def _unauthorized(detail: str, *, known: bool = True) -> ApiProblem:
    # RFC 6750: no error code where there was no token at all.
    challenge = 'Bearer realm="impact-in"' + (', error="invalid_token"' if known else "")
    return ApiProblem(401, detail, headers={"WWW-Authenticate": challenge})
