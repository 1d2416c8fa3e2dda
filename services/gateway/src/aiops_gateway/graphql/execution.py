"""How operations are executed: as the library does it, without what it keeps of every answer of a subscription."""

from typing import Any

from graphql.execution import Executor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from typing_extensions import override


class Execution(StrawberryGraphQLCoreExecutionContext):
    """Forgets what one event of a subscription was answered with before the next one."""

    @override
    def build_per_event_executor(self, payload: Any) -> Executor[Any]:
        # graphql-core 3.3.2 keeps the collected subfields of every event in one dictionary that all events of the
        # subscription share, by keys that never come again: 1.6 KB for each event, as long as the subscription lives.
        executor: Executor[Any] = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor
