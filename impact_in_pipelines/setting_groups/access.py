"""The settings by which people and programs are let in: whose tokens count, who signs people in."""

from pydantic import BaseModel, Field, SecretStr

from impact_in_pipelines.setting_forms import HttpUrl


class AccessSettings(BaseModel):
    """Part of `settings.Settings`: the fields of tokens (JWT, JWKS) and of sign-in (OIDC)."""

    jwt_secret: SecretStr | None = Field(
        None,
        alias="IMPACT_IN_JWT_SECRET",
        min_length=32,
        description="at least 32 characters, for HS256 tokens (development)",
    )
    jwks_url: HttpUrl | None = Field(
        None,
        alias="IMPACT_IN_JWKS_URL",
        description="the http or https URL of a JSON Web Key Set, for RS256 and ES256 tokens",
    )
    jwt_issuer: str | None = Field(
        None, alias="IMPACT_IN_JWT_ISSUER", description="the tokens' iss claim"
    )
    jwt_audience: str | None = Field(
        None, alias="IMPACT_IN_JWT_AUDIENCE", description="the tokens' aud claim"
    )
    jwt_leeway_seconds: int = Field(
        30, alias="IMPACT_IN_JWT_LEEWAY_SECONDS", ge=0, le=300, description="seconds, from 0 to 300"
    )
    oidc_issuer: HttpUrl | None = Field(
        None, description="the http or https URL of the identity provider that signs people in"
    )
    oidc_client_id: str | None = Field(None, description="the cockpit's client id there")
    oidc_client_secret: SecretStr | None = Field(None, description="the cockpit's client secret")
    oidc_scopes: str = Field(
        "openid profile email", description="scopes separated by spaces, openid among them"
    )
