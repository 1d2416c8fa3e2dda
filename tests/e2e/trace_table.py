"""The one table of spans: what each story leaves in Jaeger, from its root to the last thing that it caused.

A line is a span, its service, kind and name; below it, further to the right, stands what it is the parent of. An edge
between two services crosses HTTP, the broker or an outbox, so the edges include those that nobody waits for.

What is in the table is in the trace exactly so often, and nothing else is. Statements of SQL are the exception: those
in the table are there at least once, and others may be, as they are nobody's edge.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aiops_local.spans import Span

STATEMENTS = ("BEGIN", "COMMIT", "DELETE", "INSERT", "ROLLBACK", "SELECT", "UPDATE")

STORIES = {
    "triageTicket": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation triageTicket
            gateway CLIENT INSERT idempotency_keys tickets outbox
            gateway PRODUCER push ticketChanged
            gateway PRODUCER publish triage.triage_ticket.v1
              triage CONSUMER process triage.triage_ticket.v1
                triage INTERNAL engine classify
                triage CLIENT INSERT inbox tickets outbox ticket_changes
                triage PRODUCER publish triage.ticket_triaged.v1
                  gateway CONSUMER process triage.ticket_triaged.v1
                    gateway CLIENT INSERT tickets
                    gateway PRODUCER push ticketChanged
    """,
    "summarizeLog": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation summarizeLog
            gateway CLIENT INSERT idempotency_keys log_entries outbox
            gateway PRODUCER push logEntryChanged
            gateway PRODUCER publish summarizer.summarize_log.v1
              summarizer CONSUMER process summarizer.summarize_log.v1
                summarizer INTERNAL engine digest
                summarizer CLIENT INSERT inbox log_entries outbox log_changes
                summarizer PRODUCER publish summarizer.log_summarized.v1
                  gateway CONSUMER process summarizer.log_summarized.v1
                    gateway CLIENT INSERT log_entries
                    gateway PRODUCER push logEntryChanged
    """,
    "generateChangelog": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation generateChangelog
            gateway CLIENT INSERT idempotency_keys changelogs outbox
            gateway PRODUCER push changelogChanged
            gateway PRODUCER publish changelog.generate_changelog.v1
              changelog CONSUMER process changelog.generate_changelog.v1
                changelog INTERNAL engine render
                changelog CLIENT INSERT inbox changelogs outbox
                changelog PRODUCER publish changelog.changelog_generated.v1
                  gateway CONSUMER process changelog.changelog_generated.v1
                    gateway CLIENT INSERT changelogs
                    gateway PRODUCER push changelogChanged
    """,
    "triageTicket with a model": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation triageTicket
            gateway CLIENT INSERT idempotency_keys tickets outbox
            gateway PRODUCER publish triage.triage_ticket.v1
              triage CONSUMER process triage.triage_ticket.v1
                triage INTERNAL engine classify
                triage CLIENT chat scripted
                triage CLIENT INSERT inbox tickets outbox ticket_changes
                triage PRODUCER publish triage.ticket_triaged.v1
                  gateway CONSUMER process triage.ticket_triaged.v1
                    gateway CLIENT INSERT tickets
    """,
    "summarizeLog with a model": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation summarizeLog
            gateway CLIENT INSERT idempotency_keys log_entries outbox
            gateway PRODUCER publish summarizer.summarize_log.v1
              summarizer CONSUMER process summarizer.summarize_log.v1
                summarizer INTERNAL engine digest
                summarizer CLIENT chat scripted
                summarizer CLIENT INSERT inbox log_entries outbox log_changes
                summarizer PRODUCER publish summarizer.log_summarized.v1
                  gateway CONSUMER process summarizer.log_summarized.v1
                    gateway CLIENT INSERT log_entries
    """,
    "generateChangelog with a model": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation generateChangelog
            gateway CLIENT INSERT idempotency_keys changelogs outbox
            gateway PRODUCER publish changelog.generate_changelog.v1
              changelog CONSUMER process changelog.generate_changelog.v1
                changelog INTERNAL engine render
                changelog CLIENT chat scripted
                changelog CLIENT INSERT inbox changelogs outbox
                changelog PRODUCER publish changelog.changelog_generated.v1
                  gateway CONSUMER process changelog.changelog_generated.v1
                    gateway CLIENT INSERT changelogs
    """,
    "a retry": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation triageTicket
            gateway CLIENT INSERT idempotency_keys tickets outbox
            gateway PRODUCER publish triage.triage_ticket.v1
              triage CONSUMER process triage.triage_ticket.v1
                triage INTERNAL engine classify
                triage CLIENT INSERT inbox tickets outbox ticket_changes
                triage PRODUCER retry triage.triage_ticket.v1
                  triage CONSUMER process triage.triage_ticket.v1
                    triage INTERNAL engine classify
                    triage CLIENT INSERT inbox tickets outbox ticket_changes
                    triage PRODUCER publish triage.ticket_triaged.v1
                      gateway CONSUMER process triage.ticket_triaged.v1
                        gateway CLIENT INSERT tickets
    """,
    "a dead letter": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation triageTicket
            gateway CLIENT INSERT idempotency_keys tickets outbox
            gateway PRODUCER publish triage.triage_ticket.v1
              triage CONSUMER process triage.triage_ticket.v1
                triage INTERNAL engine classify
                triage CLIENT chat scripted
                triage CLIENT INSERT inbox tickets outbox ticket_changes
                triage CLIENT INSERT given_up
                triage PRODUCER dead_letter triage.triage_ticket.v1
                triage PRODUCER publish triage.ticket_triage_failed.v1
                  gateway CONSUMER process triage.ticket_triage_failed.v1
                    gateway CLIENT INSERT tickets
    """,
    "its replay": """
        client CLIENT POST
          gateway SERVER POST /graphql
            gateway INTERNAL mutation replayDeadLetters
              gateway CLIENT INSERT audit_log
              gateway PRODUCER replay triage.triage_ticket.v1
                triage CONSUMER process triage.triage_ticket.v1
                  triage INTERNAL engine classify
                  triage CLIENT chat scripted
                  triage CLIENT DELETE given_up
                  triage PRODUCER publish triage.ticket_triaged.v1
                    gateway CONSUMER process triage.ticket_triaged.v1
                      gateway CLIENT INSERT tickets
    """,
    "a deferred message": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation triageTicket
            gateway CLIENT INSERT idempotency_keys tickets outbox
            gateway PRODUCER publish triage.triage_ticket.v1
              triage CONSUMER process triage.triage_ticket.v1
                triage INTERNAL engine classify
                triage CLIENT chat scripted
                triage PRODUCER defer triage.triage_ticket.v1
                  triage CONSUMER process triage.triage_ticket.v1
                    triage INTERNAL engine classify
                    triage CLIENT chat scripted
                    triage CLIENT INSERT inbox tickets outbox ticket_changes
                    triage PRODUCER publish triage.ticket_triaged.v1
                      gateway CONSUMER process triage.ticket_triaged.v1
                        gateway CLIENT INSERT tickets
    """,
    "a partner's publish": """
        acme PRODUCER send
          triage CONSUMER process triage.triage_ticket.v1
            triage INTERNAL engine classify
            triage CLIENT INSERT inbox tickets outbox ticket_changes
            triage PRODUCER publish triage.ticket_triaged.v1
              gateway CONSUMER process triage.ticket_triaged.v1
                gateway CLIENT INSERT tickets
    """,
    "login": """
        client CLIENT POST
          gateway SERVER POST /graphql
            gateway INTERNAL mutation login
              gateway CLIENT request auth.log_in.v2
                auth SERVER answer auth.log_in.v2
                  auth CLIENT SELECT accounts
                  auth INTERNAL hash password
                  auth CLIENT INSERT refresh_tokens
                  auth PRODUCER publish auth.security_event_recorded.v1
                    gateway CONSUMER process auth.security_event_recorded.v1
                      gateway CLIENT INSERT audit_log
    """,
    "updateTicketStatus": """
        client CLIENT POST
          gateway SERVER POST /graphql
            gateway INTERNAL mutation updateTicketStatus
              gateway CLIENT request triage.update_ticket_status.v1
                triage SERVER answer triage.update_ticket_status.v1
                  triage CLIENT INSERT tickets
                  triage PRODUCER publish triage.ticket_status_changed.v1
                    gateway CONSUMER process triage.ticket_status_changed.v1
                      gateway CLIENT INSERT tickets
              gateway CLIENT SELECT tickets
    """,
    "a query": """
        client CLIENT POST
          gateway SERVER POST /graphql
            gateway INTERNAL query ticket
              gateway CLIENT SELECT tickets
    """,
    "a query over WebSocket": """
        gateway INTERNAL query changelogs
          gateway CLIENT SELECT changelogs
    """,
}


