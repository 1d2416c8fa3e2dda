from pathlib import Path

import pytest

from aiops_local import prometheus
from aiops_local.installations import NotInstalled

_APT_GET = """#!/bin/sh
[ "$1" = download ] || exit 9
: > prometheus_1_all.deb
"""
_DPKG_DEB = """#!/bin/sh
[ "$1" = --extract ] || exit 9
mkdir -p usr/bin
for program in prometheus promtool; do
  printf '#!/bin/sh\\necho "promtool, version 2.42.0+ds (branch: x)"\\n' > usr/bin/$program
  chmod 755 usr/bin/$program
done
"""


def program(directory: Path, name: str, text: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(text)
    (directory / name).chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first directory of a PATH without Prometheus; the cache is empty."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return directory


def versioned(directory: Path, version: str) -> None:
    """Both programs, of that version."""
    for name in ("prometheus", "promtool"):
        program(directory, name, f'#!/bin/sh\necho "{name}, version {version}+ds (branch: x)"\n')


def test_what_is_on_path_is_used(path: Path) -> None:
    versioned(path, "3.7.3")

    found = prometheus.find()

    assert (found.promtool, found.version) == (path / "promtool", (3, 7, 3))


def test_one_that_is_too_old_is_named(path: Path) -> None:
    versioned(path, "2.33.5")

    with pytest.raises(NotInstalled, match=r"2\.40 or newer.*2, 33, 5.*make prometheus"):
        prometheus.find()


def test_it_is_taken_out_of_the_package_once(path: Path) -> None:
    program(path, "apt-get", _APT_GET)
    program(path, "dpkg-deb", _DPKG_DEB)

    fetched = prometheus.fetch()

    assert fetched.prometheus == prometheus.cache() / "prometheus"
    assert {one.name for one in prometheus.cache().iterdir()} == {"prometheus", "promtool"}
    (path / "apt-get").unlink()
    assert prometheus.fetch() == fetched


def test_what_apt_get_said_is_told_and_is_no_failure_where_it_need_not_be(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(path, "apt-get", "#!/bin/sh\necho 'E: Unable to locate package' >&2\nexit 100\n")
    program(path, "dpkg-deb", _DPKG_DEB)

    assert prometheus.main([]) == 1
    assert "Unable to locate package" in capsys.readouterr().err
    assert prometheus.main(["--if-possible"]) == 0
