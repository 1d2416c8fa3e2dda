"""Settings of the gateway for tests and loads."""

UNTHROTTLED = {
    "GATEWAY_REQUESTS_PER_SECOND": "100000",
    "GATEWAY_ADDRESS_REQUESTS_PER_SECOND": "100000",
    "GATEWAY_SIGN_INS_PER_MINUTE": "1000000",
    "GATEWAY_SIGN_IN_BURST": "1000000",
    "GATEWAY_CONNECTIONS_PER_PRINCIPAL": "100000",
    "GATEWAY_CONNECTIONS_PER_ADDRESS": "100000",
}
"""All clients of a test come from one address, and many are one account: nothing is counted against them."""
