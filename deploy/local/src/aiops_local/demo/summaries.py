"""Summaries of what RabbitMQ and PostgreSQL have logged in this run."""

import asyncio

from rich.table import Table
from rich.text import Text

from aiops_local.demo import operations
from aiops_local.demo.client import Json
from aiops_local.demo.log_excerpt import MAX_BYTES, Excerpt, newest_lines
from aiops_local.demo.report import engine, facts, origin, severity, stacked, table
from aiops_local.demo.scene import Scene, StepFailed, accepted, settled

_SOURCES = ("rabbitmq", "postgres")
_PATTERNS = 4
_TEMPLATE_WIDTH = 76


async def summarize_own_logs(scene: Scene) -> None:
    """Hand in the logs of the broker and the database that carry this very demo."""
    excerpts = {source: _excerpt(scene, source) for source in _SOURCES}
    with scene.report.waiting("summarizing the logs of RabbitMQ and PostgreSQL"):
        entries = await asyncio.gather(*(_summarize(scene, *one) for one in excerpts.items()))
    for entry, excerpt in zip(entries, excerpts.values(), strict=True):
        _show(scene, entry, excerpt)


def _excerpt(scene: Scene, source: str) -> Excerpt:
    excerpt = newest_lines(scene.logs / f"{source}.log")
    if not excerpt.text:
        raise StepFailed(f"the log of {source} is empty, there is nothing to summarize", source)
    return excerpt


async def _summarize(scene: Scene, source: str, excerpt: Excerpt) -> Json:
    sent = {"source": source, "content": excerpt.text}
    payload = (await scene.admin.execute(operations.SUMMARIZE_LOG, input=sent))["summarizeLog"]
    pending = accepted(payload, "logEntry", "summarizer")
    return await settled(scene, operations.WATCH_LOG, pending, "summarizer")


def _show(scene: Scene, entry: Json, excerpt: Excerpt) -> None:
    summary = entry["summary"]
    counted = sum(pattern["count"] for pattern in summary["patterns"])
    if counted != entry["lineCount"]:
        raise StepFailed(f"the patterns count {counted} lines, the log has {entry['lineCount']}", "summarizer")
    size = f"{entry['lineCount']:,} lines, {entry['byteCount'] / 1024:,.0f} KiB"
    cut = f" (the newest {MAX_BYTES // 1024} KiB)" if excerpt.cut else ""
    scene.report.done(Text(entry["source"], style="bold"), f": {size}{cut} → {summary['patternCount']} patterns")
    scene.report.show(
        stacked(
            *_words(summary),
            facts(
                [
                    ("severity", severity(summary["severity"])),
                    ("redacted", f"{summary['redactions']} places"),
                    ("engine", engine(summary["provenance"])),
                    *origin(entry),
                ]
            ),
            _patterns(summary["patterns"]),
        )
    )


def _words(summary: Json) -> list[Text]:
    told = [Text(summary["headline"], style="bold")]
    return told if summary["text"] == summary["headline"] else [*told, Text(summary["text"])]


def _patterns(patterns: list[Json]) -> Table:
    shown = table("lines", "level", "pattern", lines="right")
    for pattern in patterns[:_PATTERNS]:
        template = Text(pattern["template"].replace("\n", " ⏎ "))
        template.truncate(_TEMPLATE_WIDTH, overflow="ellipsis")
        shown.add_row(f"{pattern['count']:,}", pattern["level"], template)
    return shown
