"""A service that is started with a wrong setting ends at once and says which."""

import asyncio
import sys

import pytest

from aiops_local.environment import inherited
from aiops_local.services import CONTENT, SERVICES
from support.stack import RunningStack

WRONG = [(service, variable, None) for service in SERVICES for variable in ("DATABASE_URL", "AMQP_URL")] + [
    ("auth", "MASTER_KEY", None),
    ("auth", "MASTER_KEY", "c2VjcmV0LWJ1dC1zaG9ydA=="),
    ("auth", "REFRESH_TOKEN_DAYS", "zero-s3cret"),
    *((service, "CONTENT_KEYS", value) for service in CONTENT for value in (None, '["local:s3cret"]')),
    ("gateway", "PORT", "eighty-s3cret"),
    ("gateway", "WEBSOCKET_ORIGINS", "not-json-s3cret"),
    ("gateway", "DATABASE_URL", "s3cret-without-a-scheme"),
    ("triage", "AMQP_URL", "s3cret-without-a-scheme"),
    ("triage", "LOG_LEVEL", "s3cret"),
    ("summarizer", "PREFETCH", "0"),
]


@pytest.mark.parametrize(("service", "variable", "value"), WRONG)
async def test_a_wrong_setting_ends_the_service_with_its_name_and_not_its_value(
    stack: RunningStack, service: str, variable: str, value: str | None
) -> None:
    name = f"{service.upper()}_{variable}"
    told = await refusal(stack, service, {name: value})
    assert name in told
    assert value is None or len(value) < 2 or value not in told
    assert "Traceback" not in told


@pytest.mark.parametrize("service", ["summarizer", "triage", "changelog"])
async def test_a_model_server_without_a_model_is_a_wrong_setting(stack: RunningStack, service: str) -> None:
    told = await refusal(stack, service, {"OPENAI_BASE_URL": "http://user:s3cret@127.0.0.1:1/v1"})
    assert "LLM_MODEL" in told
    assert "s3cret" not in told
    assert "Traceback" not in told


async def refusal(stack: RunningStack, service: str, changes: dict[str, str | None]) -> str:
    """What the service says before it ends with status 2."""
    command = stack.stack.services.serve(service, scripted_llm=False)
    environment = {**inherited(), **command.environment}
    for name, value in changes.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"aiops_{service}", "serve",
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(30):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 2, output.decode()
    return output.decode()
