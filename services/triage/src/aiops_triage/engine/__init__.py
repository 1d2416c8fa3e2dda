"""The deterministic triage engine: rules over words, no network, no model, the same answer every time."""

from aiops_triage.engine.classifier import classify, judge

__all__ = ["classify", "judge"]
