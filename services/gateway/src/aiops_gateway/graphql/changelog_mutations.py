"""Mutations about changelogs: from the draft to its publication, answered by changelog within a deadline."""

from collections.abc import Iterator

import strawberry

from aiops_contracts.changelog import ChangelogReply, ChangelogStatus, EditChangelog, UpdateChangelogStatus
from aiops_gateway.domain.access import Viewer
from aiops_gateway.graphql.changelogs import Changelog
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.enums import ChangeSection, UserErrorCode
from aiops_gateway.graphql.errors import UserError, user_error, user_errors, version_conflict
from aiops_gateway.graphql.ids import uuid_of
from aiops_gateway.graphql.inputs import MOST_PROBLEMS, InvalidInput, checked_key, large_to_message, of_plain_fields
from aiops_gateway.graphql.payloads import ChangelogPayload
from aiops_gateway.service.acceptance import KeyReused


@of_plain_fields
@strawberry.input(description="What to change of one entry; what is not given stays.")
class EntryEditInput:
    entry_id: strawberry.ID
    text: str | None = None
    scope: str | None = strawberry.field(default=None, description="The empty one is taken away.")
    section: ChangeSection | None = strawberry.field(
        default=None, description="Moves it there, also out of needsReview or reverted."
    )


@strawberry.input(description="At least one of entries, release and summary; what is not given stays.")
class EditChangelogInput:
    changelog_id: strawberry.ID
    expected_version: int
    entries: list[EntryEditInput] | None = None
    release: str | None = None
    summary: str | None = strawberry.field(default=None, description="The empty one is written anew by the engine.")
    idempotency_key: str | None = None


@strawberry.input
class ChangelogStatusInput:
    changelog_id: strawberry.ID
    expected_version: int
    idempotency_key: str | None = None


@strawberry.type
class ChangelogMutation:
    @strawberry.mutation(
        description="Edit a draft if it still is at expectedVersion: all of the edits, or none. The Markdown follows "
        "from the entries. An answer may have 20,000 objects unless the operator chose otherwise, and one with ten "
        "fields counts as two: 10,000 entries with all fields and __typename pass the limit, so select less of them. "
        "ADMIN and OPS."
    )
    async def edit_changelog(self, info: Info, input: EditChangelogInput) -> ChangelogPayload:  # noqa: A002
        viewer = await info.context.require("editChangelog")
        values = vars(input).copy()
        values["changelog_id"] = changelog_id = uuid_of(input.changelog_id, "Changelog")
        if changelog_id is None:
            return ChangelogPayload(user_errors=[_no_such_changelog()])
        try:
            key = checked_key(values.pop("idempotency_key"))
            request = await large_to_message(EditChangelog, {**values, "edited_by": viewer.user_id})
            _check_says_something(request)
            workflow = info.context.use_cases.workflow
            reply = await workflow.edit_changelog(viewer, request, key, info.context.address)
        except (InvalidInput, KeyReused) as error:
            return ChangelogPayload(user_errors=user_errors(error))
        return _payload(viewer, reply, request)

    @strawberry.mutation(
        description="Approve a draft if it still is at expectedVersion; it is not edited any more then. For people who "
        "are ADMIN or OPS."
    )
    async def approve_changelog(self, info: Info, input: ChangelogStatusInput) -> ChangelogPayload:  # noqa: A002
        return await _move(info, "approveChangelog", input, ChangelogStatus.APPROVED)

    @strawberry.mutation(
        description="Publish an approved changelog if it still is at expectedVersion; it stays as it is for good. For "
        "people who are ADMIN or OPS."
    )
    async def publish_changelog(self, info: Info, input: ChangelogStatusInput) -> ChangelogPayload:  # noqa: A002
        return await _move(info, "publishChangelog", input, ChangelogStatus.PUBLISHED)

    @strawberry.mutation(
        description="Make a draft again of an approved changelog if it still is at expectedVersion. ADMIN and OPS."
    )
    async def reopen_changelog(self, info: Info, input: ChangelogStatusInput) -> ChangelogPayload:  # noqa: A002
        return await _move(info, "reopenChangelog", input, ChangelogStatus.DRAFT)


