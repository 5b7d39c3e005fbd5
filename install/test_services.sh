#!/bin/sh
# The servers that tests talk to, from Debian's packages: PostgreSQL. Needs root; where it cannot
# install them, their tests are skipped and say so.
set -eu
ls -d /usr/lib/postgresql/*/bin >/dev/null 2>&1 && exit 0
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y postgresql
