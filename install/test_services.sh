#!/bin/sh
# What tests talk to, from Debian's packages: PostgreSQL, Redis, NATS, Chromium with its driver, and
# Prometheus with Alertmanager. Needs root; where they cannot be installed, their tests are skipped
# and say so. No service is started, and the monitoring ones do not start with the machine either.
set -eu
wanted=""
ls -d /usr/lib/postgresql/*/bin >/dev/null 2>&1 || wanted="postgresql"
command -v redis-server >/dev/null || wanted="$wanted redis-server"
command -v nats-server >/dev/null || wanted="$wanted nats-server"
command -v chromium >/dev/null && command -v chromedriver >/dev/null ||
	wanted="$wanted chromium chromium-driver fonts-noto-cjk"
monitoring=""
command -v prometheus >/dev/null && command -v promtool >/dev/null || monitoring="prometheus"
command -v prometheus-alertmanager >/dev/null && command -v amtool >/dev/null ||
	monitoring="$monitoring prometheus-alertmanager"
[ -z "$wanted$monitoring" ] && exit 0

# Packages ask this file before they start a service. One that is there already is the machine's own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
[ -z "$wanted" ] || apt-get install -qq -y $wanted
# shellcheck disable=SC2086
if [ -n "$monitoring" ]; then # what they recommend are exporters, which are services too
	apt-get install -qq -y --no-install-recommends $monitoring
	for service in $monitoring; do
		update-rc.d "$service" disable
	done
fi
