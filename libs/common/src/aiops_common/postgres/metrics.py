"""Prometheus metrics of the pools; ``pool`` is a name that the code gives."""

from typing import Final

from prometheus_client import Gauge, Histogram

from aiops_common.metrics import SECONDS

CONNECTIONS: Final = Gauge("aiops_db_pool_connections", "Open connections", ["pool", "state"])
SIZE: Final = Gauge("aiops_db_pool_size", "The most connections that the pool opens", ["pool"])
WAIT: Final = Histogram(
    "aiops_db_pool_wait_seconds", "Time until a connection was had, or none", ["pool"], buckets=SECONDS
)
QUERIES: Final = Histogram(
    "aiops_db_query_seconds",
    "Time of a statement, by the first thing it does",
    ["pool", "operation"],
    buckets=SECONDS,
)
