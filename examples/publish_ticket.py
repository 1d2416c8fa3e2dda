"""Publish one ticket as an outside service does: straight onto the broker, no client library of ours.

    PARTNER_AMQP_URL=amqp://acme:…@host:5672 PARTNER_EXCHANGE=ingress.acme \\
        python examples/publish_ticket.py "Order export stops" "Since 09:40 no file has arrived."

Needs aio-pika only. Prints the message id: sending the same id again changes nothing, so a retry is safe.
"""

import asyncio
import json
import os
import sys
import uuid
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import aio_pika


async def publish(title: str, body: str) -> str:
    """Publish the command as a CloudEvent, wait until the broker has it on disk, return the message id."""
    url, exchange, message_type = (
        os.environ["PARTNER_AMQP_URL"],
        os.environ["PARTNER_EXCHANGE"],
        "triage.triage_ticket.v1",
    )
    user, message_id = unquote(urlsplit(url).username or ""), str(uuid.uuid4())
    event = {
        "specversion": "1.0", "id": message_id, "source": user, "type": message_type,
        "time": datetime.now(UTC).isoformat(), "data": {"title": title, "body": body},
    }  # fmt: skip
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        target = await channel.get_exchange(exchange, ensure=False)
        await target.publish(
            aio_pika.Message(
                json.dumps(event).encode(),
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                message_id=message_id,
                type=message_type,
                user_id=user,  # the broker checks it: this is who you are to the receiver
            ),
            routing_key=message_type,
            timeout=10,
        )
    return message_id


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: publish_ticket.py TITLE BODY")
    sys.stdout.write(asyncio.run(publish(sys.argv[1], sys.argv[2])) + "\n")
