#!/usr/bin/env bash
# One worker of several on Google Compute Engine: the machines of an instance group, by their names.
# Run it on each of them, with the same words:
#
#     install/gce_worker.sh GROUP ZONE -- python -m tfsocial train --device=multi_worker ...
#
# TensorFlow's own GCEClusterResolver is of no use here: it asks for `instanceGroups`, a parameter
# that Google's listInstances does not have, and cannot tell which of the machines this one is.
set -euo pipefail

if [ $# -lt 4 ] || [ "$3" != "--" ]; then
  echo "usage: $0 GROUP ZONE -- COMMAND" >&2
  exit 2
fi
group="$1" zone="$2" port="${PORT:-12345}"
shift 3

mapfile -t machines < <(gcloud compute instance-groups list-instances "$group" --zone="$zone" \
  --format='value(NAME)' | sort)
own="$(hostname -s)"
place=""
workers=""
for i in "${!machines[@]}"; do
  if [ "${machines[$i]}" = "$own" ]; then place="$i"; fi
  workers+="${workers:+, }\"${machines[$i]}:$port\""
done
if [ -z "$place" ]; then
  echo "this machine, $own, is not in $group in $zone: ${machines[*]:-which has none}" >&2
  exit 2
fi
export TF_CONFIG="{\"cluster\": {\"worker\": [$workers]}, \"task\": {\"type\": \"worker\", \"index\": $place}}"
exec "$@"
