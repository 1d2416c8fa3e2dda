"""Takes personal data and secrets out of what is written: first of what sentences quote, then of the sentences."""

from collections.abc import Sequence
from dataclasses import replace

from aiops_common.redaction import redact
from aiops_summarizer.domain import Digest
from aiops_summarizer.engine.comparison import Differences
from aiops_summarizer.engine.overview import Overview
from aiops_summarizer.engine.scoring import shortened


def redacted(texts: Sequence[str]) -> list[str]:
    """``texts`` without personal data and secrets; one placeholder stands for the same value in all of them."""
    joined = "\n".join(texts)
    lines = redact(joined).text.split("\n")
    if len(lines) != joined.count("\n") + 1:
        return [redact(text).text for text in texts]  # a redaction went over the border of two of them
    found = iter(lines)
    return ["\n".join(next(found) for _ in range(text.count("\n") + 1)) for text in texts]


def without_secrets(log: Overview) -> Overview:
    """``log`` with all that is quoted from it redacted.

    Sentences shorten what they quote, and half a secret is not recognised any more: that is why it must go before.
    """
    texts: list[str] = []
    for item in log.scored:
        trace = item.statistics.trace
        texts += [item.pattern.template, item.statistics.example, item.statistics.message]
        # Sentences about trouble name values: alone, a password does not look like one.
        texts += [message for _, message in item.statistics.sample.kept] if item.is_problem else []
        texts += [trace.cause or "", trace.frame or ""] if trace else []
    clean = iter(redacted(texts))
    scored = []
    for item in log.scored:
        pattern = replace(item.pattern, template=next(clean), example=shortened(next(clean)))
        item.statistics.message = shortened(next(clean))
        if item.is_problem:
            sample = item.statistics.sample
            sample.kept = [(number, next(clean)) for number, _ in sample.kept]
        if trace := item.statistics.trace:
            trace.cause, trace.frame = shortened(next(clean)) or None, shortened(next(clean)) or None
        scored.append(replace(item, pattern=pattern))
    return replace(log, scored=scored)


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