class Kind(NamedTuple):
    """A line of the table."""

    service: str
    kind: str
    name: str

    @property
    def is_statement(self) -> bool:
        """Whether it is a statement of SQL."""
        return self.kind == "CLIENT" and self.name.split(" ")[0] in STATEMENTS

    @classmethod
    def of(cls, span: Span) -> "Kind":
        """The line for a span that was recorded."""
        return cls(span.service.removeprefix("aiops-"), span.kind, span.name)


class Edge(NamedTuple):
    """Two lines, the lower of which was caused by the upper; the root's has no upper one."""

    parent: Kind | None
    child: Kind


class Expected(NamedTuple):
    """The edges of a story: those that are there exactly so often, and those to statements."""

    exactly: Counter[Edge]
    statements: frozenset[Edge]


def expected(story: str) -> Expected:
    """What the table says about a story."""
    lines = list(_lines(STORIES[story]))
    statements = frozenset(edge for edge in lines if edge.child.is_statement)
    return Expected(Counter(edge for edge in lines if edge not in statements), statements)


def recorded(spans: Iterable[Span]) -> Counter[Edge]:
    """The edges of a trace as it was recorded; spans whose parent is not in it are left out."""
    by_id = {span.span_id: span for span in spans}
    return Counter(
        Edge(Kind.of(by_id[span.parent_id]) if span.parent_id else None, Kind.of(span))
        for span in by_id.values()
        if span.parent_id is None or span.parent_id in by_id
    )


