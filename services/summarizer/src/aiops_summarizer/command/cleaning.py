"""Takes personal data and secrets out of what is written: first of what sentences quote, then of the sentences."""

from collections.abc import Sequence
from dataclasses import replace

from aiops_common.redaction import redact
from aiops_summarizer.domain import Digest
from aiops_summarizer.engine.overview import Overview


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
        texts += [item.pattern.template, item.pattern.example, item.statistics.message]
        texts += [trace.cause or "", trace.frame or ""] if trace else []
    clean = iter(redacted(texts))
    scored = []
    for item in log.scored:
        pattern = replace(item.pattern, template=next(clean), example=next(clean))
        item.statistics.message = next(clean)
        if trace := item.statistics.trace:
            trace.cause, trace.frame = next(clean) or None, next(clean) or None
        scored.append(replace(item, pattern=pattern))
    return replace(log, scored=scored)


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
