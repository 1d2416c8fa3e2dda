#!/bin/sh
# After a password or a key was changed where secrets are kept: renew_secrets.sh OVERLAY NAMESPACE
#
# It is fetched from the store, given to the server that checks it, and the services, who show it, are restarted one
# after the other; what they have in hand waits meanwhile and is done once. In overlays/dev secrets are kept in files,
# secrets/*.env. OVERLAY as it was rolled out last, images too. SECONDS_TO_WAIT (900) bounds each wait. It can be run
# again.
set -eu

overlay=${1:?folder of the overlay} namespace=${2:?namespace}
seconds=${SECONDS_TO_WAIT:-900}
here=$(dirname "$0")

in_namespace() { kubectl --namespace "$namespace" "$@"; }

now() { date +%s; }

# names KIND: of all objects of a custom kind, none where the cluster does not know it. Whoever may not list them, or
# does not reach the cluster, must not take them for none: the old secrets would be given out once more.
names() {
  in_namespace get "$1" --output name 2> /dev/null && return
  said=$(in_namespace get "$1" --output name 2>&1) || true
  case $said in
  *"doesn't have a resource type"*) ;;
  *) echo "$1 cannot be listed: $said" >&2 && return 1 ;;
  esac
}

fetched_at() { in_namespace get "$1" --output 'jsonpath={.status.refreshTime}'; }

# fetched_after SECRET TIME
fetched_after() {
  until=$(($(now) + seconds))
  while [ "$(fetched_at "$1")" = "$2" ]; do
    [ "$(now)" -lt "$until" ] || { echo "$1 was not fetched within $seconds seconds" >&2; exit 1; }
    sleep 1
  done
  in_namespace wait --for condition=Ready "$1" --timeout "${seconds}s"
}

# External Secrets looks again at what is annotated; otherwise within the hour.
secrets=$(names externalsecrets.external-secrets.io)
for secret in $secrets; do
  before=$(fetched_at "$secret")
  in_namespace annotate "$secret" --overwrite "force-sync=$(now)"
  fetched_after "$secret" "$before"
done

# Before 1.20 the topology operator copies a user's password into a secret of its own when the user is made, and never
# again; since then it has no copy and sees the change.
users=$(names users.rabbitmq.com)
for user in $users; do
  from=$(in_namespace get "$user" --output 'jsonpath={.spec.importCredentialsSecret.name}')
  into=$(in_namespace get "$user" --output 'jsonpath={.status.credentials.name}')
  { [ -n "$into" ] && [ "$into" != "$from" ]; } || continue
  password=$(in_namespace get secret "$from" --output 'jsonpath={.data.password}')
  # By standard input: no list of processes shows it.
  printf '{"data": {"password": "%s"}}' "$password" |
    in_namespace patch secret "$into" --type merge --patch-file /dev/stdin
  in_namespace annotate "$user" --overwrite "aiops-renewed=$(now)"
done

"$here/roll_out.sh" expand "$overlay" "$namespace"
"$here/roll_out.sh" services "$overlay" "$namespace"
# A secret that kept its name is read when a pod starts.
deployments=$(in_namespace get deployment --selector app.kubernetes.io/component=service --output name)
for deployment in $deployments; do
  in_namespace rollout restart "$deployment"
  in_namespace rollout status "$deployment" --timeout "${seconds}s"
done
