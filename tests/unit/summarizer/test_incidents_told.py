"""The whole text about each of a few invented incidents, as an engineer on call would read it."""

from datetime import UTC, datetime

import pytest

from aiops_summarizer.engine import digest
from support.incidents import ALL

_LATER = datetime(2024, 6, 1, tzinfo=UTC)

TOLD = {
    "pool_exhausted": [
        "HIGH ERROR: “Cannot load order <*>” 155 times since 14:12:13 (line 752), and 1 more kind of trouble",
        "3230 lines in 5 patterns, from 2024-03-12 14:00:00 to 14:29:59 UTC.",
        (
            "Trouble begins with “Cannot load order <*>” at 14:12:13 (line 752), 155 times until 14:18:08, about "
            "26 a minute. Its stack trace ends in “org.postgresql.util.PSQLException: FATAL: sorry, too many "
            "clients already” (line 758), raised at "
            "“org.postgresql.core.v3.ConnectionFactoryImpl.doAuthentication(ConnectionFactoryImpl.java:693)” "
            "(line 759). Before that, “orders-pool - <*> of <*> connections active” warned 5 times since 14:11:30"
            " (line 703). Of the 1800 lines “GET <*> in <*> ms”, 155 are errors from 14:12:13 on (first at line "
            "761). The last of it is at 14:18:08 (line 2499); the log goes on for 12 minutes without it."
        ),
        (
            "1675 of 3230 lines (51 %) are routine, mostly “GET <*> in <*> ms”, 1645 times. 1240 lines continue "
            "others, as in stack traces."
        ),
    ],
    "disk_full": [
        (
            'CRITICAL FATAL: “PANIC: could not write to file "pg_wal/xlogtemp.2411": No space left on device” '
            "once at 14:20:03 (line 606), and 2 more kinds of trouble"
        ),
        "905 lines in 6 patterns, from 2024-03-12 14:00:00 to 14:29:58 UTC.",
        (
            'Trouble begins with “PANIC: could not write to file "pg_wal/xlogtemp.2411": No space left on '
            "device” at 14:20:03 (line 606), once. Before that, “WARNING: <*> is <*>% full” warned 3 times since "
            "14:10:01 (line 302). In the same second comes “LOG: server process (PID 2411) was terminated by "
            "signal 6: Aborted” (line 607), once. Then comes “FATAL: the database system is not accepting "
            "connections” at 14:20:04 (line 608), 298 times until 14:29:58, about 30 a minute. The last of it is "
            "at 14:29:58 (line 905): it goes on until the log ends."
        ),
        (
            "“LOG: connection received: host=<*>”, logged 581 times until then, stops at 14:20:02 (line 605). "
            "“LOG: checkpoint complete: wrote <*> buffers”, logged 21 times until then, stops at 14:20:00 (line "
            "604)."
        ),
        "602 of 905 lines (66 %) are routine, mostly “LOG: connection received: host=<*>”, 581 times.",
    ],
    "restart_loop": [
        (
            "CRITICAL ERROR: “Memory cgroup out of memory: Killed process <*> (resize) rss:<*>” 11 times since "
            "14:07:00 (line 142)"
        ),
        "633 lines in 4 patterns, from 2024-03-12 14:00:00 to 14:29:57 UTC.",
        (
            "Trouble begins with “Memory cgroup out of memory: Killed process <*> (resize) rss:<*>” at 14:07:00 "
            "(line 142), 11 times until 14:22:50, every 95 seconds on average. With “Memory cgroup out of memory:"
            " Killed pro…<*> (resize) rss:<*>” come “Back-off restarting failed container resize” (line 143) and "
            "“Starting resize worker <*>” (line 148): each time within 34 seconds. The last of it is at 14:22:50 "
            "(line 488); the log goes on for 7 minutes without it."
        ),
        "611 of 633 lines (96 %) are routine, mostly “job <*> done”, 600 times.",
    ],
    "certificate_expired": [
        (
            "HIGH ERROR: “upstream request failed: x509: certificate has expired or is not yet valid” 289 times "
            "since 2024-03-13 00:00:00 (line 601)"
        ),
        "1200 lines in 2 patterns, from 2024-03-12 23:45:00 to 2024-03-13 00:14:58 UTC.",
        (
            "Trouble begins with “upstream request failed: x509: certificate has expired or is not yet valid” at "
            "2024-03-13 00:00:00 (line 601), 289 times until 2024-03-13 00:14:51, about 19 a minute."
        ),
        "911 of 1200 lines (75 %) are routine, mostly “request served”, 911 times.",
    ],
    "brute_force": [
        ("MEDIUM “Failed password for invalid user <*> from <*> port <*> ssh2” 700 times since 14:10:00 (line 29)"),
        "780 lines in 3 patterns, from 2024-03-12 14:00:00 to 14:29:19 UTC.",
        (
            "Trouble begins with “Failed password for invalid user <*> from <*> port <*> ssh2” at 14:10:00 (line "
            "29), 700 times until 14:22:48, about 55 a minute, mostly with “203.0.113.9”. The last of it is at "
            "14:22:48 (line 762); the log goes on for 7 minutes without it."
        ),
        (
            "80 of 780 lines (10 %) are routine, mostly “Accepted publickey for deploy from <*> port <*> ssh2”, "
            "40 times."
        ),
    ],
    "slow_dependency": [
        (
            "HIGH ERROR: “request to <*>:<*> timed out after <*> ms, attempt <*>” 245 times since 14:17:40 (line "
            "1250), and 1 more kind of trouble"
        ),
        "2363 lines in 5 patterns, from 2024-03-12 14:00:00 to 14:29:59 UTC.",
        (
            "Trouble begins with “request to <*>:<*> timed out after <*> ms, attempt <*>” at 14:17:40 (line "
            "1250), 245 times until 14:24:59, about 33 a minute, mostly with “pricing-2” and “8443”. Before that,"
            " “pricing answered after <*> ms” warned 37 times since 14:16:41 (line 1160). Then comes “circuit "
            "breaker for pricing is open, answering from cache” at 14:18:42 (line 1370), once. The last of it is "
            "at 14:24:59 (line 2017); the log goes on for 5 minutes without it."
        ),
        (
            "“config key cache.ttl is deprecated, use cache.max_age” (line 2) is there all through the log, 80 "
            "times: no news."
        ),
        "2000 of 2363 lines (84 %) are routine, mostly “quote <*> sent in <*> ms”, 2000 times.",
    ],
    "deploy_with_exception": [
        "HIGH ERROR: “Exception on <*> [POST]” 103 times since 14:20:26 (line 1027)",
        "2224 lines in 6 patterns, from 2024-03-12 14:00:00 to 14:29:58 UTC.",
        (
            "Trouble begins with “Exception on <*> [POST]” at 14:20:26 (line 1027), 103 times until 14:29:58, "
            "about 11 a minute, mostly with “/invoices”. Its stack trace ends in “KeyError: 'country'” (line "
            "1033), raised at “/srv/app/billing/views.py:88 in create_invoice” (line 1031). Shortly before, "
            "“Starting billing 2.9.0” was logged at 14:20:02 (line 1005). The last of it is at 14:29:58 (line "
            "2218): it goes on until the log ends."
        ),
        (
            "Earlier, and apart from that, there is “cannot send receipt 4411: mailbox unavailable” at 14:00:03 "
            "(line 4), once."
        ),
        (
            "1502 of 2224 lines (67 %) are routine, mostly “POST <*> (<*> ms)”, 1500 times. 618 lines continue "
            "others, as in stack traces."
        ),
    ],
    "quiet": [
        "LOW Nothing unusual in 1060 lines",
        ("1060 lines in 2 patterns, from 2024-03-12 14:00:00 to 14:59:56 UTC. No errors or warnings were logged."),
        "All 1060 lines are routine, mostly “GET <*> in <*> ms”, 1000 times.",
    ],
    "only_noise": [
        "LOW Nothing unusual in 520 lines",
        "520 lines in 2 patterns. No errors or warnings were logged.",
        "All 520 lines are routine, mostly “tick <*> ok”, 500 times.",
    ],
    "undated": [
        (
            "MEDIUM “error: build failed with exit code 1” once (line 163), after “src/net/socket.c:88:14:"
            " error: 'TCP_QUICKACK' undeclared” once (line 161), and 1 more kind of trouble"
        ),
        "163 lines in 5 patterns.",
        (
            "Trouble begins with “src/net/socket.c:88:14: error: 'TCP_QUICKACK' undeclared” (line 161), once. "
            "Before that, “warning: unused variable 'length' in src/module_12.c” warned once (line 160). Then "
            "comes “ninja: build stopped: subcommand failed.” (line 162), once. Then comes “error: build failed "
            "with exit code 1” (line 163), once."
        ),
        "159 of 163 lines (97 %) are routine, mostly “[<*>/<*>] compiling <*>”, 159 times.",
    ],
}


@pytest.mark.parametrize("name", ALL)
def test_an_incident_is_told(name: str) -> None:
    found = digest(ALL[name](), reference=_LATER)
    assert [f"{found.severity.value} {found.headline}", *found.text.split("\n")] == TOLD[name]