async def _move(info: Info, operation: str, asked: ChangelogStatusInput, status: ChangelogStatus) -> ChangelogPayload:
    viewer = await info.context.require(operation)
    changelog_id = uuid_of(asked.changelog_id, "Changelog")
    if changelog_id is None:
        return ChangelogPayload(user_errors=[_no_such_changelog()])
    request = UpdateChangelogStatus(
        changelog_id=changelog_id,
        expected_version=asked.expected_version,
        status=status,
        changed_by=viewer.user_id,
    )
    try:
        key = checked_key(asked.idempotency_key)
        workflow = info.context.use_cases.workflow
        reply = await workflow.update_changelog_status(viewer, operation, request, key, info.context.address)
    except (InvalidInput, KeyReused) as error:
        return ChangelogPayload(user_errors=user_errors(error))
    return _payload(viewer, reply, request)


def _check_says_something(request: EditChangelog) -> None:
    if not request.entries and request.release is None and request.summary is None:
        raise InvalidInput([([], "give at least one of entries, release and summary")])


def _payload(viewer: Viewer, reply: ChangelogReply, request: EditChangelog | UpdateChangelogStatus) -> ChangelogPayload:
    changelog = Changelog.of(reply.changelog, viewer) if reply.changelog else None
    return ChangelogPayload(changelog=changelog, user_errors=list(_errors(reply, request)))


def _no_such_changelog() -> UserError:
    return user_error(
        UserErrorCode.NOT_FOUND, "there is no such changelog, or it is not generated yet", ["changelogId"]
    )


def _errors(reply: ChangelogReply, request: EditChangelog | UpdateChangelogStatus) -> Iterator[UserError]:
    match reply.outcome, reply.changelog:
        case "UPDATED", _:
            return
        case "NOT_FOUND", _:
            yield _no_such_changelog()
        case "NOT_READY", _:
            message = "the changelog is not generated; see its state and failure"
            yield user_error(UserErrorCode.NOT_READY, message, ["changelogId"])
        case "UNKNOWN_ENTRY", _:
            yield from _unknown_entries(reply, request)
        case "TOO_LARGE", _:
            message = "with these edits the changelog would be too large; shorten some of its texts"
            yield user_error(UserErrorCode.INVALID_INPUT, message)
        case "VERSION_CONFLICT", current if current is not None:
            yield version_conflict("changelog", current.version, request.expected_version)
        case _:
            yield user_error(UserErrorCode.INVALID_TRANSITION, _refusal(reply, request), ["changelogId"])


def _refusal(reply: ChangelogReply, request: EditChangelog | UpdateChangelogStatus) -> str:
    """Why not. A refusal that is repeated after somebody changed the changelog comes without it."""
    status = reply.changelog.status if reply.changelog is not None else None
    if isinstance(request, EditChangelog):
        if status is None:
            return "the changelog was no draft, and only drafts can be edited"
        cure = "; reopen it first" if status == ChangelogStatus.APPROVED else " any more"
        return f"a changelog that is {status} cannot be edited{cure}"
    if status is None:
        ways = f"it could become {', '.join(reply.allowed)}" if reply.allowed else "it stays as it is for good"
        return f"the changelog could not become {request.status}; {ways}"
    ways = f"it can become {', '.join(reply.allowed)}" if reply.allowed else "it stays so for good"
    return f"a changelog that is {status} cannot become {request.status}; {ways}"


def _unknown_entries(reply: ChangelogReply, request: EditChangelog | UpdateChangelogStatus) -> Iterator[UserError]:
    edits = request.entries if isinstance(request, EditChangelog) else ()
    unknown = set(reply.unknown)
    places = [place for place, edit in enumerate(edits) if edit.entry_id in unknown]
    for place in places[:MOST_PROBLEMS]:
        message = "the changelog has no entry with this id"
        yield user_error(UserErrorCode.NOT_FOUND, message, ["entries", str(place), "entryId"])
    if len(places) > MOST_PROBLEMS:
        yield user_error(UserErrorCode.NOT_FOUND, "there are more unknown entries; mend these first", ["entries"])
