"""Which key signs and which are believed, at every moment of any number of rotations."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from jose import jwt

from aiops_auth.domain import StoredSigningKey, retired, signing_key_at
from unit.auth.harness import Answer, Auth, issuer

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
LIFETIME, LEAD = timedelta(minutes=10), timedelta(minutes=2)


def key(kid: str, signs_from: datetime | None = None, until: datetime | None = None) -> StoredSigningKey:
    made = signs_from or NOW - timedelta(days=1)
    return StoredSigningKey(kid, {}, b"", created_at=made, signs_from=signs_from, verifies_until=until)


def signing(*keys: StoredSigningKey, now: datetime = NOW) -> str | None:
    found = signing_key_at(keys, now)
    return found.kid if found else None


def test_the_newest_whose_turn_has_come_signs() -> None:
    later, earlier = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)
    assert signing() is None
    assert signing(key("future", later)) is None
    assert signing(key("future", later), key("ever")) == "ever"
    assert signing(key("now", NOW), key("before", earlier), key("future", later)) == "now"
    assert signing(key("a", NOW), key("b", NOW)) == signing(key("b", NOW), key("a", NOW)), "replicas agree"


def test_a_key_that_is_not_believed_does_not_sign() -> None:
    assert signing(key("ended", NOW, NOW), key("ever")) == "ever"
    assert signing(key("ends", NOW, NOW + timedelta(seconds=1)), key("ever")) == "ends"
    assert signing(key("ended", NOW, NOW)) is None


def test_an_end_that_is_earlier_stays() -> None:
    sooner, late = NOW + timedelta(minutes=1), NOW + timedelta(minutes=9)
    ended = retired([key("open"), key("late", until=late), key("soon", until=sooner)], NOW + timedelta(minutes=5))
    assert [(one.kid, one.verifies_until) for one in ended] == [
        ("open", NOW + timedelta(minutes=5)),
        ("late", NOW + timedelta(minutes=5)),
    ]


@given(st.lists(st.integers(min_value=0, max_value=1500), min_size=1, max_size=8))
@settings(max_examples=60)
def test_whenever_keys_rotate_every_token_is_good_for_as_long_as_it_lives(pauses: list[int]) -> None:
    keys = [key("0")]
    now = NOW
    rotations = []
    for pause in pauses:
        now += timedelta(seconds=pause)
        rotations.append(now)
    for second in range(0, int((now - NOW).total_seconds()) + 1500, 50):
        moment = NOW + timedelta(seconds=second)
        while rotations and rotations[0] <= moment:
            at = rotations.pop(0)
            ended = {one.kid: one for one in retired(keys, at + LEAD + LIFETIME)}
            keys = [ended.get(one.kid, one) for one in keys] + [replace(key(str(len(keys)), at + LEAD), created_at=at)]
        signer = signing_key_at(keys, moment)
        assert signer is not None, "somebody can always log in"
        assert signer.verifies_until is None or signer.verifies_until >= moment + LIFETIME


def kid_of(answer: Answer) -> str:
    assert answer.tokens is not None
    return str(jwt.get_unverified_header(answer.tokens.access_token.get_secret_value())["kid"])


async def test_a_log_in_is_signed_by_the_key_whose_turn_it_is(auth: Auth) -> None:
    old = kid_of(await auth.sign_up())
    new = (await auth.keys.rotate()).signing_key.kid
    assert kid_of(await auth.log_in()) == old
    auth.clock.forward(minutes=2)
    assert kid_of(await auth.log_in()) == new


async def test_keys_under_another_master_key_are_replaced_by_a_rotation_at_once(auth: Auth) -> None:
    other = replace(auth.keys, tokens=issuer(b"another master key of 32 bytes.."))
    await other.rotate(at_once=True)
    await other.ensure()
    [believed] = await other.repository.believed(auth.database, auth.clock())
    assert believed.created_at == auth.clock()
