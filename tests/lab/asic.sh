#!/bin/bash
# The fabric with its traffic forwarded by libsoftsai: frames between racks are encapsulated and taken out by
# the ASIC in software, and the kernel's vxlan devices see none of the known unicast.
# long: 1
# lab: 2
ASIC=1
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"

fabric_up "$BUILD" "$1" && wait_converged && wait_macs || lab_verdict "the fabric came up on the ASIC"
step "who reaches whom"
check_pings
check_isolation
check_offload host11 host21
check_offload host23 host13

step "what the ASIC forwards is counted"
counts() { ctl "$1" -j show counters key "$2" dir "$3" | grep -q '"packets": *[1-9]'; }
for object in "port swp1" "port uplink" "vlan 10" "bridge-port swp1" "tunnel 10.0.0.11"; do
  for direction in in out; do check "leaf1: $object, $direction" counts leaf1 "$object" "$direction"; done
done

step "what the ASIC learned is in the kernel"
learned() { fdb leaf1 | grep -q "^$(mac_of "$1") dev $2 vlan $3 extern_learn master bridge"; }
wait_until "host11 is an entry of its port" 5 learned host11 swp1 10
for leaf in "${LEAVES[@]}"; do check_in_sync "$leaf"; done

step "a port falls: what was learned on it goes, and comes again with it"
ip -n host11 link set eth0 down
gone() { ! learned host11 swp1 10; }
wait_until "leaf1: host11 is gone" 10 gone
forgotten() { ! has_remote_mac leaf2 "$(mac_of host11)" 10 10.0.0.11; }
wait_until "leaf2: host11 is gone" 10 forgotten
ip -n host11 link set eth0 up
say_hello() { on host11 arping -q -c 1 -A -I eth0 "$(address_of host11)" && learned host11 swp1 10; }
wait_until "leaf1: host11 is back" 10 say_hello
wait_until "leaf2: host11 is back" 10 has_remote_mac leaf2 "$(mac_of host11)" 10 10.0.0.11
lab_verdict "libsoftsai forwards, recipe $1"
