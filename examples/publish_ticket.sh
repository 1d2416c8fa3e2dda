#!/bin/sh
# Publish one ticket as an outside service does, with amqp-publish and jq (Debian: apt-get install amqp-tools jq).
#
#   PARTNER_AMQP_URL=amqp://acme:…@host:5672 PARTNER_EXCHANGE=ingress.acme \
#       examples/publish_ticket.sh "Order export stops" "Since 09:40 no file has arrived."
#
# Prints the message id: sending the same id again changes nothing, so a retry is safe. amqp-publish does not wait for
# the broker's confirm, so use publish_ticket.py as the model where a ticket must not get lost.
set -eu

[ $# -eq 2 ] || { echo "usage: publish_ticket.sh TITLE BODY" >&2; exit 2; }
type=triage.triage_ticket.v1
id=$(cat /proc/sys/kernel/random/uuid)

jq --null-input --compact-output \
    --arg id "$id" --arg source "${PARTNER_EXCHANGE#ingress.}" --arg type "$type" \
    --arg time "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --arg title "$1" --arg body "$2" \
    '{specversion: "1.0", id: $id, source: $source, type: $type, time: $time, data: {title: $title, body: $body}}' |
    amqp-publish --url="$PARTNER_AMQP_URL" --exchange="$PARTNER_EXCHANGE" --routing-key="$type" \
        --content-type=application/json --persistent
echo "$id"
