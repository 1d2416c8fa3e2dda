"""Work that is done once for many callers: whose traces it belongs to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, NamedTuple

from opentelemetry import trace


class Shared(NamedTuple):
    """``parents`` are the recorded spans that the work is done for, ``size`` the number of all callers."""

    parents: Sequence[trace.Span]
    size: int


_NOBODY: Final = Shared((), 1)
_shared: ContextVar[Shared | None] = ContextVar("shared_work", default=None)


def recording_span() -> trace.Span | None:
    """The current span where it is recorded, else None."""
    span = trace.get_current_span()
    return span if span.is_recording() else None


@contextmanager
def working_for(spans: Sequence[trace.Span | None]) -> Iterator[None]:
    """What is traced within belongs to each of ``spans``, one for each caller, None where nothing is recorded."""
    parents = [span for span in spans if span is not None]
    token = _shared.set(Shared(parents, len(spans)))
    try:
        yield
    finally:
        _shared.reset(token)
        # A connection that was opened meanwhile keeps this context for as long as it lives, but no span.
        parents.clear()


def work_in_hand() -> Shared:
    """Whose work the current code does; without parents where nothing is recorded."""
    shared = _shared.get()
    # A span that was begun within the shared work is nearer.
    span = trace.get_current_span()
    if span.is_recording():
        return Shared((span,), 1)
    return shared or _NOBODY
