"""Who may ask: hosts, origins, tokens, and what answers forbid."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from served import CLIP, TOKEN, Served, serving
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from emonets.app.security import Guard, cookie_name, own_hosts, page_policy

PATHS = ("/", "/help", "/assets/app.css", "/openapi.json", "/api/status", "/api/jobs", "/nope")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


@pytest.fixture
def plain(served: Served) -> Iterator[httpx.Client]:
    """A client without the token."""
    with httpx.Client(base_url=served.base) as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
def test_nothing_without_the_token(plain: httpx.Client, path: str) -> None:
    answer = plain.get(path)
    assert answer.status_code == 401
    assert answer.json()["error"].startswith("This address needs the token")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "value", ["Bearer x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer", "", TOKEN, "Bearer ü"]
)
def test_a_wrong_token(plain: httpx.Client, value: str) -> None:
    headers = [(b"authorization", value.encode("utf-8"))]
    assert plain.get("/api/jobs", headers=headers).status_code == 401


def test_the_token_in_the_address_becomes_a_cookie(plain: httpx.Client, served: Served) -> None:
    answer = plain.get("/compare", params={"ids": "a,b", "token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/compare?ids=a%2Cb")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{cookie_name(served.port)}={TOKEN};")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "domain" not in cookie.lower()
    assert plain.get("/api/jobs").status_code == 200


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "///evil.example"])
def test_the_redirect_stays_here(served: Served, path: str) -> None:
    with httpx.Client(base_url=served.base) as client:
        answer = client.get(httpx.URL(served.base).copy_with(raw_path=f"{path}?token={TOKEN}"
                                                             .encode()))  # fmt: skip
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/")
    assert answer.headers["location"][1] not in "/\\"


def test_a_wrong_token_in_the_address(plain: httpx.Client) -> None:
    answer = plain.get("/", params={"token": "x"}, headers={"Accept": "text/html"})
    assert answer.status_code == 401
    assert "text/html" in answer.headers["content-type"]
    assert "is not that of the server" in answer.text
    assert "set-cookie" not in answer.headers
    assert plain.post("/api/jobs", params={"token": TOKEN, "name": "a"}).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost",
             "127.0.0.1.evil.example:{port}", "192.168.1.2:{port}", "[::1]", "", "0.0.0.0:{port}",
             "localhost:{port}.evil.example", "localhost.:{port}"],
)  # fmt: skip
def test_other_hosts_are_refused(served: Served, host: str) -> None:
    answer = served.client.get("/api/jobs", headers={"Host": host.format(port=served.port)})
    assert answer.status_code in (400, 403)
    if host:
        assert "on this computer only" in answer.json()["error"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_own_hosts(served: Served, host: str) -> None:
    answer = served.client.get("/api/jobs", headers={"Host": f"{host}:{served.port}"})
    assert answer.status_code == 200


def test_a_port_of_the_web_needs_no_number() -> None:
    assert "localhost" in own_hosts(80)
    assert "localhost" not in own_hosts(8471)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1",
               "http://127.0.0.1", "http://localhost:{port}.evil.example", "file://", ""],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "OPTIONS"])
def test_foreign_origins_are_refused(served: Served, origin: str, method: str) -> None:
    # with the token, as a cookie would give it
    own = {"Origin": origin.format(port=served.port)}
    answer = served.client.request(method, "/api/jobs", headers=own)
    assert answer.status_code == 403
    assert "another site" in answer.json()["error"]


def test_cookies_need_an_origin_to_change_something(served: Served) -> None:
    cookies = {cookie_name(served.port): TOKEN}
    with httpx.Client(base_url=served.base, cookies=cookies) as client:
        assert client.get("/api/jobs").status_code == 200
        query = {"name": "a.mp4"}
        answer = client.post("/api/jobs", params=query, content=CLIP)
        assert answer.status_code == 403
        assert "needs the header Origin" in answer.json()["error"]
        own = {"Origin": f"http://localhost:{served.port}"}
        answer = client.post("/api/jobs", params=query, content=CLIP, headers=own)
        assert answer.status_code == 201
        key = answer.json()["id"]
        assert client.delete(f"/api/jobs/{key}").status_code == 403
        assert client.delete(f"/api/jobs/{key}", headers=own).status_code == 204
    with httpx.Client(base_url=served.base, cookies={"emonets-1": TOKEN}) as client:
        assert client.get("/api/jobs").status_code == 401


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_ports_may_not_load_from_here(served: Served, site: str) -> None:
    # as <script>, <img> and <video> of another page do, which send no origin
    own = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert served.client.get("/api/jobs", headers=own).status_code == 403
    own["Sec-Fetch-Mode"] = "navigate"
    assert served.client.get("/", headers=own).status_code == 200


@pytest.mark.parametrize("path", [*PATHS, "/?token=x"])
@pytest.mark.parametrize("known", [True, False])
def test_headers_of_every_answer(served: Served, path: str, known: bool) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"} if known else {}
    with httpx.Client(base_url=served.base, headers=headers) as client:
        answer = client.get(path, headers={"Accept-Language": "en"})
    sent = answer.headers
    assert sent["x-content-type-options"] == "nosniff"
    assert sent["referrer-policy"] == "no-referrer"
    assert sent["x-frame-options"] == "DENY"
    assert sent["cache-control"] == "no-store"
    assert sent["cross-origin-resource-policy"] == "same-origin"
    policy = sent["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "server" not in sent
    assert not [name for name in sent if name.startswith("access-control")]


def test_no_cors_for_anybody(served: Served) -> None:
    own = {"Origin": f"http://127.0.0.1:{served.port}", "Access-Control-Request-Method": "PUT"}
    answer = served.client.options("/api/jobs", headers=own)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_policy_of_pages_names_only_this_server() -> None:
    policy = page_policy("127.0.0.1:8471")
    assert "unsafe" not in policy
    assert [part for part in policy.split() if "//" in part] == ["ws://127.0.0.1:8471;"]


def test_websockets_are_guarded_too(served: Served) -> None:
    address = f"ws://127.0.0.1:{served.port}/api/live"
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    cookie = {"Cookie": f"{cookie_name(served.port)}={TOKEN}"}
    refused: list[tuple[str | None, dict[str, str]]] = [
        (None, {}), (None, cookie), ("http://evil.example", cookie), ("null", bearer),
        (f"http://127.0.0.1:{served.port}", {}), (f"https://127.0.0.1:{served.port}", cookie),
    ]  # fmt: skip
    for origin, headers in refused:
        with pytest.raises(InvalidStatus) as caught, connect(
            address, origin=origin, additional_headers=headers, proxy=None  # type: ignore[arg-type]
        ):  # fmt: skip
            pass
        assert caught.value.response.status_code == 403
    for origin, headers in [(f"http://127.0.0.1:{served.port}", cookie), (None, bearer)]:
        with connect(
            address,
            origin=origin,
            additional_headers=headers,
            proxy=None,  # type: ignore[arg-type]
        ):
            pass


def test_tokens_are_compared_in_constant_time_and_are_not_shown(served: Served) -> None:
    guard = Guard(served.server.starlette, token="ab", port=1)
    assert guard._is_token("ab")
    assert not any(map(guard._is_token, ("", "a", "abc", "ä", "\udc80")))
    assert TOKEN not in repr(served.server.settings)
