"""Personal data and secrets of nobody, to be let in at every door and looked for behind all of them."""

_JWT_HEAD = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9"
_PEM_BODY = "MIIEowIBAAKCAQEAwJq8CanaryKeyBodyOfNobodyAtAll0123456789abcdefgh"

CANARIES = {
    "e-mail": "carla.canary@birdcage.example",
    "phone": "+49 171 9482715",
    "card": "4539 1488 0343 6467",
    "iban": "DE89370400440532013000",
    "ip": "203.0.113.77",
    "ssn": "536-22-8741",
    "jwt": f"{_JWT_HEAD}.eyJzdWIiOiJjYW5hcnkifQ.Q2FuYXJ5U2lnbmF0dXJlT2ZOb2JvZHk",
    "jwe": f"{_JWT_HEAD}.Q2FuYXJ5RW5jcnlwdGVkS2V5.Q2FuYXJ5SXY0NTY3OA.Q2FuYXJ5Q2lwaGVydGV4dA.Q2FuYXJ5VGFnMTIzNDU2",
    "jwe under an agreed key": f"{_JWT_HEAD}..Q2FuYXJ5RGlySXY.Q2FuYXJ5RGlyQ2lwaGVy.Q2FuYXJ5RGlyVGFn",
    "pem": _PEM_BODY,
    "aws": "AKIAZ7CANARY4BIRD3XQ",
    "password": "yellow-Canary-4711",
    "url": "canary:s1ngingB1rd",
    "api key": "aiops_Q2FuYXJ5LUtleS1PZi1Ob2JvZHktMDEyMzQ1Njc4OTA",
    "refresh token": "Q2FuYXJ5UmVmcmVzaFRva2VuT2ZOb2JvZHk0NTY3ODkwMTI",
    "bearer": "cAnArYbEaReR0123456789AbCdEf",
    "model key": "sk-CaNaRyOfTheModel0123456789AbCdEfGhIjKlMn",
}
"""What must not be seen anywhere, by kind."""

LINES = (
    f"mail from {CANARIES['e-mail']} bounced",
    f"call me at {CANARIES['phone']} please",
    f"paid with {CANARIES['card']} yesterday",
    f"refund to {CANARIES['iban']} failed",
    f"connection from {CANARIES['ip']} refused",
    f"the applicant's SSN is {CANARIES['ssn']}",
    f"cookie was {CANARIES['jwt']} here",
    f"sealed {CANARIES['jwe']} here",
    f"answered {CANARIES['jwe under an agreed key']} here",
    f"-----BEGIN RSA PRIVATE KEY-----\n{CANARIES['pem']}\n-----END RSA PRIVATE KEY-----",
    f"using {CANARIES['aws']} for the bucket",
    f"retry with password={CANARIES['password']} now",
    f"cloning https://{CANARIES['url']}@git.birdcage.example/x.git",
    f"found {CANARIES['api key']} in the shell history",
    f"refresh_token={CANARIES['refresh token']} expired",
    f"sent Authorization: Bearer {CANARIES['bearer']} along",
)
"""One line for each, as they stand in logs, tickets and commits."""

HEADERS = {
    "User-Agent": f"curl ({CANARIES['e-mail']})",
    "traceparent": "00-{trace_id}-1111111111111111-01",
    "tracestate": f"carla={CANARIES['e-mail']},key={CANARIES['api key']}",
    "baggage": f"user={CANARIES['e-mail']},token={CANARIES['jwt']}",
    "Cookie": f"session={CANARIES['refresh token']}",
    "Referer": f"https://{CANARIES['url']}@birdcage.example/?access_token={CANARIES['jwt']}",
    "X-Forwarded-For": CANARIES["ip"],
    "X-Request-Id": CANARIES["e-mail"],
    "X-Api-Key": CANARIES["api key"],
    "Idempotency-Key": CANARIES["card"],
}
"""Headers of a request that is itself all right; ``{trace_id}`` is to be filled in."""

TEXT = "\n".join(LINES)
