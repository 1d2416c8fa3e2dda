"""``python -m aiops_summarizer``: the summarizer's commands."""

import dataclasses
import importlib
import json
import sys
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, BinaryIO, Final, TextIO

import typer

from aiops_common.cli import add_service_commands
from aiops_common.logging import setup_command_logging
from aiops_common.redaction import redact
from aiops_common.sealing import Keyring
from aiops_common.settings import load_settings
from aiops_summarizer.domain import Digest
from aiops_summarizer.engine import scan, summarise
from aiops_summarizer.engine.templates import TemplateStore
from aiops_summarizer.settings import SummarizerSettings

_MAX_LINE: Final = 1 << 20
"""Bytes of a line that are looked at; the rest of a longer one is skipped, so that no line can exhaust the memory."""

_UNREADABLE: Final = 2
_SHOWN: Final = 15

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
add_service_commands(cli, name="summarizer", package="aiops_summarizer", settings_type=SummarizerSettings)


@cli.callback()
def main() -> None:
    """Log summaries."""


@cli.command()
def reseal(as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of text.")] = False) -> None:
    """Seal the logs as they came in anew under the newest of SUMMARIZER_CONTENT_KEYS, so that older keys can go.

    It can be run beside the service, be ended at any time, and be run again. Exits with 1 if some are left under an
    older key (one that is not set any more, or that does not open them), or if PostgreSQL does not answer.
    """
    # The driver of PostgreSQL is not worth loading for the commands that work offline.
    command = importlib.import_module("aiops_summarizer.resealing")
    settings = load_settings(SummarizerSettings)
    setup_command_logging("summarizer")
    keyring = Keyring.parse(settings.content_keys)
    raise typer.Exit(command.run(settings.database_url.get_secret_value(), keyring, as_json=as_json))


@cli.command()
def digest(
    file: Annotated[str, typer.Argument(help="Log file, or - for standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of text.")] = False,
    assignments: Annotated[
        Path | None, typer.Option(help="Also write the template of every line to this file, as JSON lines.")
    ] = None,
) -> None:
    """Digest a log offline: no services, no network."""
    try:
        found = _digest(file, assignments)
    except OSError as error:
        typer.echo(f"cannot read or write {error.filename or file}: {error.strerror or error}", err=True)
        raise typer.Exit(_UNREADABLE) from error
    found = _redacted(found)
    print(json.dumps(_document(found), ensure_ascii=False, indent=2) if as_json else _text(found))


def _digest(file: str, assignments: Path | None) -> Digest:
    with ExitStack() as stack:
        source = sys.stdin.buffer if file == "-" else stack.enter_context(Path(file).open("rb"))
        if assignments is None:
            return summarise(scan(_lines(source)))
        out = stack.enter_context(assignments.open("w", encoding="utf-8"))
        # A line's template is final only at the end of the log: the slots wait on disk until then.
        slots = stack.enter_context(tempfile.TemporaryFile())
        scanned = scan(_lines(source), assign=lambda slot: _spool(slot, slots))
        _write_assignments(slots, scanned.store, out)
        return summarise(scanned)


def _spool(slot: int, slots: BinaryIO) -> None:
    slots.write(slot.to_bytes(4, "little"))


def _write_assignments(slots: BinaryIO, store: TemplateStore, out: TextIO) -> None:
    slots.seek(0)
    number = 0
    known: dict[int, str] = {}
    while block := slots.read(1 << 16):
        chunk = array("I", block)
        if sys.byteorder == "big":
            chunk.byteswap()
        for slot in chunk:
            number += 1
            template = known.get(slot)
            if template is None:
                template = known[slot] = json.dumps(redact(store.template_of(slot)).text, ensure_ascii=False)
            out.write(f'{{"line":{number},"template":{template}}}\n')


def _lines(source: BinaryIO) -> Iterator[str]:
    while chunk := source.readline(_MAX_LINE):
        line = chunk
        while not chunk.endswith(b"\n") and len(chunk) == _MAX_LINE:
            chunk = source.readline(_MAX_LINE)
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def _redacted(found: Digest) -> Digest:
    patterns = tuple(
        dataclasses.replace(pattern, template=redact(pattern.template).text, example=redact(pattern.example).text)
        for pattern in found.patterns
    )
    findings = tuple(dataclasses.replace(finding, text=redact(finding.text).text) for finding in found.findings)
    return dataclasses.replace(
        found,
        headline=redact(found.headline).text,
        text=redact(found.text).text,
        patterns=patterns,
        findings=findings,
    )


def _document(found: Digest) -> dict[str, object]:
    document = dataclasses.asdict(found)
    for item in (document, *document["patterns"]):
        for field in ("first_seen", "last_seen"):
            if item[field] is not None:
                item[field] = item[field].isoformat()
    return document


def _text(found: Digest) -> str:
    lines = [f"{found.severity.value}  {found.headline}", "", found.text, ""]
    lines += [
        f"{pattern.count:>9}  {pattern.level.value:<7}  line {pattern.first_line:<8}  {pattern.template[:160]}"
        for pattern in found.patterns[:_SHOWN]
    ]
    hidden = found.pattern_count - _SHOWN
    if hidden > 0:
        lines.append(f"{'…':>9}  and {hidden} more patterns; --json shows all")
    return "\n".join(lines)


if __name__ == "__main__":
    cli()
