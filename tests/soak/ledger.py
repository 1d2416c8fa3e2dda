"""What the API said: the one thing that the sum at the end is held against."""

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from soak.content import Job, JobKind


@dataclass(slots=True)
class Accepted:
    """An accepted job: the id it got, and the status that the API last said it moved it to, as (version, status)."""

    kind: JobKind
    key: str
    id: UUID
    moved_to: tuple[int, str] | None = None


@dataclass(slots=True)
class Ledger:
    """Everything that was asked and answered in a run.

    ``contradictions`` are answers that no client may ever get: another id for the same key, the same id for another
    key, an accepted entity that cannot be read. ``given_up`` are keys whose client had no answer within its bound.
    ``retries`` counts why calls had to be repeated, ``calls`` what was done beside handing in.
    ``latest_seconds`` is how far a job was behind its time when it was first sent.
    """

    asked: dict[str, JobKind] = field(default_factory=dict)
    accepted: dict[str, Accepted] = field(default_factory=dict)
    by_id: dict[UUID, Accepted] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    retries: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    latest_seconds: float = 0.0
    accept_seconds: list[float] = field(default_factory=list)

    def ask(self, job: Job) -> None:
        """The job is being handed in; from now on it may be done, whether or not an answer comes."""
        self.asked[job.key] = job.kind

    def accept(self, job: Job, identity: UUID) -> Accepted:
        """The API answered with ``identity``, for the first time or again."""
        known = self.accepted.get(job.key)
        if known is None:
            known = self.accepted[job.key] = Accepted(job.kind, job.key, identity)
            other = self.by_id.setdefault(identity, known)
            if other is not known:
                self.contradict(f"{job.kind} {identity} is the answer to two keys: {other.key} and {job.key}")
        elif known.id != identity:
            self.contradict(f"key {job.key} was answered with two ids: {known.id} and {identity}")
        return known

    def contradict(self, what: str) -> None:
        """Something was answered that may never be."""
        self.contradictions.append(what)

    def give_up(self, key: str) -> None:
        """A client of this key had no answer within its bound, though it asked again and again."""
        self.given_up.append(key)

    @property
    def unaccepted(self) -> dict[JobKind, int]:
        """How many jobs of each kind were sent without ever being accepted: some of them may have been done."""
        return Counter(kind for key, kind in self.asked.items() if key not in self.accepted)

    def of(self, kind: JobKind) -> list[Accepted]:
        """The accepted jobs of one kind."""
        return [one for one in self.accepted.values() if one.kind is kind]