def differences(story: str, spans: Iterable[Span]) -> list[str]:
    """How a trace differs from the table, one line for each edge; nothing where it does not."""
    wanted, found = expected(story), recorded(spans)
    told = [f"missing: {_shown(edge)}" for edge in (wanted.exactly - found).elements()]
    told += [f"missing: {_shown(edge)}" for edge in wanted.statements if edge not in found]
    others = (edge for edge in (found - wanted.exactly).elements() if not edge.child.is_statement)
    return sorted([*told, *(f"not in the table: {_shown(edge)}" for edge in others)])


def service_edges() -> set[tuple[str, str]]:
    """All pairs of services, the first of which causes something in the second."""
    edges = (edge for tree in STORIES.values() for edge in _lines(tree))
    return {
        (edge.parent.service, edge.child.service)
        for edge in edges
        if edge.parent is not None and edge.parent.service != edge.child.service
    }


def _lines(tree: str) -> Iterator[Edge]:
    """Each line with the one that it stands below."""
    above: list[tuple[int, Kind]] = []
    for line in filter(str.strip, tree.splitlines()):
        depth = len(line) - len(line.lstrip())
        service, kind, name = line.strip().split(" ", 2)
        while above and above[-1][0] >= depth:
            above.pop()
        child = Kind(service, kind, name)
        yield Edge(above[-1][1] if above else None, child)
        above.append((depth, child))


def _shown(edge: Edge) -> str:
    return f"{' '.join(edge.parent) if edge.parent else '(root)'} → {' '.join(edge.child)}"
