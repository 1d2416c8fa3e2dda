"""The commands that train and look after models, on a real PostgreSQL."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from typer.testing import CliRunner, Result

from aiops_common.postgres import Pool
from aiops_triage.__main__ import cli
from aiops_triage.domain import TicketCategory
from aiops_triage.engine.model import TrainedModel
from aiops_triage.prompts import TriageAnswer
from aiops_triage.service import Registry, TriageService
from integration.triage.conftest import correction, invented_examples, submitted

Command = Callable[..., Awaitable[Result]]


@pytest.fixture
def command(
    pool: Pool, clean_models: None, service_database_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Runs a command with the settings of the service."""
    monkeypatch.setenv("TRIAGE_DATABASE_URL", service_database_urls["triage"])
    monkeypatch.setenv("TRIAGE_AMQP_URL", "amqp://nobody@localhost/")

    async def run(*arguments: str, given: str = "") -> Result:
        # In a thread, where a command may have an event loop of its own.
        return await asyncio.to_thread(CliRunner().invoke, cli, arguments, input=given)

    return run


@pytest.fixture
async def corrected(triage: TriageService) -> None:
    """Two dozen tickets that people corrected."""
    for example in invented_examples():
        delivery = submitted(example.title, example.body)
        await triage.triage(delivery)
        await triage.correct(correction(delivery.id, category=example.label, comment="call ann@example.com, 3 times"))


async def test_corrections_train_a_model_that_is_activated_and_rolled_back(corrected: None, command: Command) -> None:
    trained = await command("train", "--activate", "--json")
    assert trained.exit_code == 0, trained.output
    told = json.loads(trained.stdout)
    assert (told["activated"], told["active"]["version"], told["metrics"]["examples"]) == (True, "rules", 24)
    assert told["active"]["metrics"].keys() == {"macro_f1"}
    listed = [json.loads(line) for line in (await command("models", "--json")).stdout.splitlines()]
    assert [(model["version"], model["active"]) for model in listed] == [(told["version"], True)]
    assert listed[0]["labels"] == ["ACCESS", "BILLING"]
    text = (await command("models")).stdout
    assert text.split()[0] == "version"
    assert told["version"] in text
    back = await command("roll-back")
    assert back.stdout == f"rules is active now, before it was {told['version']}\n"
    assert json.loads((await command("activate", told["version"], "--json")).stdout) == {
        "version": told["version"],
        "before": None,
    }


async def test_a_worse_model_is_kept_and_not_activated(
    corrected: None, command: Command, pool: Pool, trained: TrainedModel
) -> None:
    registry = Registry(pool)
    active = await registry.add(trained)
    await registry.activate(active)
    # What people say of these cannot be learned: both kinds have the same words.
    noise = [{"title": f"Ticket {n % 12}", "category": ("ACCESS", "BILLING")[n // 12]} for n in range(24)]
    given = "".join(json.dumps(line) + "\n" for line in noise)
    result = await command("train", "--from", "-", "--no-corrections", "--activate", given=given)
    assert result.exit_code == 1
    assert f"is worse than {active}: macro_f1 is 0." in result.stderr
    assert f"{active} (active)" in result.stdout
    present = await registry.active()
    assert present is not None
    assert present.version == active
    assert len(await registry.all()) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("Invoice", "Laptop"), ", was 0.500"),  # the rules know these words
        (("Alpha", "Beta"), ", at least 0.5 is needed"),  # nobody knows them
    ],
)
async def test_a_first_model_is_not_activated_where_the_rules_are_better_or_it_guesses(
    command: Command, pool: Pool, words: tuple[str, str], told: str
) -> None:
    # Half of the tickets of each kind have the words of the other one.
    labels = ("BILLING", "INFRASTRUCTURE")
    noise = [{"title": words[n // 2 % 2], "category": labels[n % 2]} for n in range(24)]
    given = "".join(json.dumps(line) + "\n" for line in noise)
    result = await command("train", "--from", "-", "--no-corrections", "--activate", given=given)
    assert result.exit_code == 1, result.output
    assert "it is worse than rules: macro_f1 is 0." in result.stderr
    assert told in result.stderr
    assert "rules (active)" in result.stdout
    assert await Registry(pool).active() is None


async def test_a_file_goes_beside_the_corrections(corrected: None, command: Command) -> None:
    more = "".join(json.dumps({"title": f"Holiday of room {n}", "category": "HR"}) + "\n" for n in range(12))
    told = json.loads((await command("train", "--from", "-", "--json", given=more)).stdout)
    assert told["metrics"]["examples"] == 36


async def test_without_corrections_it_says_what_is_missing(command: Command) -> None:
    result = await command("train")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: training needs at least two labels with 10 examples each")
    assert (await command("models")).stdout == "no model was trained yet: the rules decide alone\n"
    unknown = await command("activate", "m9")
    assert (unknown.exit_code, unknown.stderr) == (1, "error: there is no model 'm9'; there are: rules\n")


async def test_corrections_are_exported_as_conversations(corrected: None, command: Command) -> None:
    exported = await command("export")
    assert exported.exit_code == 0, exported.output
    lines = [json.loads(line) for line in exported.stdout.splitlines()]
    assert len(lines) == 24
    assert "ann@" not in exported.stdout
    answers = set()
    for line in lines:
        system, user, assistant = line["messages"]
        assert [turn["role"] for turn in line["messages"]] == ["system", "user", "assistant"]
        assert set(TicketCategory) <= set(system["content"].replace(".", ",").replace(",", " ").split())
        answer = TriageAnswer.model_validate_json(assistant["content"])
        assert answer.reasons[0].quote in user["content"]
        # The comment has a number that the ticket does not have: such a statement would be refused.
        assert "3 times" not in answer.reasons[0].statement
        answers.add(answer.category)
    assert answers == {"ACCESS", "BILLING"}


async def test_without_a_database_it_says_so(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_DATABASE_URL", "postgresql://triage:secret@127.0.0.1:1/aiops")
    result = await command("models")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: PostgreSQL: ")
    assert "secret" not in result.output
