"""The description of REST is of these routes, and its examples fit its schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from served import Served, serving
from starlette.routing import Route, WebSocketRoute

from emonets.app.openapi import openapi
from emonets.app.schemas import SCHEMAS

STORE = {"components": {"schemas": SCHEMAS}}


def check(value: Any, name: str) -> None:
    """Raise unless a value fits a schema of the description."""
    jsonschema.Draft202012Validator({**STORE, "$ref": f"#/components/schemas/{name}"}).validate(
        value
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


def test_every_route_is_in_it_and_the_other_way_round(served: Served) -> None:
    routes = set()
    for route in served.server.starlette.routes:
        if isinstance(route, WebSocketRoute):
            routes.add((route.path, "get"))
        assert isinstance(route, Route | WebSocketRoute)
        if isinstance(route, Route):
            routes |= {(route.path, m.lower()) for m in (route.methods or set()) - {"HEAD"}}
    described = {(path, method) for path, own in openapi()["paths"].items() for method in own}
    assert described == routes


def test_parameters_of_paths_are_described() -> None:
    for path, own in openapi()["paths"].items():
        for operation in own.values():
            named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


@pytest.mark.parametrize("name", SCHEMAS)
def test_examples_fit(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    for example in SCHEMAS[name].get("examples", []):
        check(example, name)


def test_references_and_examples_within() -> None:
    found = 0

    def walk(value: Any) -> None:
        nonlocal found
        if isinstance(value, dict):
            if "$ref" in value:
                assert value["$ref"].removeprefix("#/components/schemas/") in SCHEMAS
                found += 1
            if "example" in value and "schema" in value:
                check(value["example"], value["schema"]["$ref"].rpartition("/")[2])
            for own in value.values():
                walk(own)
        elif isinstance(value, list):
            for own in value:
                walk(own)

    walk(openapi())
    assert found > 20


def test_answers_fit(served: Served) -> None:
    check(served.client.get("/api/status").json(), "Status")
    slow, waiting = served.upload(b"slow", label="sad", batch="b"), served.upload()
    served.until(slow["id"], "running")
    served.reader.read_now.wait(5)
    check(served.client.get("/api/jobs").json(), "Jobs")
    for job in (slow, waiting, served.job(slow["id"])):
        check(job, "Job")
    served.reader.go.set()
    check(served.until(slow["id"]), "Job")
    check(served.until(waiting["id"]), "Job")
    check(served.until(served.upload(b"broken")["id"]), "Job")
    check(served.client.get(f"/api/jobs/{slow['id']}/edits").json(), "MaybeEdits")
    check(served.client.get("/api/jobs/x").json(), "Error")
    query = {"ids": f"{slow['id']},{waiting['id']}"}
    check(served.client.get("/api/comparison", params=query).json(), "Comparison")
    check(served.client.get("/api/evaluation", params={"batch": "b"}).json(), "Evaluation")
    answer = served.client.get("/openapi.json").json()
    assert answer["openapi"] == "3.1.0"


def test_a_status_that_is_answered_is_described(served: Served) -> None:
    paths = openapi()["paths"]
    for path, method, status in [
        ("/api/jobs", "post", 411), ("/api/jobs/{id}", "get", 404), ("/api/jobs", "post", 507),
        ("/api/jobs/{id}/cancel", "post", 409), ("/api/jobs/{id}/edits", "put", 413),
    ]:  # fmt: skip
        assert str(status) in paths[path][method]["responses"]
