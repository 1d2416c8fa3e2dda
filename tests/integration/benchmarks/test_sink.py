"""The collector of the benchmark takes everything."""

import httpx

from measuring.sink import sink


def test_it_takes_spans_and_keeps_none() -> None:
    with sink() as collector, httpx.Client(trust_env=False, timeout=30) as http:
        answers = [http.post(f"{collector.url}/v1/traces", content=b"x" * 1000) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert collector.received == 3000
