"""Who may ask: this computer's own pages, with the token. And what every answer forbids.

Against pages of other sites: the names of the host are checked (DNS rebinding), and so is the
origin (forged requests, WebSockets); no header lets another origin read an answer. Against other
users of the computer: a random token.
"""

from __future__ import annotations

import hmac
import html
import json
from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
}
NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The content security policy of data: nothing may be loaded or run."""
NO_TOKEN = (
    "This address needs the token of the server. Open the address that emonets serve printed, or "
    "send the header Authorization: Bearer TOKEN."
)

NO_ORIGIN = (
    "A request that changes something needs the header Origin, which browsers send, or the header "
    "Authorization: Bearer TOKEN."
)
FOREIGN = "A page of another site may not use this server."


def page_policy(host: str) -> str:
    """The content security policy of the pages of this package: only its own files.

    Examples
    --------
    >>> page_policy("127.0.0.1:8471").split("; ")[1]
    "script-src 'self'"
    """
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        f"media-src 'self' blob:; connect-src 'self' ws://{host}; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def own_hosts(port: int) -> frozenset[str]:
    """The names under which a browser on this computer finds the port."""
    names = ("127.0.0.1", "localhost", "[::1]")
    plain = names if port == 80 else ()
    return frozenset((*(f"{name}:{port}" for name in names), *plain))


def cookie_name(port: int) -> str:
    """Cookies do not know ports: two servers need two names."""
    return f"emonets-{port}"


class Guard:
    """Lets only our own pages, and programs with the token, reach an application (ASGI).

    Parameters
    ----------
    app : what is guarded. token : the secret. port : where it is served.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self.app, self.token, self.port = app, token, port
        self.hosts = own_hosts(port)
        self.cookie = cookie_name(port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(MutableHeaders(scope=message))
            await send(message)

        refused = self._refusal(scope, headers)
        if refused is None:
            await self.app(scope, receive, with_headers)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "not allowed"})
        else:
            await refused(scope, receive, with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to a request that must not pass, or None."""
        foreign = self._foreign(headers)
        if foreign:
            return sentence(headers, 403, foreign)
        method = scope.get("method", "")
        given = QueryParams(scope["query_string"])
        if method == "GET" and "token" in given:
            return self._enter(scope, headers, given)
        if self._is_token(_bearer(headers)):
            return None
        cookies = cookie_parser(headers.get("cookie", ""))
        if not self._is_token(cookies.get(self.cookie, "")):
            return sentence(headers, 401, NO_TOKEN)
        changes = scope["type"] == "websocket" or method not in SAFE
        return sentence(headers, 403, NO_ORIGIN) if changes and "origin" not in headers else None

    def _foreign(self, headers: Headers) -> str:
        """Why a request is not of our own page or of a program here; empty if it is."""
        host = headers.get("host", "")
        if host.lower() not in self.hosts:
            return (
                "This server answers on this computer only, under 127.0.0.1 or localhost with "
                f"port {self.port}; the address has another host."
            )
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in {f"http://{own}" for own in self.hosts}:
            return FOREIGN
        other = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        return FOREIGN if other and headers.get("sec-fetch-mode") != "navigate" else ""

    def _enter(self, scope: Scope, headers: Headers, given: QueryParams) -> Response:
        """Take the token out of the address, into a cookie that no script can read."""
        if not self._is_token(given["token"]):
            return sentence(
                headers, 401, "The token in this address is not that of the server, which has a "
                "new one at each start. Open the address that emonets serve printed last."
            )  # fmt: skip
        rest = urlencode([(k, v) for k, v in given.multi_items() if k != "token"])
        path = "/" + scope["path"].lstrip("/\\")
        answer = RedirectResponse(path + (f"?{rest}" if rest else ""), 303)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
        return answer

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())


def _bearer(headers: Headers) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _add(headers: MutableHeaders) -> None:
    for name, value in _ALWAYS.items():
        headers[name] = value
    headers.setdefault("Content-Security-Policy", NOTHING)
    headers.setdefault("Cache-Control", "no-store")


def sentence(headers: Mapping[str, str], status: int, text: str) -> Response:
    """A refusal: a line of text for a person's browser, else ``{"error": text}``."""
    if "text/html" in headers.get("accept", ""):
        page = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>EmoNets</title>'
            f"<h1>EmoNets</h1><p>{html.escape(text)}</p></html>"
        )
        return Response(page, status, media_type="text/html")
    body = json.dumps({"error": text}, ensure_ascii=False)
    return Response(body.encode("utf-8", "backslashreplace"), status, media_type="application/json")
