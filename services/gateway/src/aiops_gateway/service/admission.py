"""Who may come in now: requests and sign-ins by rate, WebSockets by number. Counted in this process alone.

With several replicas behind a load balancer everybody has as many times the limit as there are replicas: what is
protected is each process, and guessing is stopped by auth, which locks the account.
"""

import math
from dataclasses import dataclass, field
from typing import Final, NoReturn

from aiops_gateway.domain.rates import Buckets, Rate, Seats, address_key
from aiops_gateway.service.refusals import Reason, count_refusal

VISIT: Final = "aiops.visit"
"""Where the visit stands in the scope of a request, for those who find out who is asking."""


class TooManyRequests(Exception):
    """A rate is exceeded; the message says which, and when to come again."""

    def __init__(self, message: str, seconds: float, reason: Reason = Reason.RATE) -> None:
        self.retry_after = max(1, math.ceil(seconds))
        """Whole seconds until the next request would be answered."""
        self.reason = reason
        super().__init__(f"{message}; try again in {self.retry_after} s")


class TooManyConnections(Exception):
    """There are as many WebSockets and streams as there may be; the message says of whom."""

    reason = Reason.CONNECTIONS


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """See the settings of the same names."""

    principal_requests: Rate
    address_requests: Rate
    sign_ins: Rate
    principal_connections: int
    address_connections: int


class Admission:
    """The gateway's doorkeeper."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self.limits = limits
        self.principals = Buckets(limits.principal_requests)
        self.addresses = Buckets(limits.address_requests)
        self.sign_ins = Buckets(limits.sign_ins)
        self.principal_connections = Seats(limits.principal_connections)
        self.address_connections = Seats(limits.address_connections)

    def visit(self, address: str | None, *, websocket: bool = False, stream: bool = False) -> "Visit":
        """Let an HTTP request or WebSocket in; ``Visit.end`` must be called when it is over.

        ``stream`` is a request that is answered with server-sent events, and so may last like a WebSocket.

        Raises:
            TooManyRequests, TooManyConnections: it must not.
        """
        key = address_key(address)
        _take(self.addresses, key, self.limits.address_requests, "this address")
        if (websocket or stream) and not self.address_connections.take(key):
            _refuse(
                TooManyConnections(
                    f"this address has {self.address_connections.most} WebSockets and streams, the limit; close one, "
                    "or let subscriptions share a WebSocket"
                )
            )
        return Visit(self, key, websocket, stream)


@dataclass(slots=True)
class Visit:
    """One HTTP request or WebSocket that was let in."""

    admission: Admission
    address: str
    websocket: bool
    stream: bool
    refused: TooManyRequests | None = None
    """Why the last operation was refused, so that the HTTP status can tell."""
    _principal: str | None = field(default=None)

    def admit(self, principal: str | None) -> None:
        """Count one operation of ``principal`` (None: nobody is logged in).

        Raises:
            TooManyRequests: there were too many.
            TooManyConnections: the operation would be streamed, and ``principal`` has as many streams as it may.
        """
        admission = self.admission
        try:
            if self.websocket:  # a request by HTTP was counted when it came in
                _take(admission.addresses, self.address, admission.limits.address_requests, "this address")
            if principal is not None:
                _take(admission.principals, principal, admission.limits.principal_requests, "this account")
        except TooManyRequests as error:
            self.refused = error
            raise
        if self.stream and principal is not None:
            self.seat(principal)

    def sign_in(self) -> None:
        """Count one attempt to sign up, to log in or to refresh tokens.

        Raises:
            TooManyRequests: there were too many from this address.
        """
        wait = self.admission.sign_ins.take(self.address)
        if wait:
            told = "too many sign-ins, sign-ups and refreshed tokens from this address"
            _refuse(TooManyRequests(told, wait, Reason.SIGN_IN_RATE))

    def seat(self, principal: str) -> None:
        """Count this WebSocket or stream as one of ``principal``; once, whatever it is called again for.

        Raises:
            TooManyConnections: it has as many as it may.
        """
        if self._principal is not None:
            return
        seats = self.admission.principal_connections
        if not seats.take(principal):
            _refuse(TooManyConnections(f"this account has {seats.most} WebSockets and streams, the limit; close one"))
        self._principal = principal

    def end(self) -> None:
        """Give back what the visit held."""
        if self.websocket or self.stream:
            self.admission.address_connections.give_back(self.address)
        if self._principal is not None:
            self.admission.principal_connections.give_back(self._principal)


def _take(buckets: Buckets, key: str, rate: Rate, whose: str) -> None:
    wait = buckets.take(key)
    if wait:
        _refuse(TooManyRequests(f"more than {rate.per_second:g} requests a second from {whose}", wait))


def _refuse(error: TooManyRequests | TooManyConnections) -> NoReturn:
    """Raise ``error``; each refusal is counted and told once, here."""
    count_refusal(error.reason)
    raise error
