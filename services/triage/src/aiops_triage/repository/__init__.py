"""Every SQL statement of triage. Table names are unqualified: the role's search_path is its schema."""

from aiops_triage.repository.corrections import CorrectionRepository
from aiops_triage.repository.models import ModelRecord, ModelRepository, channel
from aiops_triage.repository.similar import COMPARED, Candidate, delete_old_terms, shortlists, terms_of
from aiops_triage.repository.tickets import TicketRepository

__all__ = [
    "COMPARED",
    "Candidate",
    "CorrectionRepository",
    "ModelRecord",
    "ModelRepository",
    "TicketRepository",
    "channel",
    "delete_old_terms",
    "shortlists",
    "terms_of",
]
