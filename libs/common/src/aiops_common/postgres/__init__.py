"""PostgreSQL: a pool, a listener, one error for "not reachable"; migrations and roles in their own modules."""

from aiops_common.postgres.errors import DATABASE_FAILURES, DatabaseUnavailable
from aiops_common.postgres.listener import RECONNECTED, Listener
from aiops_common.postgres.pool import Connection, Pool, encode_json

__all__ = ["DATABASE_FAILURES", "RECONNECTED", "Connection", "DatabaseUnavailable", "Listener", "Pool", "encode_json"]
