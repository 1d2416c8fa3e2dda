"""Use cases of triage."""

from aiops_triage.service.active_model import ActiveModels
from aiops_triage.service.registry import RULES, Registry, RegistryError, Switched, worse_than
from aiops_triage.service.training import examples, latest_corrections
from aiops_triage.service.triage import SOURCE, TriageService

__all__ = [
    "RULES",
    "SOURCE",
    "ActiveModels",
    "Registry",
    "RegistryError",
    "Switched",
    "TriageService",
    "examples",
    "latest_corrections",
    "worse_than",
]
