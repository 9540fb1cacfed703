#!/bin/bash
# vtepd makes the very kernel state that ifupdown2 makes of the same interface file, and writes nothing
# when it finds that state: after a reload, after SIGKILL, and where somebody has undone a part.
# lab: seed
# lab: recipe1-static
# lab: recipe2
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
golden=$LAB/golden/$1

step "vtepd alone on a switch with $1/interfaces"
lone_switch "$golden/interfaces"
start_lone_vtepd
wait_until "vtepd has written everything" 30 counter_is leaf1 synced 1 || lab_verdict "golden $1"
note "kernel writes: $(counter leaf1 kernel_writes)"
check_equal "nothing was refused" "" "$(ctl leaf1 show failures | tail -n +2)"

wanted=$(<"$golden/expected.state.json")
check_state leaf1 "the state is ifupdown2's, byte for byte" "$wanted"

step "nothing to do means nothing written"
writes=$(counter leaf1 kernel_writes)
check "vtepctl reload takes the same file" ctl leaf1 reload
wait_until "and is in sync" 10 counter_is leaf1 synced 1
check_equal "a reload of an unchanged file writes nothing" "$writes" "$(counter leaf1 kernel_writes)"
kill_daemon leaf1 vtepd
start_lone_vtepd
wait_until "vtepd is back after SIGKILL" 30 counter_is leaf1 synced 1
check_equal "a restart writes nothing" 0 "$(counter leaf1 kernel_writes)"
check_state leaf1 "and the state is the same" "$wanted"

step "what is undone while vtepd is away is mended at its start"
kill_daemon leaf1 vtepd
check "VLAN 10 is taken from swp1" bridge -n leaf1 vlan del dev swp1 vid 10
check "the bridge is set down" ip -n leaf1 link set bridge down
start_lone_vtepd
wait_until "vtepd is back" 30 counter_is leaf1 synced 1
check_state leaf1 "the state is ifupdown2's again" "$wanted"
lab_verdict "golden $1"
