"""The peer's worker: the same engine, the row updated, the message acknowledged afterwards."""

import os
import time
from functools import cache

import psycopg
from celery import Celery
from pydantic import TypeAdapter

from aiops_common.telemetry import elapsed_ms
from aiops_triage.domain import Engine, Provenance, Triage
from aiops_triage.engine import classify

_TRIAGE = TypeAdapter(Triage)

celery = Celery("peer", broker=os.environ.get("PEER_AMQP_URL"))
celery.conf.update(
    broker_connection_retry_on_startup=True,
    broker_pool_limit=40,  # as many as FastAPI has threads, so that none waits for another's confirm
    broker_transport_options={"confirm_publish": True},
    task_default_queue="triage",  # durable, with persistent messages: both are Celery's defaults
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,  # the row is the result
    task_serializer="json",
    worker_prefetch_multiplier=32,
    worker_send_task_events=False,
)


@cache
def _database() -> psycopg.Connection:
    """One connection for each worker process, opened after the fork."""
    return psycopg.connect(os.environ["PEER_DATABASE_URL"], autocommit=True)


def _triage_ticket(ticket_id: str, title: str, body: str) -> None:
    started = time.monotonic_ns()
    verdict = classify(title, body)
    triage = Triage.of(verdict, Provenance(engine=Engine.BUILTIN, duration_ms=elapsed_ms(started)))
    _database().execute(
        """
        UPDATE tickets SET state = 'SUCCEEDED', triage = %s::jsonb, updated_at = now()
        WHERE id = %s AND state = 'PENDING'
        """,
        [_TRIAGE.dump_json(triage).decode(), ticket_id],
    )


triage_ticket = celery.task(name="peer.triage_ticket")(_triage_ticket)
