"""docs/messages.md: every message, who sends and who takes it, its fields, an example."""

import json
from collections.abc import Iterator
from itertools import groupby

from docs.reference import fields, sources
from docs.reference.markdown import code, one_line, table

from aiops_common.messaging.message import MAX_MESSAGE_BYTES
from aiops_contracts.base import Envelope, Message, Model

_HEAD = f"""\
# Messages

{sources.WRITTEN_BY}

Every message is a [CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) envelope in
structured JSON mode, sent as `application/json`. Its `type` is also the routing key: `owner.message.vN`. A new optional
field may appear at any time and is ignored by those who do not know it; any other change is a new `vN+1`.

- **Command**: asks its owner to do something. Routed by `aiops.commands` to `<owner>.work`; may wait, is tried again,
  is dead-lettered when it cannot be done.
- **Event**: tells what happened at its owner. Routed by `aiops.events`. A failure is an event too.
- **Request**: asks its owner for a decision now. Sent to `<owner>.requests` by name; answered through `reply_to`
  within a deadline, or dropped.

Texts in commands and requests must not contain NUL (U+0000) or lone surrogates (U+D800 to U+DFFF): they cannot be
stored, so they are refused.
"""

_PARTNERS = f"""\
## What an outside publisher may send

A partner is a broker user that can write to one exchange, `ingress.<partner>`, and read nothing. Types that it was not
granted end in the queue `unrouted`. Grants stand in `deploy/rabbitmq/topology.yaml`.

%s

Beside the envelope, a message of a partner needs these properties:

| property | value |
| --- | --- |
| routing key | the `type` of the envelope |
| `content_type` | `application/json` |
| `delivery_mode` | 2 (persistent) |

Who asked is known by the exchange (`partner:<partner>`), whatever the message says; where `user_id` is set, it must be
the user of the connection, or the broker refuses the message.

The `id` of the envelope decides what counts as the same message: to repeat a message, repeat its id, and it has its
effect once. The body is at most {MAX_MESSAGE_BYTES:,} bytes. Publish with confirms: what is not confirmed was perhaps
not taken. `examples/` has a publisher to copy.
"""


def write() -> str:
    """The whole page."""
    types = sources.messages()
    parts = [_HEAD, _overview(types), _PARTNERS % _grants(), "## The envelope\n", _fields(Envelope)]
    for owner, own in groupby(types, key=sources.owner):
        parts.append(f"## {owner}\n")
        parts += [_message(message_type, types[message_type]) for message_type in own]
    return "\n".join([*parts, "## Objects and enumerations\n", *_nested(types)])


def _overview(types: dict[str, type[Message]]) -> str:
    rows = [(_link(name), sources.kind(kind), one_line(kind.__doc__ or "")) for name, kind in types.items()]
    return table(("type", "kind", "meaning"), rows) + "\n"


def _grants() -> str:
    rows = [
        (name, f"`ingress.{name}`", ", ".join(_link(message_type) for message_type in grant.may_send))
        for name, grant in sources.topology().partners.items()
    ]
    return table(("partner", "exchange", "types"), rows)


def _link(message_type: str) -> str:
    return f"[`{message_type}`](#{message_type.replace('.', '')})"


def _message(message_type: str, kind: type[Message]) -> str:
    route, admitted = sources.route(message_type), sources.partners(message_type)
    senders = code(route.publishers) + (f", partners {code(admitted)}" if admitted else "")
    way = f"`{route.exchange}`" if route.exchange else "the default exchange"
    facts = f"{sources.kind(kind).capitalize()}. Published by {senders}; through {way} to {code(route.queues)}."
    return (
        f"### {message_type}\n\n{one_line(kind.__doc__ or '')}\n\n{facts}\n\n{_fields(kind)}\n{_example(message_type)}"
    )


def _fields(model: type[Model]) -> str:
    return table(fields.HEADS, fields.rows(fields.schema_of(model))) + "\n"


def _example(message_type: str) -> str:
    golden = sources.GOLDEN / f"{message_type}.json"
    if not golden.is_file():
        return ""
    shown = json.dumps(json.loads(golden.read_text(encoding="utf-8")), indent=2, ensure_ascii=False)
    return f"<details><summary>Example</summary>\n\n```json\n{shown}\n```\n\n</details>\n"


def _nested(types: dict[str, type[Message]]) -> Iterator[str]:
    found = {name: one for kind in types.values() for name, one in fields.nested(fields.schema_of(kind)).items()}
    for name, schema in sorted(found.items()):
        yield f"### {name}\n\n{one_line(schema.get('description', ''))}\n"
        if "enum" in schema:
            yield code(schema["enum"]) + "\n"
        else:
            yield table(fields.HEADS, fields.rows(schema)) + "\n"
