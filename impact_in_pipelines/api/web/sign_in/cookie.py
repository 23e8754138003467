"""The session cookie: HttpOnly, SameSite=Lax, Secure wherever the cockpit is reached by https."""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from impact_in_pipelines.settings import Settings

_NAME = "impact_in_session"


def _secure(settings: Settings) -> bool:
    return settings.cockpit_url.startswith("https:")


def _name(settings: Settings) -> str:
    # The prefix makes browsers refuse a cookie that another host or a plain connection has set.
    return f"__Host-{_NAME}" if _secure(settings) else _NAME


def cookie_of(request: Request, settings: Settings) -> str | None:
    """The session's id as the browser sent it."""
    return request.cookies.get(_name(settings))


def set_cookie(
    response: Response, settings: Settings, session_id: str, expires_at: datetime
) -> None:
    """Have the browser keep the session's id. It keeps it a day longer, to be told that it expired."""
    response.set_cookie(
        _name(settings),
        session_id,
        max_age=max(0, int((expires_at - datetime.now(expires_at.tzinfo)).total_seconds()))
        + 86_400,
        path="/",
        secure=_secure(settings),
        httponly=True,
        samesite="lax",
    )


def clear_cookie(response: Response, settings: Settings) -> None:
    """Have the browser forget the session's id."""
    response.delete_cookie(
        _name(settings), path="/", secure=_secure(settings), httponly=True, samesite="lax"
    )
