#!/bin/sh
# One phase of a roll-out: roll_out.sh expand|services|health|back OVERLAY NAMESPACE
#
#   expand    everything but the services is applied; the migrations of phase `expand` run to their end
#   services  the services are applied, gateways first; ends when every pod is ready and of the new release
#   health    each service is asked what it misses, the broker included, without which a pod counts as ready
#   back      the services as they were before the last `services`, gateways last; the schemas stay, which both fit
#
# In this order, each after the success of the one before. SECONDS_TO_WAIT (900) bounds a phase; a failed one shows its
# pods and the ends of their logs. Annotations of the deployments say which revisions `back` leads to: aiops-begun while
# `services` has not come to its end, then aiops-before. Migrations of phase `contract` are not run here: they are for
# later, by hand (docs/migrations.md).
set -eu

phase=${1:?expand, services, health or back} overlay=${2:?folder of the overlay} namespace=${3:?namespace}
deadline=$(($(date +%s) + ${SECONDS_TO_WAIT:-900}))
jobs='app.kubernetes.io/component in (migration,postgres-provisioning,rabbitmq-provisioning)'
services='app.kubernetes.io/component=service'
gateways="$services,app.kubernetes.io/name=gateway"
others="$services,app.kubernetes.io/name!=gateway"

in_namespace() { kubectl --namespace "$namespace" "$@"; }

# What is left for the phase; kubectl takes 0 for no end at all.
left() {
  seconds=$((deadline - $(date +%s)))
  [ "$seconds" -gt 0 ] || seconds=1
  echo "${seconds}s"
}

# with_each SELECTOR COMMAND …: calls the command with the name of each deployment; there must be some.
with_each() {
  selector=$1
  shift
  deployments=$(in_namespace get deployment --selector "$selector" --output name)
  [ -n "$deployments" ] || { echo "the namespace $namespace has no deployment with $selector" >&2; exit 1; }
  for deployment in $deployments; do
    "$@" "$deployment"
  done
}

# fail SELECTOR: shows why its pods are not what they should be.
fail() {
  in_namespace get pods --selector "$1" >&2 || true
  in_namespace logs --selector "$1" --tail 5 --prefix >&2 || true
  exit 1
}

rolled_out() { in_namespace rollout status "$1" --timeout "$(left)" || fail "$selector"; }

all_but_services() { kubectl apply --kustomize "$overlay" --selector "app.kubernetes.io/component!=service"; }

noted() { in_namespace get "$1" --output "jsonpath={.metadata.annotations.$2}"; }

revision() { noted "$1" 'deployment\.kubernetes\.io/revision'; }

# What was left half done is nothing to go back to: a release that is tried again does not count as the one before.
begun() {
  [ -n "$(noted "$1" aiops-begun)" ] || in_namespace annotate "$1" --overwrite "aiops-begun=$(revision "$1")"
}

compared() { [ "$(noted "$1" aiops-begun)" = "$(revision "$1")" ] || changed=yes; }

# Where nothing changed, the release is the one that was there, and so is the one before.
ended() {
  [ -z "$changed" ] || in_namespace annotate "$1" --overwrite "aiops-before=$(noted "$1" aiops-begun)"
  in_namespace annotate "$1" aiops-begun-
}

# `rollout undo` alone takes back one revision more of a deployment that this release did not change, or not reach.
undone() {
  before=$(noted "$1" aiops-begun)
  [ -n "$before" ] || before=$(noted "$1" aiops-before)
  if [ -z "$before" ] || [ "$before" = "$(revision "$1")" ]; then
    echo "$1 stays: it is as it was before, or was not there"
  else
    in_namespace rollout undo "$1" --to-revision "$before"
  fi
}

gone_back() { in_namespace annotate "$1" --overwrite "aiops-before=$(revision "$1")" aiops-begun-; }

healthy() {
  echo "$1"
  in_namespace exec "$1" -- python -c "$ASK"
}

# Exits with 1, and says which, unless every check passes.
ASK='
import http.client, json, sys
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=10)
connection.request("GET", "/readyz")
checks = json.load(connection.getresponse())["checks"]
print(" ".join(f"{name}: {said}" for name, said in checks.items()))
# Whose turn it is to take work (`colour`) is no fault.
sys.exit(any(said != "ok" for name, said in checks.items() if name != "colour"))
'

case $phase in
expand)
  # A job cannot be changed, so those of the release before go.
  in_namespace delete job --selector "$jobs" --ignore-not-found
  # The first time the topology operator refuses users whose secrets are not fetched yet.
  if ! all_but_services; then
    in_namespace wait --for condition=Ready externalsecrets.external-secrets.io --all --timeout "$(left)"
    all_but_services
  fi
  in_namespace wait --for condition=complete job --selector "$jobs" --timeout "$(left)" || fail "$jobs"
  ;;
services)
  # The first time there is none.
  running=$(in_namespace get deployment --selector "$services" --output name)
  for deployment in $running; do
    begun "$deployment"
  done
  # A gateway that does not know a new type of event dead-letters it: it must be there before whoever sends it.
  kubectl apply --kustomize "$overlay" --selector "$gateways"
  with_each "$gateways" rolled_out
  kubectl apply --kustomize "$overlay" --selector "$others"
  with_each "$others" rolled_out
  changed=
  with_each "$services" compared
  with_each "$services" ended
  ;;
health)
  with_each "$services" healthy
  ;;
back)
  with_each "$others" undone
  with_each "$others" rolled_out
  with_each "$gateways" undone
  with_each "$gateways" rolled_out
  with_each "$services" gone_back
  ;;
*)
  echo "unknown phase $phase: expand, services, health or back" >&2
  exit 2
  ;;
esac
