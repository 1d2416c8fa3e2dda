"""How operations are executed: as the library does it, within a number of objects, and without what it keeps of every
answer of a subscription."""

from typing import Any, ClassVar, Final

from graphql import GraphQLError, GraphQLOutputType, located_error
from graphql.execution import Executor
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from typing_extensions import override

from aiops_gateway.graphql.context import Context
from aiops_gateway.graphql.errors import AnswerTooLarge, UserError

_FIELDS: Final = 10
"""An object counts once more for each so many fields that are asked of it: it is fields that take time."""


class Execution(StrawberryGraphQLCoreExecutionContext):
    """Stops at ``most_objects`` in one answer: a list may be long, and nothing else ends what never waits.

    Forgets what one event of a subscription was answered with before the next one.
    """

    most_objects: ClassVar[int] = 20_000
    _objects = 0

    @override
    def build_per_event_executor(self, payload: Any) -> Executor[Any]:
        # graphql-core 3.3.2 keeps the collected subfields of every event in one dictionary that all events of the
        # subscription share, by keys that never come again: 1.6 KB for each event, as long as the subscription lives.
        executor: Executor[Any] = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        if isinstance(executor, Execution):
            executor._objects = 0
        return executor

    @override
    def execute_collected_subfields(
        self, parent_type: Any, source_value: Any, path: Path, grouped_field_set: Any, *more: Any
    ) -> Any:
        # Only what a root field gave may be a payload, and tell the client of mistakes as data.
        if path.prev is None and (errors := getattr(source_value, "user_errors", None)):
            _note(self.context_value, errors)
        self._objects += 1 + len(grouped_field_set) // _FIELDS
        if self._objects > self.most_objects:
            raise AnswerTooLarge(
                f"the answer has more than {self.most_objects} objects, the limit (one with many fields counts once "
                f"more for each {_FIELDS}); ask for smaller pages or fewer fields"
            )
        return super().execute_collected_subfields(parent_type, source_value, path, grouped_field_set, *more)

    @override
    def handle_field_error(
        self, raw_error: Exception, return_type: GraphQLOutputType, field_details_list: Any, path: Path
    ) -> None:
        if self._objects <= self.most_objects:
            super().handle_field_error(raw_error, return_type, field_details_list, path)
            return
        # Also where null would do: or the rest would be gone through all the same, with one more error for each.
        if isinstance(raw_error, GraphQLError):
            raise raw_error
        raise located_error(raw_error, [details.node for details in field_details_list], path.as_list())


def _note(context: Any, errors: list[UserError]) -> None:
    if isinstance(context, Context) and context.observation is not None:
        context.observation.note(errors)


def limited(most_objects: int) -> type[Execution]:
    """``Execution`` with this limit; the library takes a class."""
    return type("LimitedExecution", (Execution,), {"most_objects": most_objects})
