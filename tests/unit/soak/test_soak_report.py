"""What a run prints at its end."""

from soak.balance import Balance
from soak.chaos import Damage
from soak.found import DeadLetter
from soak.latency import Latency
from soak.ledger import Ledger
from soak.report import Outcome, moment, report
from soak.schedule import PARTS, Action


def outcome(balance: Balance) -> Outcome:
    ledger = Ledger(accept_seconds=[0.01, 0.02, 12.5])
    ledger.retries.update({"UNAVAILABLE": 1200, "refused": 3})
    ledger.calls.update({"reads": 40})
    damage = Damage()
    damage.done["postgres", Action.KILL] = 4
    damage.ended["triage"] = 1
    return Outcome(
        ledger,
        damage,
        {"accepted → done: ticket": Latency.of([1.0]), "accepted → readable": Latency.of([])},
        balance,
        2.5,
    )


def test_the_last_lines_are_the_sum_and_the_verdict() -> None:
    lines = report(outcome(Balance(accepted=12000, completed=12000)))
    assert lines[-3] == "accepted 12,000 = completed 12,000 + failed 0 + dead-lettered 0 + pending 0"
    assert lines[-2].startswith("lost 0 · duplicates 0 · ")
    assert lines[-1] == "PASS"


def test_a_loss_is_listed_and_fails() -> None:
    lines = report(outcome(Balance(accepted=2, completed=1, lost=["ticket 7: gone"])))
    assert "lost: 1" in lines
    assert "  ticket 7: gone" in lines
    assert lines[-1] == "FAIL"


def test_long_lists_are_cut_and_say_so() -> None:
    lines = report(outcome(Balance(accepted=100, completed=0, lost=[f"ticket {number}" for number in range(100)])))
    assert "  … and 80 more" in lines


def test_dead_letters_show_why() -> None:
    lines = report(outcome(Balance(accepted=1, completed=1, dead_letters=[DeadLetter("triage.dead", "x", "spent")])))
    assert "  triage.dead: x: spent" in lines
    assert lines[-1] == "FAIL"


def test_every_part_has_a_line_with_what_was_done_to_it() -> None:
    lines = report(outcome(Balance()))
    rows = {line.split()[0]: line.split()[1:] for line in lines if line and line.split()[0] in PARTS}
    assert set(rows) == set(PARTS)
    assert rows["postgres"] == ["4", "0", "0", "0"]
    assert rows["triage"] == ["0", "0", "0", "1"]


def test_latencies_and_retries_are_told() -> None:
    lines = report(outcome(Balance()))
    accepted = next(line for line in lines if line.startswith("accepted, retries included"))
    assert accepted.split()[-5:] == ["3", "0.020", "12.500", "12.500", "12.500"]
    assert "retries     1,203 (UNAVAILABLE 1,200, refused 3)" in lines


def test_the_columns_stand_under_their_heads() -> None:
    lines = report(outcome(Balance()))
    assert len({len(line) for line in lines[1:5]}) == 1
    assert len({len(line) for line in lines[6 : 6 + len(PARTS) + 2]}) == 1


def test_moments() -> None:
    assert (moment(7.9), moment(247), moment(3600)) == ("0:07", "4:07", "60:00")
