"""Title and body in, verdict out."""

from collections.abc import Iterable
from typing import Final

from aiops_triage.domain import Label, Verdict, assess
from aiops_triage.engine import rulepack
from aiops_triage.engine.assessment import (
    ENOUGH,
    MAX_QUOTES,
    Vote,
    assess_impact,
    assess_urgency,
    impact_votes,
    urgency_votes,
)
from aiops_triage.engine.audience import audience
from aiops_triage.engine.category import Decision, decide, rule_scores
from aiops_triage.engine.consultation import consult
from aiops_triage.engine.evidence import TRUST, Evidence, gather
from aiops_triage.engine.model import TrainedModel
from aiops_triage.engine.reading import Reading, read

_NO_EVIDENCE: Final = "category OTHER: nothing in the text tells what it is about"


def classify(title: str, body: str, model: TrainedModel | None = None) -> Verdict:
    """Triage a ticket: the category by the rule pack, or by ``model`` where one is given; the rest by the rule pack.

    The same text and model always give the same verdict. Any text will do, also an empty one; of a very long one the
    beginning is read and a reason says so. Raises InvalidModel for a model that answers with anything but categories.
    The first call reads the rule pack.
    """
    return judge(title, body, model)[0]


def judge(title: str, body: str, model: TrainedModel | None = None) -> tuple[Verdict, bool]:
    """As ``classify``, and whether ``model`` had a say: not where the rules know what it never saw."""
    pack = rulepack.load()
    reading = read(title, body)
    evidence = gather(reading, pack)
    decision = decide(rule_scores(evidence))
    told = _category_reason(decision, evidence)
    is_learned = False
    if model is not None:
        decision, told, is_learned = consult(model, title, body, decision, told)
    usual = pack.baseline[decision.category]
    impact = assess_impact(impact_votes(evidence) + _counted(reading), usual.impact, decision.category)
    urgency = assess_urgency(urgency_votes(evidence), usual.urgency, decision.category)
    severity, priority = assess(impact.level, urgency.level)
    reasons = (told, impact.reason, urgency.reason, *_left_out(reading))
    verdict = Verdict(
        category=decision.category,
        severity=severity,
        priority=priority,
        confidence=decision.confidence,
        needs_review=decision.needs_review,
        reasons=reasons,
        labels=_labels(evidence),
    )
    return verdict, is_learned


def _counted(reading: Reading) -> list[Vote]:
    """What counts of people say about the impact."""
    found = ((audience(passage), TRUST[passage.place]) for passage in reading.passages)
    return [Vote(counted[0], counted[1], trust) for counted, trust in found if counted]


def _category_reason(decision: Decision, evidence: Iterable[Evidence]) -> str:
    """The heaviest phrases that speak for the category."""
    speaking = [found for found in evidence if found.rule.category is decision.category]
    if not speaking:
        return _NO_EVIDENCE
    speaking.sort(key=lambda found: -(found.rule.weight or 0.0) * found.trust)
    quotes = dict.fromkeys(f'"{found.quote}"' for found in speaking)
    return f"category {decision.category}: {', '.join(list(quotes)[:MAX_QUOTES])}"


def _labels(evidence: Iterable[Evidence]) -> tuple[Label, ...]:
    """The labels with enough evidence, in the order of the closed set."""
    trust: dict[Label, float] = {}
    for found in evidence:
        if found.rule.label is not None:
            trust[found.rule.label] = trust.get(found.rule.label, 0.0) + found.trust
    return tuple(label for label in Label if trust.get(label, 0.0) >= ENOUGH)


def _left_out(reading: Reading) -> tuple[str, ...]:
    if not reading.left_out:
        return ()
    return (f"only the beginning was analysed: {reading.left_out:,} characters were left out",)
