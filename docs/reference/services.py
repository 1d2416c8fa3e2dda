"""The written part of services/*/README.md: what a service consumes, publishes and stores, and its settings."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from docs.reference import settings, sources
from docs.reference.markdown import code, table
from pydantic_settings import BaseSettings

from aiops_common.llm import LLMSettings
from aiops_common.postgres.migrate import messaging_tables_v1, messaging_tables_v2
from aiops_common.settings import ServiceSettings

BEGIN = "<!-- Written from the code by `make docs` from here on; do not edit. -->"

_CREATED = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)")


def names() -> list[str]:
    """The services, as the topology has them."""
    return list(sources.topology().services)


def readme(service: str, present: str) -> str:
    """The page of a service: what people wrote, up to BEGIN, and behind it what the code says now."""
    return f"{present.partition(BEGIN)[0].rstrip()}\n\n{BEGIN}\n\n{_written(service)}"


def _written(service: str) -> str:
    parts = ["## Consumes\n", _messages(_consumed(service), "queue"), "## Publishes\n"]
    parts += [_messages(_published(service), "exchange"), "## Tables\n", _tables(service), "## Settings\n"]
    own = _settings_class(service)
    parts.append("Environment variables.\n\n" + settings.as_table(settings.variables(own)) + "\n")
    if _asks_a_model(service):
        parts.append("The language model, the same for every service that asks one:\n")
        parts.append(settings.as_table(settings.variables(LLMSettings)) + "\n")
    parts.append("Traces go to `OTEL_EXPORTER_OTLP_ENDPOINT`, else to the file `TRACES_FILE`, else nowhere.\n")
    return "\n".join(parts)


def _consumed(service: str) -> Iterator[tuple[str, str]]:
    for message_type in sources.messages():
        yield from ((message_type, queue) for queue in sources.route(message_type).queues if _is(queue, service))


def _is(queue: str, service: str) -> bool:
    return sources.owner(queue) == service


def _published(service: str) -> Iterator[tuple[str, str]]:
    for message_type in sources.messages():
        route = sources.route(message_type)
        if service in route.publishers:
            yield message_type, route.exchange or "default"


def _messages(found: Iterator[tuple[str, str]], where: str) -> str:
    rows = [
        (f"[`{name}`](../../docs/messages.md#{name.replace('.', '')})", _kind(name), f"`{place}`")
        for name, place in found
    ]
    return (table(("message", "kind", where), rows) if rows else "Nothing.") + "\n"


def _kind(message_type: str) -> str:
    return sources.kind(sources.messages()[message_type])


def _tables(service: str) -> str:
    migrations = (sources.ROOT / "services" / service / "src" / f"aiops_{service}" / "migrations").glob("*/*.py")
    own = [table for file in sorted(migrations) for table in _created(file)]
    shared = _CREATED.findall(messaging_tables_v1() + messaging_tables_v2())
    return (
        f"In the schema `{service}`: {code(own)}; for messaging {code(shared)}; "
        "for migrations `alembic_version`, `migration_versions`.\n"
    )


def _created(migration: Path) -> list[str]:
    return _CREATED.findall(migration.read_text(encoding="utf-8"))


def _settings_class(service: str) -> type[ServiceSettings]:
    module = importlib.import_module(f"aiops_{service}.settings")
    (found,) = (
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, BaseSettings) and one.__module__ == module.__name__
    )
    assert issubclass(found, ServiceSettings)
    return found


def _asks_a_model(service: str) -> bool:
    package = importlib.import_module(f"aiops_{service}").__path__[0]
    return (Path(package) / "prompts").is_dir()
