"""Writes which template every line of a log belongs to."""

import json
import os
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from aiops_common.redaction import redact
from aiops_summarizer.command.reading import STANDARD_INPUT, Unreadable
from aiops_summarizer.engine.templates import TemplateStore


@contextmanager
def replacing(path: Path, log: str) -> Iterator[TextIO]:
    """What is written takes the place of the file ``path`` at the end; without one, that file stays as it is.

    What is no file (a pipe, /dev/null) is written at once. Raises Unreadable if ``path`` is the log, by whatever name,
    and OSError.
    """
    target = path.resolve()
    if target.exists():
        if _is_log(target, log):
            raise Unreadable(f"{path} is the log itself: name another file for --assignments")
        if not target.is_file():
            with target.open("w", encoding="utf-8") as out:
                yield out
            return
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with part.open("x", encoding="utf-8") as out:
            yield out
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _is_log(target: Path, log: str) -> bool:
    if log != STANDARD_INPUT:
        return target.samefile(log)
    try:
        return target.is_file() and os.path.samestat(target.stat(), os.fstat(sys.stdin.fileno()))
    except OSError:  # standard input that is no file
        return False


def spool(slot: int, slots: BinaryIO) -> None:
    """Note a line's slot in the store."""
    slots.write(slot.to_bytes(4, "little"))


def write_assignments(slots: BinaryIO, store: TemplateStore, out: TextIO) -> None:
    """Write a JSON object for each line whose slot was noted."""
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
