"""What a change of the GraphQL schema breaks for clients that were written against the committed one."""

from graphql import build_schema, find_breaking_changes


def changes(committed: str, present: str) -> list[str]:
    """Every change from one SDL to the other after which a client may fail, in words; empty where there is none.

    Nothing breaks where nothing was committed before.
    """
    if not committed.strip():
        return []
    return sorted(one.description for one in find_breaking_changes(build_schema(committed), build_schema(present)))
