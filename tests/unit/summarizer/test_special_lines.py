"""Lines that continue others, and messages that say what the engine's own buckets are called."""

from aiops_summarizer.engine import scan
from aiops_summarizer.engine.generalise import Matcher
from aiops_summarizer.engine.masking import WILD
from aiops_summarizer.engine.templates import CONTINUATION, OTHER, TemplateStore


def _counts(lines: list[str], cap: int = 4096) -> dict[str, int]:
    return {template: statistics.count for template, statistics in scan(lines, cap=cap).store.items()}


def test_a_message_that_says_other_is_not_the_bucket() -> None:
    assert _counts(["all good", "(other)", "(continuation)", "  at a.B", ""]) == {
        "all good": 1,
        '"(other)"': 1,
        '"(continuation)"': 1,
        CONTINUATION: 2,
    }


def test_no_general_template_takes_the_buckets_lines() -> None:
    store = TemplateStore(100)
    for number in range(50):
        store.slot(f"(w{number}x)", number + 1, "", "")[1].count = 1
    store.compact()
    assert store.items()[0][0] == "(<*>)"
    for special in (CONTINUATION, OTHER):
        assert store.template_of(store.slot(special, 60, "", "")[0]) == special


def test_the_calls_of_a_goroutine_continue_the_panic() -> None:
    panic = ["panic: boom", "", "goroutine 7 [running]:", "main.handler(0xc0, 0x1)", "\t/srv/a.go:12 +0x1d"]
    panic += ["main.main()", "\t/srv/a.go:5 +0x2", "created by main.serve"]
    assert _counts([*panic, "ready", "main.handler(0xc0)"])[CONTINUATION] == 7


def test_a_log_may_begin_in_the_middle_of_a_stack_trace() -> None:
    assert _counts(["\tat a.B.c(B.java:1)", "\tat a.B.d(B.java:2)", "ready"]) == {CONTINUATION: 2, "ready": 1}


def test_a_matcher_tries_a_bounded_number_of_patterns_on_a_line() -> None:
    words = [f"word{number}" for number in range(100)]
    patterns = [" ".join([*words[:at], WILD, *words[at + 1 :]]) for at in range(100)]
    found = [Matcher(patterns).match(" ".join([*words[:at], "x", *words[at + 1 :]])) for at in range(100)]
    assert sum(one is not None for one in found) == 64
