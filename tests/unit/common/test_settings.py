"""Settings from the environment, and how a wrong one is told."""

import asyncio

import pytest
from pydantic_settings import SettingsConfigDict

from aiops_common.settings import ServiceSettings, load_settings
from aiops_common.tasks import stop_task

GOOD = {"SHOP_DATABASE_URL": "postgresql://shop:hunter2@db/aiops", "SHOP_AMQP_URL": "amqp://shop:hunter2@mq/"}


class ShopSettings(ServiceSettings):
    """Settings of a service of nobody."""

    model_config = SettingsConfigDict(env_prefix="SHOP_", hide_input_in_errors=True)


def _set(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    for name, value in {**GOOD, **changes}.items():
        monkeypatch.setenv(name, value)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, SHOP_PORT="9000")
    settings = load_settings(ShopSettings)
    assert (settings.port, settings.max_attempts) == (9000, 5)
    assert settings.database_url.get_secret_value() == GOOD["SHOP_DATABASE_URL"]


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch)
    settings = load_settings(ShopSettings)
    assert "hunter2" not in f"{settings!r}{settings}{settings.model_dump()}"


def test_secrets_have_no_default(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as end:
        load_settings(ShopSettings)
    assert end.value.code == 2
    told = capsys.readouterr().err.splitlines()
    assert told == ["SHOP_DATABASE_URL: Field required", "SHOP_AMQP_URL: Field required"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHOP_PORT", "0"),
        ("SHOP_PORT", "hunter2"),
        ("SHOP_LOG_LEVEL", "hunter2"),
        ("SHOP_MAX_ATTEMPTS", "0"),
        ("SHOP_PREFETCH", "1001"),
        ("SHOP_DATABASE_POOL_SIZE", "1"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    _set(monkeypatch, **{name: value})
    with pytest.raises(SystemExit):
        load_settings(ShopSettings)
    told = capsys.readouterr().err
    assert told.startswith(f"{name}: ")
    assert "hunter2" not in told


async def test_a_task_that_was_stopped_has_ended() -> None:
    async def run() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    await stop_task(task)
    assert task.cancelled()


async def test_no_task_is_nothing_to_stop() -> None:
    await stop_task(None)


async def test_what_a_task_ended_with_is_raised() -> None:
    async def fail() -> None:
        raise RuntimeError("lost")

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="lost"):
        await stop_task(task)
