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

step "a VTEP that only a wider route leads to"
vty() { "$(frr_program "$1" vtysh)" -N "$1" "${@:2}" 2>/dev/null; }
gateway=$(on leaf1 ip route show 10.0.0.12 | sed -n 's/.* via inet6 \([^ ]*\) .*/\1/p')
check "leaf1: there is a wider route" on leaf1 ip route add 10.0.0.0/24 via inet6 "$gateway" dev uplink
vty leaf1 -c "configure terminal" -c "ip prefix-list leaf2 permit 10.0.0.12/32" \
  -c "route-map without-leaf2 deny 10" -c "match ip address prefix-list leaf2" \
  -c "route-map without-leaf2 permit 20" -c "ip protocol bgp route-map without-leaf2"
has_no_host_route() { [[ -z $(on leaf1 ip route show 10.0.0.12) ]]; }
wait_until "leaf1: no route to leaf2 alone" 10 has_no_host_route
asic_routes() { ctl leaf1 show asic | grep -q "^route $1 .*next-hop"; }
wait_until "leaf1: the ASIC has the wider route" 10 asic_routes 10.0.0.0/24
check "host11 reaches host21" ping_from host11 host21
check_offload host11 host21
vty leaf1 -c "configure terminal" -c "no ip protocol bgp route-map without-leaf2"
wait_until "leaf1: the ASIC has the route to leaf2 again" 10 asic_routes 10.0.0.12/32
has_no_wider() { ! asic_routes 10.0.0.0/24; }
on leaf1 ip route del 10.0.0.0/24
wait_until "leaf1: the ASIC has no wider route" 10 has_no_wider

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
