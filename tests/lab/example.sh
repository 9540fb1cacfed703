#!/bin/bash
# examples/two-leaf/run as on a machine whose kernel has everything: --keep leaves it running, the lines
# it prints work, a second run refuses, stop leaves nothing behind.
# lab: 1
# lab: 2
# lab: 1 --asic
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
example=$LAB/../../examples/two-leaf
export VTEPD_BUILD=$BUILD

step "examples/two-leaf/run --recipe $* --keep"
"$example/run" --recipe "$@" --keep </dev/null >/run/example.log 2>&1
status=$?
indent </run/example.log
check_equal "it ends well" 0 "$status"
check "it ends with a clear verdict" grep -q '^PASSED: ' /run/example.log
check "leaf1 can be entered" nsenter --net=/run/netns/leaf1 bridge fdb show
check "host11 reaches host21" ping_from host11 host21
check_not "a second run refuses" "$example/run" --recipe "$1"
check "stop says so" grep -q stopped <("$example/stop")
check_equal "no namespace is left" "" "$(ip netns list)"
check_equal "no socket or file is left" "" "$(find "$FABRIC" -mindepth 1)"
check_not "no daemon is left" pgrep -x -r R,S,D 'vtepd|vtepd-relay|zebra|bgpd'
lab_verdict "the example, recipe $*"
