#!/bin/sh
# What tests talk to, from Debian's packages: PostgreSQL, Redis, and Chromium with its driver. Needs
# root; where they cannot be installed, their tests are skipped and say so.
set -eu
wanted=""
ls -d /usr/lib/postgresql/*/bin >/dev/null 2>&1 || wanted="postgresql"
command -v redis-server >/dev/null || wanted="$wanted redis-server"
command -v chromium >/dev/null && command -v chromedriver >/dev/null ||
	wanted="$wanted chromium chromium-driver fonts-noto-cjk"
[ -z "$wanted" ] && exit 0
apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $wanted
