"""What an orchestrator is told, and how the parts of a process start and stop."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from prometheus_client import Histogram
from starlette.applications import Starlette
from starlette.testclient import TestClient

from aiops_common import health
from aiops_common.health import COLLECTED, component_app, health_routes
from aiops_common.lifecycle import running


def _answers(problem: str | None) -> Callable[[], Awaitable[str | None]]:
    async def check() -> str | None:
        return problem

    return check


async def _breaks() -> str | None:
    raise ConnectionError("no route")


async def _hangs() -> str | None:
    await asyncio.Event().wait()
    return None


def _get(path: str, required: dict[str, Any], informative: dict[str, Any] | None = None) -> Any:
    with TestClient(Starlette(routes=health_routes(required, informative))) as client:
        return client.get(path)


def test_a_process_is_ready_when_every_check_passes() -> None:
    answer = _get("/readyz", {"database": _answers(None), "broker": _answers(None)})
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "checks": {"database": "ok", "broker": "ok"}})


def test_a_problem_is_told_and_the_process_is_not_ready() -> None:
    answer = _get("/readyz", {"database": _answers("migration x is missing"), "broker": _breaks})
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "migration x is missing", "broker": "no route"}


def test_a_check_that_hangs_is_a_problem_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.01)
    answer = _get("/readyz", {"database": _hangs})
    assert (answer.status_code, answer.json()["checks"]) == (503, {"database": "TimeoutError: no answer"})


def test_what_is_only_shown_never_makes_a_process_unready() -> None:
    answer = _get("/readyz", {"database": _answers(None)}, {"broker": _answers("away")})
    assert (answer.status_code, answer.json()["checks"]) == (200, {"database": "ok", "broker": "away"})


def test_a_process_that_is_not_ready_is_alive() -> None:
    assert _get("/livez", {"database": _breaks}).status_code == 200
    assert b"python_info" in _get("/metrics", {"database": _breaks}).content


def test_many_who_ask_cost_one_look() -> None:
    looks = 0

    async def check() -> str | None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return f"look {looks}"

    async def ask_many() -> set[str]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as http:
            answers = await asyncio.gather(*(http.get("/readyz") for _ in range(20)))
            return {answer.json()["checks"]["database"] for answer in answers}

    app = Starlette(routes=health_routes({"database": check}))
    assert asyncio.run(ask_many()) == {"look 1"}


def test_what_was_seen_is_kept_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    problems: list[str | None] = [None, "away"]

    async def check() -> str | None:
        return problems[0]

    with TestClient(Starlette(routes=health_routes({"database": check}))) as client:
        assert client.get("/readyz").status_code == 200
        problems.pop(0)
        assert client.get("/readyz").status_code == 200
        monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
        assert client.get("/readyz").status_code == 503


class Part:
    """Writes down what happens to it."""

    def __init__(self, name: str, journal: list[str], *, fails: bool = False) -> None:
        self._name, self._journal, self._fails = name, journal, fails

    async def start(self) -> None:
        if self._fails:
            raise RuntimeError(self._name)
        self._journal.append(f"start {self._name}")

    async def stop(self) -> None:
        self._journal.append(f"stop {self._name}")


async def test_parts_stop_in_the_reverse_order() -> None:
    journal: list[str] = []
    async with running([Part("a", journal), Part("b", journal)]):
        journal.append("run")
    assert journal == ["start a", "start b", "run", "stop b", "stop a"]


async def test_parts_that_were_started_stop_when_a_later_one_fails() -> None:
    journal: list[str] = []
    with pytest.raises(RuntimeError, match="b"):
        async with running([Part("a", journal), Part("b", journal, fails=True), Part("c", journal)]):
            journal.append("run")
    assert journal == ["start a", "stop a"]


def test_the_parts_live_as_long_as_the_application() -> None:
    journal: list[str] = []
    with TestClient(component_app(health_routes({}), [Part("a", journal)])):
        assert journal == ["start a"]
    assert journal == ["start a", "stop a"]


def test_garbage_is_collected_less_often_while_it_serves() -> None:
    before = gc.get_threshold()
    with TestClient(component_app(health_routes({}), [])):
        assert gc.get_threshold() == COLLECTED
    assert gc.get_threshold() == before


def _metrics(accept: str) -> Any:
    with TestClient(Starlette(routes=health_routes({}))) as client:
        return client.get("/metrics", headers={"Accept": accept})


def test_who_accepts_openmetrics_gets_exemplars() -> None:
    Histogram("shop_weighing_seconds", "How long it took").observe(0.2, {"trace_id": "a" * 32})
    answer = _metrics("application/openmetrics-text;version=1.0.0;q=0.9,text/plain;q=0.1")
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert f'# {{trace_id="{"a" * 32}"}} 0.2' in answer.text
    assert answer.text.endswith("# EOF\n")


@pytest.mark.parametrize("accept", ["*/*", "", "text/html", "application/openmetrics-text;version=;;", ";;,,=;q=x"])
def test_everybody_else_gets_plain_text(accept: str) -> None:
    answer = _metrics(accept)
    assert answer.status_code == 200
    assert "process_resident_memory_bytes" in answer.text
    assert "python_gc_objects_collected_total" in answer.text


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text; version=abc", "application/openmetrics-text;q", "\0;"]
)
def test_what_no_accept_header_may_be_gets_the_metrics_all_the_same(accept: str) -> None:
    with TestClient(Starlette(routes=health_routes({}))) as client:
        answer = client.get("/metrics", headers={b"accept": accept.encode()})
    assert answer.status_code == 200
    assert b"python_info" in answer.content
