"""A real Prometheus, and its promtool."""

import copy
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from aiops_local.installations import NotInstalled
from aiops_local.prometheus import COMMAND, Programs, find
from support.alerts import CONFIGURATION
from support.answering import answering
from support.dashboards import ALERTS
from support.lone_gateway import free_port

Json = dict[str, Any]


def programs() -> Programs:
    """Prometheus's programs; the test is skipped where this machine has none."""
    try:
        return find()
    except NotInstalled:
        pytest.skip(f"there is no Prometheus on this machine; `{COMMAND}` fetches one")


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What promtool says to ``arguments``."""
    return subprocess.run([programs().promtool, *arguments], capture_output=True, text=True, check=False)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A server that runs; ``url`` is its API."""

    url: str

    async def get(self, path: str, **parameters: str) -> Any:
        """The ``data`` of an answer; AssertionError with what was wrong if there is none."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            answer = (await http.get(f"{self.url}/api/v1/{path}", params=parameters)).json()
        assert answer["status"] == "success", f"{parameters}: {answer['error']}"
        return answer["data"]

    async def query(self, expr: str) -> list[Json]:
        """The series that ``expr`` has at this moment."""
        result: list[Json] = (await self.get("query", query=expr))["result"]
        return result

    async def targets(self) -> dict[tuple[str, str], str]:
        """(job, instance) → how it is, and what was wrong if it is not up."""
        found = (await self.get("targets", state="active"))["activeTargets"]
        return {
            (one["labels"]["job"], one["labels"]["instance"]): f"{one['health']} {one['lastError']}".strip()
            for one in found
        }


def pointed_at(addresses: Mapping[str, list[str]]) -> Json:
    """Our configuration with targets at these addresses (host:port) by the names that compose has for them.

    What nobody gives an address for is left out. All is scraped each second.
    """
    ours: Json = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    ours["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    ours["rule_files"] = [str(ALERTS)]
    jobs = []
    for job in copy.deepcopy(ours["scrape_configs"]):
        named = [name for found in job.pop("dns_sd_configs", []) for name in found["names"]]
        # No name server answers for names of ours here: what it would say is put there as it would put it.
        static = [{"targets": addresses[n], "labels": {"__meta_dns_name": n}} for n in named if n in addresses]
        for target in (target for one in job.get("static_configs", []) for target in one["targets"]):
            static += [{"targets": addresses[target]}] if target in addresses else []
        if static:
            jobs.append({**job, "static_configs": static})
    return {**ours, "scrape_configs": jobs}


@contextmanager
def prometheus(addresses: Mapping[str, list[str]]) -> Iterator[Prometheus]:
    """A server with our rules and ``pointed_at(addresses)``, gone afterwards with all that it has seen."""
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="aiops-prometheus-") as name:
        configuration = Path(name) / "prometheus.yaml"
        configuration.write_text(yaml.safe_dump(pointed_at({**addresses, "localhost:9090": [address]})))
        arguments = [
            f"--config.file={configuration}", f"--storage.tsdb.path={name}/data", f"--web.listen-address={address}",
            "--enable-feature=exemplar-storage", "--log.level=warn",
        ]  # fmt: skip
        with answering([programs().prometheus, *arguments], f"http://{address}/-/ready"):
            yield Prometheus(f"http://{address}")
