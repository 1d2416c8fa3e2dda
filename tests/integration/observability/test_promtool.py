"""What promtool says to Prometheus's files, and that it notices a rule that is wrong."""

from pathlib import Path

from support.alerts import CONFIGURATION, TESTS
from support.dashboards import ALERTS
from support.prometheus import promtool


def test_the_configuration_and_the_rules_are_valid() -> None:
    done = promtool("check", "config", CONFIGURATION)
    assert done.returncode == 0, done.stdout + done.stderr
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", ALERTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_when_they_should_and_are_quiet_otherwise() -> None:
    done = promtool("test", "rules", TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_threshold_that_changes_is_noticed(tmp_path: Path) -> None:
    rules = ALERTS.read_text()
    assert "aiops_outbox_oldest_seconds) > 60" in rules
    (tmp_path / ALERTS.name).write_text(rules.replace("oldest_seconds) > 60", "oldest_seconds) > 59"))
    (tmp_path / TESTS.name).write_text(TESTS.read_text())
    done = promtool("test", "rules", tmp_path / TESTS.name)
    assert done.returncode != 0
    assert "OutboxStuck" in done.stdout + done.stderr
