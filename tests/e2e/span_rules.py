"""Which attributes a span has, must have and must not have, by the semantic conventions of OpenTelemetry.

Sources: https://opentelemetry.io/docs/specs/semconv/ http/http-spans, messaging/messaging-spans, messaging/rabbitmq,
database/postgresql, gen-ai/gen-ai-spans.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from aiops_local.spans import Span
from e2e.trace_paths import STATEMENTS

FORBIDDEN = re.compile(
    r"(http\.(url|target|client_ip|user_agent|request\.header\..*|response\.header\..*))"
    r"|(url\.(full|query))|(client\..*)|(network\.peer\..*)|(net\.peer\..*)|(user_agent\..*)|(user\..*)|(enduser\..*)"
    r"|(db\.(statement|query\.text|query\.parameter\..*|user|connection_string))"
    r"|(graphql\.(document|operation\.name))"
    r"|(gen_ai\.(prompt|completion|system_instructions|(input|output)\.messages|tool\..*)(\..*)?)"
    r"|(exception\.(message|stacktrace))"
)
"""Who asked, and what was said."""

_MESSAGE = frozenset(
    (
        *("messaging.system", "messaging.operation.name", "messaging.operation.type"),
        *("messaging.destination.name", "messaging.destination.template"),
        *("messaging.message.id", "messaging.message.body.size", "server.address"),
    )
)


@dataclass(frozen=True, slots=True)
class Rule:
    """For the spans of `kind` whose name matches: attributes that must be there, and beginnings of the others."""

    kind: str
    name: re.Pattern[str]
    required: frozenset[str]
    families: tuple[str, ...]
    values: tuple[tuple[str, str], ...] = ()
    """Pairs of an attribute and the regular expression that its whole value matches."""


def _rule(kind: str, name: str, required: frozenset[str], families: tuple[str, ...], *values: tuple[str, str]) -> Rule:
    return Rule(kind, re.compile(name), required, families, values)


_WIRE = r"[a-z]+\.[a-z_]+\.v\d+"
_COMMON = ("error.type",)
_MESSAGING = ("messaging.", "server.", "aiops.", *_COMMON)

RULES = (
    _rule(
        *("SERVER", r"(GET|POST) /graphql"),
        frozenset(("http.request.method", "http.response.status_code", "http.route", "url.scheme")),
        ("http.", "url.scheme", "url.path", "server.", "network.protocol.", *_COMMON),
        ("http.route", "/graphql"),
        ("url.path", "/graphql"),
    ),
    _rule(
        *("INTERNAL", r"(query|mutation|subscription) [_A-Za-z]+"),
        frozenset(("graphql.operation.type",)),
        ("graphql.operation.type", "aiops.", *_COMMON),
        ("graphql.operation.type", "query|mutation|subscription"),
    ),
    _rule("INTERNAL", r"engine (classify|digest|render)|hash password", frozenset(), ("aiops.", *_COMMON)),
    _rule(
        *("CLIENT", r"chat scripted"),
        frozenset(("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")),
        ("gen_ai.", "server.", "aiops.", "http.response.status_code", *_COMMON),
        ("gen_ai.operation.name", "chat"),
    ),
    _rule(
        *("PRODUCER", rf"publish {_WIRE}"),
        _MESSAGE,
        _MESSAGING,
        ("messaging.operation.type", "send"),
        ("messaging.destination.name", rf"aiops\.(commands|events):{_WIRE}"),
    ),
    _rule(
        *("PRODUCER", rf"(retry|defer) {_WIRE}"),
        _MESSAGE | {"aiops.attempt", "aiops.retry.rung", "aiops.reason"},
        _MESSAGING,
        ("messaging.operation.type", "send"),
        ("aiops.retry.rung", r"\d+[sm]"),
    ),
    _rule(
        *("PRODUCER", rf"dead_letter {_WIRE}"),
        _MESSAGE | {"aiops.attempt", "aiops.reason"},
        _MESSAGING,
        ("messaging.operation.type", "send"),
    ),
    _rule("PRODUCER", rf"replay {_WIRE}", _MESSAGE, _MESSAGING, ("messaging.operation.type", "send")),
    _rule("PRODUCER", r"push [a-zA-Z]+", frozenset(), ("messaging.", "graphql.operation.type", "aiops.", *_COMMON)),
    _rule(
        *("CONSUMER", rf"process {_WIRE}"),
        _MESSAGE | {"aiops.attempt"},
        _MESSAGING,
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", rf"[a-z.]*:?({_WIRE}|[a-z]+\.(work|events))(:[a-z]+\.(work|events))?"),
    ),
    _rule(
        *("CLIENT", rf"request {_WIRE}"),
        _MESSAGE | {"messaging.message.conversation_id"},
        _MESSAGING,
        ("messaging.operation.type", "send"),
    ),
    _rule("SERVER", rf"answer {_WIRE}", _MESSAGE, _MESSAGING, ("messaging.operation.type", "process")),
    _rule(
        *("CLIENT", rf"({'|'.join(STATEMENTS)})( [a-z_]+)*"),
        frozenset(("db.system.name", "db.namespace", "db.operation.name", "db.query.summary")),
        ("db.", "server.", *_COMMON),
        ("db.system.name", "postgresql"),
    ),
)


def violations(span: Span) -> list[str]:
    """What is wrong with a span of the project's own, one line for each fault."""
    rule = next((one for one in RULES if one.kind == span.kind and one.name.fullmatch(span.name)), None)
    where = f"{span.service} {span.kind} {span.name}"
    if rule is None:
        return [f"{where}: no rule is for it"]
    return [f"{where}: {fault}" for fault in _faults(rule, span)]


def _faults(rule: Rule, span: Span) -> Iterator[str]:
    names = set(span.attributes)
    if absent := rule.required - names:
        yield f"lacks {', '.join(sorted(absent))}"
    for name in sorted(names):
        if FORBIDDEN.fullmatch(name):
            yield f"must not have {name}"
        elif name not in rule.required and not name.startswith(rule.families):
            yield f"has {name}, which is not of its kind"
    for name, pattern in rule.values:
        if name in span.attributes and not re.fullmatch(pattern, str(span.attributes[name])):
            yield f"has {name}={span.attributes[name]}, which is not {pattern}"
    if (span.status == "ERROR") != ("error.type" in names):
        yield f"has the status {span.status} {'with' if 'error.type' in names else 'without'} error.type"
    summary = span.attributes.get("db.query.summary", span.name)
    if summary != span.name:
        yield f"is not called what db.query.summary says, {summary}"
