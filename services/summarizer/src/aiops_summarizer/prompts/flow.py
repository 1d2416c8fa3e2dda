"""How a language model words a digest: in one question, or part by part and then the parts together."""

from functools import partial
from typing import Final

from aiops_common.llm import Chain, Flow, Inquiry, Kind, Link, Operation, Questions, Step, StepKind
from aiops_summarizer.domain import Digest
from aiops_summarizer.prompts.answers import Statement, SummaryAnswer, WindowAnswer
from aiops_summarizer.prompts.citation import applied, check_summary, check_window, known
from aiops_summarizer.prompts.material import Record, examples, fitting, records, said, windows

WINDOW: Final = "window"
SUMMARY: Final = "summary"
MOST_WINDOWS: Final = 8
"""Parts of one log, at most; what is of lower rank than all of them is left out."""

OPERATION: Final = Operation(
    name="summarize",
    package="aiops_summarizer.prompts",
    steps={
        WINDOW: StepKind(
            WindowAnswer,
            {"source": Kind.LINE, "part": Kind.NUMBER, "parts": Kind.NUMBER, "material": Kind.TEXT},
        ),
        SUMMARY: StepKind(
            SummaryAnswer,
            {"source": Kind.LINE, "severity": Kind.WORDS, "omitted": Kind.WORDS, "material": Kind.TEXT},
            is_required=True,
        ),
    },
    default=(Step(step=WINDOW, template="window/v1"), Step(step=SUMMARY, template="summary/v2")),
)

_NOTE_BYTES: Final = 120
"""What it costs at most to say what was left out."""


def improving(chain: Chain, source: str) -> Flow[Digest]:
    """The questions about the digest of a redacted log from ``source``."""
    window, summary = chain.link(WINDOW), chain.required(SUMMARY)

    async def flow(questions: Questions, digest: Digest) -> Digest:
        ranked = records(digest)
        values = {"source": source, "severity": digest.severity.value, "omitted": "", "material": ""}
        room = questions.text_bytes(summary, values) - _NOTE_BYTES
        fits = sum(record.size for record in ranked) <= room
        if fits or window is None:
            shown, material, omitted = _whole(questions, digest, ranked, room)
        else:
            shown, material, omitted = await _by_parts(questions, window, source, ranked, room)
        values |= {"omitted": omitted, "material": material}
        citable = known(shown)
        answer = await questions.ask(Inquiry(summary, values, SummaryAnswer, partial(check_summary, citable)))
        return applied(digest, citable, answer)

    return flow


def _whole(questions: Questions, digest: Digest, ranked: list[Record], room: int) -> tuple[list[Record], str, str]:
    """Findings first, then patterns, then examples: what may be cited, the lines, and what is said of the rest."""
    lines = [record.shown for record in ranked] + examples(digest)
    count = fitting(lines, room)
    left = max(0, len(ranked) - count)
    if left:
        questions.dropped.append(f"{left} of {len(ranked)} findings and patterns: no room")
    omitted = f" {left} patterns of lower rank and all examples were left out." if left else ""
    return ranked[:count], "\n".join(lines[:count]), omitted


async def _by_parts(
    questions: Questions, link: Link, source: str, ranked: list[Record], room: int
) -> tuple[list[Record], str, str]:
    statements = await _read(questions, link, source, ranked)
    cited = {identity for statement in statements for identity in statement.findings}
    proofs = [record for record in ranked if record.id in cited]
    # A statement is of no use without what it cites, so these take turns: as many as fit.
    shown, lines = _together(proofs, statements, room)
    left = len(statements) - sum(line.startswith('{"statement"') for line in lines)
    omitted = f" {left} statements of lower rank were left out." if left else ""
    if left:
        questions.dropped.append(f"{left} of {len(statements)} statements about parts: no room")
    return shown, "\n".join(lines), omitted


async def _read(questions: Questions, link: Link, source: str, ranked: list[Record]) -> list[Statement]:
    """What the parts say, the most important part first."""
    room = questions.text_bytes(link, {"source": source, "part": 99, "parts": 99, "material": ""})
    parts = list(windows(ranked, room))[:MOST_WINDOWS]
    if left := len(ranked) - sum(map(len, parts)):
        questions.dropped.append(f"{left} of {len(ranked)} findings and patterns: no room")
    inquiries = [
        Inquiry(
            link,
            {
                "source": source,
                "part": number,
                "parts": len(parts),
                "material": "\n".join(record.shown for record in part),
            },
            WindowAnswer,
            partial(check_window, known(part)),
        )
        for number, part in enumerate(parts, start=1)
    ]
    answers = await questions.ask_each(inquiries, "parts of the log")
    return [statement for answer in answers if answer is not None for statement in answer.statements]


def _together(proofs: list[Record], statements: list[Statement], room: int) -> tuple[list[Record], list[str]]:
    """The statements that fit with all that they cite, most important first: the records, and the lines to show."""
    by_id = known(proofs)
    taken: dict[str, Record] = {}
    told: list[str] = []
    for statement in statements:
        more = {identity: by_id[identity] for identity in statement.findings if identity not in taken}
        line = said(statement)
        room -= len(line.encode()) + 1 + sum(record.size for record in more.values())
        if room < 0:
            break
        taken |= more
        told.append(line)
    shown = [record for record in proofs if record.id in taken]
    return shown, [record.shown for record in shown] + told
