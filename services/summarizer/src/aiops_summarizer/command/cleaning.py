"""Takes personal data and secrets out of what is written: first of what sentences quote, then of the sentences."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from aiops_common.redaction import Redacted, redact
from aiops_common.redaction.redacted import PLACEHOLDER
from aiops_summarizer.domain import Digest
from aiops_summarizer.engine.comparison import Differences
from aiops_summarizer.engine.overview import Overview
from aiops_summarizer.engine.scoring import Scored, shortened

_BATCH: Final = 64
"""Patterns whose texts are redacted at a time: together they may be far larger than what is kept of them."""


class _Redaction:
    """Redacts one batch of texts after the other; one placeholder stands for the same value in all of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._taken = {found[0] for text in texts for found in PLACEHOLDER.finditer(text)}
        self._names: dict[tuple[str, str], str] = {}
        self._last: Counter[str] = Counter()

    def apply(self, texts: Sequence[str]) -> list[str]:
        joined = "\n".join(texts)
        lines = self._renumbered(redact(joined)).split("\n")
        if len(lines) != joined.count("\n") + 1:
            # A redaction went over the border of two of them.
            return [self._renumbered(redact(text)) for text in texts]
        found = iter(lines)
        return ["\n".join(next(found) for _ in range(text.count("\n") + 1)) for text in texts]

    def _renumbered(self, batch: Redacted) -> str:
        if not batch.originals:
            return batch.text
        return PLACEHOLDER.sub(lambda found: self._name(found[1], found[0], batch.originals), batch.text)

    def _name(self, kind: str, name: str, originals: Mapping[str, str]) -> str:
        if name not in originals:
            return name
        value = kind, originals[name]
        while value not in self._names:
            self._last[kind] += 1
            free = f"<{kind}_{self._last[kind]}>"
            if free not in self._taken:
                self._names[value] = free
        return self._names[value]


def redacted(texts: Sequence[str]) -> list[str]:
    """``texts`` without personal data and secrets; one placeholder stands for the same value in all of them."""
    return _Redaction(texts).apply(texts)


def without_secrets(log: Overview) -> Overview:
    """``log`` itself, with all that is quoted from it redacted.

    Sentences shorten what they quote, and half a secret is not recognised any more: that is why it must go before.
    """
    redaction = _Redaction(text for item in log.scored for text in _quoted(item))
    for start in range(0, len(log.scored), _BATCH):
        batch = log.scored[start : start + _BATCH]
        clean = iter(redaction.apply([text for item in batch for text in _quoted(item)]))
        # In place: there is no room for both the old and the new.
        log.scored[start : start + _BATCH] = [_cleaned(item, clean) for item in batch]
    return log


def _quoted(item: Scored) -> list[str]:
    statistics = item.statistics
    texts = [item.pattern.template, statistics.example, statistics.message]
    # Sentences about trouble name values: alone, a password does not look like one.
    texts += statistics.sample.messages if item.is_problem else []
    texts += [statistics.trace.cause or "", statistics.trace.frame or ""] if statistics.trace else []
    return texts


def _cleaned(item: Scored, clean: Iterator[str]) -> Scored:
    """``item`` with what ``_quoted`` tells of it replaced."""
    template = next(clean)
    if template == item.pattern.template:
        template = item.pattern.template  # the store has it already
    pattern = replace(item.pattern, template=template, example=shortened(next(clean)))
    item.statistics.message = shortened(next(clean))
    if item.is_problem:
        sample = item.statistics.sample
        sample.messages = [next(clean) for _ in sample.messages]
    if trace := item.statistics.trace:
        trace.cause, trace.frame = shortened(next(clean)) or None, shortened(next(clean)) or None
    return replace(item, pattern=pattern)


def without_secret_changes(found: Differences) -> Differences:
    """``found`` with its templates redacted: only now, for a placeholder's number depends on its log."""
    templates = redacted([change.template for change in found.changes])
    changes = [replace(change, template=text) for change, text in zip(found.changes, templates, strict=True)]
    return replace(found, changes=tuple(changes))


def without_values(found: Digest) -> Digest:
    """``found`` with its sentences redacted: they may name a value of a variable part."""
    texts = [found.headline, found.text]
    texts += [finding.text for finding in found.findings] + [moment.text for moment in found.timeline]
    clean = iter(redacted(texts))
    return replace(
        found,
        headline=next(clean),
        text=next(clean),
        findings=tuple(replace(finding, text=next(clean)) for finding in found.findings),
        timeline=tuple(replace(moment, text=next(clean)) for moment in found.timeline),
    )
