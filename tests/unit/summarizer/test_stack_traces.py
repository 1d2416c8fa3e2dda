"""Where a stack trace says to look: the root exception and its innermost frame."""

import sys

import pytest

from aiops_summarizer.engine import digest
from aiops_summarizer.engine.traces import Trace

_JAVA = """\
java.lang.IllegalStateException: cannot start
\tat com.acme.App.main(App.java:12)
Caused by: java.io.IOException: no route
\tat java.base/sun.nio.ch.Net.connect(Net.java:589)
\tat java.net.Socket.connect(Socket.java:633)
\tat com.acme.Client.open(Client.java:40)
\t... 3 more"""
_PYTHON = """\
Traceback (most recent call last):
  File "/srv/app/main.py", line 7, in run
    load()
  File "/srv/app/load.py", line 3, in load
    requests.get(url)
  File "/usr/lib/python3.11/site-packages/requests/api.py", line 73, in get
    return request("get", url)
ConnectionError: refused"""
_NODE = """\
TypeError: x is undefined
    at Layer.handle (/srv/node_modules/express/lib/layer.js:95:5)
    at get (/srv/app/routes.js:14:9)
    at node:internal/process/task_queues:95:5"""


@pytest.mark.parametrize(
    ("text", "cause", "frame", "line"),
    [
        (_JAVA, "java.io.IOException: no route", "com.acme.Client.open(Client.java:40)", 6),
        (_PYTHON, "ConnectionError: refused", "/srv/app/load.py:3 in load", 4),
        (_NODE, "TypeError: x is undefined", "get (/srv/app/routes.js:14:9)", 3),
        ("goroutine 1 [running]:\n\t/usr/local/go/src/os/a.go:9 +0x1\n\t/srv/b.go:42 +0x1d", None, "/srv/b.go:42", 3),
        ("nothing\n  of the kind", None, None, 0),
    ],
)
def test_the_root_exception_and_its_innermost_own_frame(
    text: str, cause: str | None, frame: str | None, line: int
) -> None:
    trace = Trace()
    for number, one in enumerate(text.split("\n"), start=1):
        trace.read(one, number)
    assert (trace.cause, trace.frame, trace.frame_line) == (cause, frame, line)


def test_one_wide_character_does_not_make_what_is_kept_wide() -> None:
    trace = Trace()
    trace.read("java.io.IOException: \U0001f680" + "a" * 1000, 1)
    trace.read("\tat com.acme.\U0001f680" + "b" * 1000, 2)
    kept = [getattr(trace, name) for name in Trace.__slots__]
    assert sum(map(sys.getsizeof, kept)) < 3000
    assert (trace.cause or "").endswith("a")
    assert (trace.frame or "").endswith("b")


def test_the_frame_is_told_with_its_line() -> None:
    log = ["2024-05-01 10:00:00 ERROR cannot load", *_PYTHON.split("\n"), "2024-05-01 10:00:01 INFO next"]
    assert (
        "Its stack trace ends in “ConnectionError: refused” (line 9), raised at “/srv/app/load.py:3 in load” (line 5)."
        in digest(log).text
    )
