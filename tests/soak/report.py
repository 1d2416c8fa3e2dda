"""The report at the end, as plain text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from soak.balance import Balance
from soak.chaos import Damage
from soak.latency import Latency
from soak.ledger import Ledger
from soak.schedule import PARTS, Action

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a run found out; ``settled_seconds`` is how long after the load the last work was done."""

    ledger: Ledger
    damage: Damage
    latencies: Mapping[str, Latency]
    balance: Balance
    settled_seconds: float


def report(outcome: Outcome) -> list[str]:
    """The lines of the report; the last ones are the sum and PASS or FAIL."""
    return [
        "",
        *_latencies(outcome),
        "",
        *_damage(outcome.damage),
        "",
        *_client(outcome),
        *_problems(outcome.balance),
        "",
        *_sum(outcome.balance),
    ]


def moment(seconds: float) -> str:
    """Minutes and seconds, as 4:07."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _latencies(outcome: Outcome) -> list[str]:
    rows = {"accepted, retries included": Latency.of(outcome.ledger.accept_seconds)}
    rows |= outcome.latencies
    head = f"{'seconds':<28}{'count':>8}{'p50':>9}{'p95':>9}{'p99':>9}{'worst':>9}"
    return [head, *(f"{name:<28}{_figures(latency)}" for name, latency in rows.items())]


def _figures(latency: Latency) -> str:
    seconds = (latency.p50, latency.p95, latency.p99, latency.worst)
    return f"{latency.count:>8,}" + "".join(f"{one:>9.3f}" if latency.count else f"{'–':>9}" for one in seconds)


def _damage(damage: Damage) -> list[str]:
    head = f"{'taken away':<28}" + "".join(f"{action:>9}" for action in Action) + f"{'by itself':>11}"
    rows = [
        f"{part:<28}" + "".join(f"{damage.done[part, action]:>9}" for action in Action) + f"{damage.ended[part]:>11}"
        for part in PARTS
    ]
    total = "".join(f"{sum(n for (_, a), n in damage.done.items() if a is action):>9}" for action in Action)
    return [head, *rows, f"{'all':<28}{total}{damage.ended.total():>11}"]


def _client(outcome: Outcome) -> list[str]:
    ledger = outcome.ledger
    calls = " · ".join(f"{count:,} {name}" for name, count in ledger.calls.most_common())
    reasons = ", ".join(f"{name} {count:,}" for name, count in ledger.retries.most_common())
    return [
        f"handed in   {len(ledger.asked):,} jobs, at most {ledger.latest_seconds:.1f} s behind time",
        f"also done   {calls or 'nothing'}",
        f"retries     {ledger.retries.total():,}" + (f" ({reasons})" if reasons else ""),
        f"settled     {outcome.settled_seconds:.1f} s after the load",
    ]


def _problems(found: Balance) -> list[str]:
    lists: dict[str, Sequence[str]] = {
        "lost": found.lost,
        "duplicates": found.duplicates,
        "failed": found.failed,
        "dead-lettered": found.dead_lettered,
        "pending": found.pending,
        "read model differs": found.differs,
        "contradictions": found.contradictions,
        "never answered": found.unanswered,
        "dead letters": [f"{one.queue}: {one.message_id}: {one.reason}" for one in found.dead_letters],
        "still on the way": [f"{name}: {count}" for name, count in found.waiting.items()],
    }
    lines = []
    for name, problems in lists.items():
        if problems:
            lines += ["", f"{name}: {len(problems)}", *(f"  {problem}" for problem in problems[:_SHOWN])]
            lines += [f"  … and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    return lines


def _sum(found: Balance) -> list[str]:
    return [
        f"accepted {found.accepted:,} = completed {found.completed:,} + failed {len(found.failed):,}"
        f" + dead-lettered {len(found.dead_lettered):,} + pending {len(found.pending):,}",
        f"lost {len(found.lost):,} · duplicates {len(found.duplicates):,} · read model differs {len(found.differs):,}"
        f" · contradictions {len(found.contradictions):,} · never answered {len(found.unanswered):,}"
        f" · dead letters {len(found.dead_letters):,}",
        "PASS" if found.passed else "FAIL",
    ]
