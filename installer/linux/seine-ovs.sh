#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What runs in the containers of DaemonSet seine-ovs: `seine-ovs db` the database, `seine-ovs switch` ovs-vswitchd. Both in
# the foreground, told by stderr, ended by SIGTERM. Nothing of the data plane is taken away at the end.
set -eu
db=/var/lib/openvswitch/conf.db
schema=/usr/share/openvswitch/vswitch.ovsschema
run=/run/openvswitch

case ${1:-} in
db)
    [ -e "$db" ] || ovsdb-tool create "$db" "$schema"
    [ "$(ovsdb-tool needs-conversion "$db" "$schema")" = no ] || ovsdb-tool convert "$db" "$schema"
    exec ovsdb-server "$db" --remote="punix:$run/db.sock" --pidfile="$run/ovsdb-server.pid" \
        --unixctl="$run/ovsdb-server.ctl" --no-chdir -vconsole:info -vsyslog:off -vfile:off
    ;;
switch)
    # Waits for the database; once it answered, a crash of it is none of this process.
    ovs-vsctl --retry --timeout=60 --db="unix:$run/db.sock" --no-wait init
    exec ovs-vswitchd "unix:$run/db.sock" --pidfile="$run/ovs-vswitchd.pid" --no-chdir \
        -vconsole:info -vsyslog:off -vfile:off
    ;;
*)
    echo "usage: seine-ovs db|switch" >&2
    exit 2
    ;;
esac
