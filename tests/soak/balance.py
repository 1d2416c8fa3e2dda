"""The sum: what the API accepted against what became of it."""

from dataclasses import dataclass, field

from soak.content import JobKind
from soak.found import DeadLetter, Entity, Found, FoundKind
from soak.latency import Latency
from soak.ledger import Accepted, Ledger


@dataclass(slots=True)
class Balance:
    """accepted = completed + failed + dead-lettered + pending + lost. The lists say what is wrong, one line each."""

    accepted: int = 0
    completed: int = 0
    failed: list[str] = field(default_factory=list)
    dead_lettered: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every accepted job was completed exactly once and everybody was told so.

        The load holds nothing that may be refused, so a job that failed and a dead letter are faults too.
        """
        problems = (self.failed, self.dead_lettered, self.pending, self.lost, self.duplicates, self.differs)
        others = (self.contradictions, self.unanswered, self.dead_letters, self.waiting)
        return self.completed == self.accepted > 0 and not any(problems) and not any(others)


def balance(ledger: Ledger, found: Found) -> Balance:
    """Hold what was found against what the API said."""
    sum_ = Balance(
        accepted=len(ledger.accepted),
        contradictions=list(ledger.contradictions),
        unanswered=list(ledger.given_up),
        dead_letters=list(found.dead),
        waiting=dict(found.waiting),
    )
    dead = {letter.message_id: letter for letter in found.dead}
    for one in ledger.accepted.values():
        _add(sum_, one, found, dead.get(str(one.id)))
    for kind, there in found.kinds.items():
        _strangers(sum_, kind, there, ledger)
    return sum_


def _add(sum_: Balance, one: Accepted, found: Found, letter: DeadLetter | None) -> None:
    there = found.kinds[one.kind]
    name = f"{one.kind} {one.id} ({one.key})"
    entity = there.entities.get(one.id)
    if entity is not None and entity.state == "SUCCEEDED":
        sum_.completed += 1
        _completed(sum_, name, one, entity, there)
    elif letter is not None:
        sum_.dead_lettered.append(f"{name}: {letter.reason}")
    elif entity is not None:
        sum_.failed.append(name)
    elif found.any_message_waits:
        sum_.pending.append(name)
    else:
        sum_.lost.append(f"{name}: {'the command was sent' if one.id in there.commands else 'there is no command'}")
    projected = there.projected.get(one.id)
    if projected != entity:
        sum_.differs.append(f"{name}: the owner has {entity}, the read model {projected}")


def _completed(sum_: Balance, name: str, one: Accepted, entity: Entity, there: FoundKind) -> None:
    events = len(there.results.get(one.id, []))
    if events != 1:
        (sum_.duplicates if events else sum_.lost).append(f"{name}: {events} result events")
    if one.id not in there.inbox:
        sum_.lost.append(f"{name}: the inbox does not know the message")
    version, status = one.moved_to or (1, entity.status)
    if (entity.version, entity.status) != (version, status):
        kind = sum_.lost if entity.version < version else sum_.duplicates
        kind.append(f"{name}: moved to {status} at version {version}, but is {entity.status} at {entity.version}")
    moves = there.moves.get(one.id, 0)
    if moves != entity.version - 1:
        kind = sum_.lost if moves < entity.version - 1 else sum_.duplicates
        kind.append(f"{name}: {moves} events of moves to version {entity.version}")


def _strangers(sum_: Balance, kind: JobKind, there: FoundKind, ledger: Ledger) -> None:
    """Entities whose id no client was told; as many as there are jobs without an answer are explained by those."""
    known = {one.id for one in ledger.of(kind)}
    for place, ids in (("owner", there.entities), ("read model", there.projected)):
        strangers = sorted(str(identity) for identity in ids if identity not in known)
        if len(strangers) > ledger.unaccepted.get(kind, 0):
            sum_.duplicates += [f"{kind} {identity}: the {place} has it, nobody handed it in" for identity in strangers]


def latencies(ledger: Ledger, found: Found) -> dict[str, Latency]:
    """From the gateway's transaction with the command, by the clock of the database.

    `done` is the owner's transaction with the result. `readable` is its commit to the read model; tickets that were
    moved on are left out there, because only the last commit of a row is known.
    """
    done: dict[str, Latency] = {}
    readable: list[float] = []
    for kind, there in found.kinds.items():
        accepted = {one.id: there.commands[one.id] for one in ledger.of(kind) if one.id in there.commands}
        results = [there.results[i][0] - at for i, at in accepted.items() if i in there.results]
        done[f"accepted → done: {kind}"] = Latency.of([one.total_seconds() for one in results])
        readable += [(there.readable[i] - at).total_seconds() for i, at in accepted.items() if i in there.readable]
    return {**done, "accepted → readable": Latency.of(readable)}
