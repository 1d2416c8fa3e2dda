"""Masked fields: null for readers who may not see them, and listed in ``extensions.masked`` of the answer.

They are listed whether or not there is a value: that there is none would be an answer too.
"""

from graphql.pyutils import Path

from aiops_gateway.domain.access import Viewer, may_see


class Masked:
    """The masked fields of one answer, as dotted response paths, e.g. ``tickets.edges.0.node.body``."""

    __slots__ = ("_paths",)

    def __init__(self) -> None:
        self._paths: list[str] = []

    def hides(self, viewer: Viewer, field: str, path: Path) -> bool:
        """Whether ``Type.field`` is hidden from ``viewer``; where it is, ``path`` is noted."""
        if may_see(viewer, field):
            return False
        self.note(path)
        return True

    def note(self, path: Path, *deeper: str | int) -> None:
        """Something at ``path``, or ``deeper`` within the JSON there, is null in the answer because it is hidden."""
        self._paths.append(".".join(map(str, (*path.as_list(), *deeper))))

    def take(self) -> list[str]:
        """What was noted since it was taken last: a subscription has many answers."""
        paths, self._paths = self._paths, []
        return paths
