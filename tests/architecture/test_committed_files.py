"""What no commit may hold: files too large to review, addresses of package registries, paths of a machine."""

from pathlib import Path

from architecture.sources import ROOT, committed

MAX_BYTES = 1024 * 1024

# Which registry serves the packages is the business of whoever installs. Put together here, not to be found itself.
REGISTRIES = tuple(
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("rubygems", "org"),
    )
)


def _paths_of_this_machine(root: Path, home: Path) -> list[str]:
    """The checkout, what lies beside it, and the home folder; in a container these may be everybody's folders."""
    beside = [] if root.parent == Path(root.anchor) else [path for path in root.parent.iterdir() if path.is_dir()]
    folders = {root, *beside, *([home] if home.parts[1:2] in (("home",), ("Users",)) else [])}
    return sorted(f"{folder}/" for folder in folders if len(folder.parts) > 2)


def test_committed_files_are_small() -> None:
    sizes = {path: (ROOT / path).stat().st_size for path in committed()}
    assert {path: size for path, size in sizes.items() if size >= MAX_BYTES} == {}


def test_committed_files_name_no_registry_and_no_path_of_this_machine() -> None:
    refused = [*REGISTRIES, *_paths_of_this_machine(ROOT, Path.home())]
    told = []
    for path in committed():
        content = (ROOT / path).read_bytes()
        told += [f"{path}: {text}" for text in refused if text.encode() in content]
    assert not told, "\n".join(told)


def test_folders_of_everybody_are_not_taken_for_this_machine(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (tmp_path / "notes").mkdir()
    checkout.mkdir()
    assert _paths_of_this_machine(checkout, Path("/root")) == [f"{checkout}/", f"{tmp_path / 'notes'}/"]
    assert _paths_of_this_machine(checkout, Path("/home/ada"))[-1:] == [f"{tmp_path / 'notes'}/"]
    assert "/home/ada/" in _paths_of_this_machine(checkout, Path("/home/ada"))
    assert _paths_of_this_machine(Path("/srv"), Path("/root")) == []
