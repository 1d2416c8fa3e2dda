"""Invented logs of incidents as an engineer on call meets them, each the same in every run."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random

_START = datetime(2024, 3, 12, 14, 0, tzinfo=UTC)
_Row = tuple[float, str]
"""Seconds since the start, and what follows the time of a line; a line without time begins with NUL."""

_POOL_TRACE = (
    "java.sql.SQLTransientConnectionException: orders-pool - no connection available, request timed out after 30000ms.",
    "\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:696)",
    "\tat com.acme.orders.OrderRepository.find(OrderRepository.java:57)",
    "\tat com.acme.orders.OrderController.get(OrderController.java:31)",
    "\t... 42 more",
    "Caused by: org.postgresql.util.PSQLException: FATAL: sorry, too many clients already",
    "\tat org.postgresql.core.v3.ConnectionFactoryImpl.doAuthentication(ConnectionFactoryImpl.java:693)",
    "\t... 12 more",
)
_KEY_TRACE = (
    "Traceback (most recent call last):",
    '  File "/srv/app/.venv/lib/python3.11/site-packages/flask/app.py", line 1455, in wsgi_app',
    "    response = self.full_dispatch_request()",
    '  File "/srv/app/billing/views.py", line 88, in create_invoice',
    '    rate = TAX_RATES[order["country"]]',
    "KeyError: 'country'",
)


def pool_exhausted() -> list[str]:
    """A service loses its database connections, answers 500 for six minutes, and recovers."""
    random = Random(1)
    rows: list[_Row] = []
    for number in range(1800):
        second = number * 1.0
        took, order, thread = random.randint(4, 60), random.randint(10_000, 99_999), random.randint(1, 20)
        broken = 732 <= second < 1092 and random.random() < 0.4
        status, level = (500, "ERROR") if broken else (200, "INFO ")
        if broken:
            rows.append((second, f"ERROR [exec-{thread}] c.a.o.OrderRepository - Cannot load order {order}"))
            rows += [(second, "\0" + line) for line in _POOL_TRACE]
            took = 30_000 + random.randint(1, 40)
        text = f"{level} [exec-{thread}] c.a.o.AccessLog - GET /orders/{order} {status} in {took} ms"
        rows.append((second + 0.2, text))
    for second in (690, 701, 715, 722, 729):
        active = 20 if second > 714 else 19
        rows.append(
            (second, f"WARN  [housekeeper] c.z.h.p.HikariPool - orders-pool - {active} of 20 connections active")
        )
    rows += [(float(s), "INFO  [scheduler-1] c.a.o.Cleanup - 0 expired carts removed") for s in range(0, 1800, 60)]
    return _written(rows, lambda time: f"{time:%Y-%m-%d %H:%M:%S},{time.microsecond // 1000:03d} ")


def disk_full() -> list[str]:
    """A database fills its disk, panics, and every client is refused from then on."""
    random = Random(2)
    rows: list[_Row] = []
    for number in range(900):
        second = number * 2.0
        pid = random.randint(2000, 2400)
        if second < 1203:
            text = f"postgres[{pid}]: LOG:  checkpoint complete: wrote {random.randint(20, 900)} buffers"
            rows.append(
                (second, text if number % 30 == 0 else f"postgres[{pid}]: LOG:  connection received: host=10.4.1.7")
            )
        else:
            rows.append((second, f"postgres[{pid}]: FATAL:  the database system is not accepting connections"))
    for second, share in ((601, 91), (901, 95), (1141, 99)):
        rows.append((float(second), f"node-agent[812]: WARNING: /var/lib/postgresql is {share}% full"))
    rows.append(
        (1203.0, 'postgres[2411]: PANIC:  could not write to file "pg_wal/xlogtemp.2411": No space left on device')
    )
    rows.append((1203.5, "postgres[1187]: LOG:  server process (PID 2411) was terminated by signal 6: Aborted"))
    return _written(rows, lambda time: f"{time:%b %d %H:%M:%S} db-1 ")


def restart_loop() -> list[str]:
    """A worker is killed for its memory, starts, and is killed again, eleven times."""
    rows = [(number * 3.0, _json("info", f"job {7000 + number} done", worker="resize")) for number in range(600)]
    for round_ in range(11):
        second = 420.0 + 95 * round_
        rss = 2_091_000 + round_ * 13
        rows.append(
            (second, _json("error", f"Memory cgroup out of memory: Killed process {900 + round_} (resize) rss:{rss}kB"))
        )
        rows.append((second + 1, _json("warning", "Back-off restarting failed container resize")))
        rows.append((second + 12, _json("info", "Starting resize worker 4.11.0")))
    return _written(rows, lambda time: f'{{"time":"{time:%Y-%m-%dT%H:%M:%S}Z",')


def certificate_expired() -> list[str]:
    """A certificate expires at midnight, and one upstream of two cannot be reached any more."""
    random = Random(4)
    rows: list[_Row] = []
    for number in range(1200):
        second = number * 1.5
        upstream = random.choice(("ledger", "search"))
        if upstream == "ledger" and second >= 900:
            error = "x509: certificate has expired or is not yet valid"
            rows.append((second, f'level=error msg="upstream request failed" upstream=ledger err="{error}"'))
        else:
            rows.append((second, f'level=info msg="request served" upstream={upstream} took={random.randint(2, 90)}ms'))
    start = _START.replace(hour=23, minute=45)
    return _written(rows, lambda time: f"ts={time + (start - _START):%Y-%m-%dT%H:%M:%SZ} ")


def brute_force() -> list[str]:
    """Somebody guesses passwords over SSH, mostly from one address, while two people work."""
    random = Random(5)
    rows: list[_Row] = []
    for number in range(700):
        address = "203.0.113.9" if random.random() < 0.9 else f"198.51.100.{random.randint(1, 40)}"
        user = random.choice(("admin", "oracle", "test", "git", "ubuntu", "ftp", "pi"))
        port = random.randint(30_000, 60_000)
        text = f"sshd[{4000 + number}]: Failed password for invalid user {user} from {address} port {port} ssh2"
        rows.append((600 + number * 1.1, text))
    for number in range(40):
        text = f"sshd[{3000 + number}]: Accepted publickey for deploy from 10.1.2.3 port {50_000 + number} ssh2"
        rows.append((number * 45.0, text))
        rows.append(
            (number * 45.0 + 4, f"sshd[{3000 + number}]: pam_unix(sshd:session): session closed for user deploy")
        )
    return _written(rows, lambda time: f"{time:%b %d %H:%M:%S} bastion ")


def slow_dependency() -> list[str]:
    """A pricing service slows down: retries, time-outs, then an open breaker; old warnings go on all the while."""
    random = Random(6)
    rows: list[_Row] = []
    for number in range(2000):
        second = number * 0.9
        rows.append((second, _json("INFO", f"quote {random.randint(1000, 9999)} sent in {random.randint(20, 80)} ms")))
        if number % 25 == 0:
            rows.append((second, _json("WARNING", "config key cache.ttl is deprecated, use cache.max_age")))
        if 1000 <= second < 1100 and number % 3 == 0:
            rows.append((second, _json("WARNING", f"pricing answered after {random.randint(2100, 4900)} ms")))
        if 1060 <= second < 1500 and number % 2 == 0:
            host = random.choice(("pricing-1", "pricing-2", "pricing-2", "pricing-2"))
            rows.append(
                (second, _json("ERROR", f"request to {host}:8443 timed out after 5000 ms, attempt {number % 3 + 1}"))
            )
    rows.append((1122.0, _json("ERROR", "circuit breaker for pricing is open, answering from cache")))
    return _written(rows, lambda time: f'{{"time":"{time:%Y-%m-%dT%H:%M:%S.%f}Z",')


def deploy_with_exception() -> list[str]:
    """A new version is deployed, and one kind of request fails with an exception from then on."""
    random = Random(7)
    rows: list[_Row] = []
    for number in range(1500):
        second = number * 1.2
        rows.append((second, f"INFO billing.access: POST /invoices 201 ({random.randint(12, 70)} ms)"))
        if second > 1210 and random.random() < 0.2:
            rows.append((second + 0.1, "ERROR billing.app: Exception on /invoices [POST]"))
            rows += [(second + 0.1, "\0" + line) for line in _KEY_TRACE]
    rows += [(1200.0, "INFO gunicorn: Handling signal: term"), (1202.0, "INFO billing.app: Starting billing 2.9.0")]
    rows.append((3.0, "ERROR billing.mail: cannot send receipt 4411: mailbox unavailable"))
    return _written(rows, lambda time: f"{time:%Y-%m-%d %H:%M:%S,%f} "[:-4] + " ")


def quiet() -> list[str]:
    """An hour in which nothing happens."""
    rows = [(n * 3.6, f"INFO  [main] c.a.w.Web - GET /health 200 in {n % 7 + 1} ms") for n in range(1000)]
    rows += [(n * 60.0, f"INFO  [main] c.a.w.Cache - {300 + n} entries, {n % 5} evicted") for n in range(60)]
    return _written(rows, lambda time: f"{time:%Y-%m-%d %H:%M:%S} ")


def only_noise() -> list[str]:
    """Lines without times, levels or meaning to anybody but their author."""
    return [f"tick {number} ok" for number in range(500)] + ["flush"] * 20


def undated() -> list[str]:
    """The output of a build that fails; no line has a time."""
    compiled = [f"[{number}/214] compiling src/module_{number}.c" for number in range(1, 160)]
    return [
        *compiled,
        "warning: unused variable 'length' in src/module_12.c",
        "src/net/socket.c:88:14: error: 'TCP_QUICKACK' undeclared",
        "ninja: build stopped: subcommand failed.",
        "error: build failed with exit code 1",
    ]


ALL: dict[str, Callable[[], list[str]]] = {
    build.__name__: build
    for build in (
        pool_exhausted,
        disk_full,
        restart_loop,
        certificate_expired,
        brute_force,
        slow_dependency,
        deploy_with_exception,
        quiet,
        only_noise,
        undated,
    )
}


def _json(level: str, message: str, **fields: str) -> str:
    return json.dumps({"level": level, **fields, "msg": message})[1:]


def _written(rows: list[_Row], stamp: Callable[[datetime], str]) -> list[str]:
    """The rows in the order of their times; what starts with NUL continues the row before it and gets no time."""
    return list(_lines(sorted(rows, key=lambda row: row[0]), stamp))


def _lines(rows: list[_Row], stamp: Callable[[datetime], str]) -> Iterator[str]:
    for second, text in rows:
        yield text[1:] if text.startswith("\0") else stamp(_START + timedelta(seconds=second)) + text
