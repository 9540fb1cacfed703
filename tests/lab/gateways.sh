#!/bin/bash
# advertise-default-gw and advertise-svi-ip: each leaf's SVI is told to the other, its MAC with its addresses, a
# gateway's IPv6 address as a router's; and is taken back when bgpd is told to.
# long: 1 frr8
# long: 2 frr8
# long: 2 frr10
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
[[ $2 != frr10 ]] || use_frr frr10 "${SWITCHES[@]}"
lab_fabric "$1"

svi_mac() { on "$1" ip -o link show dev bridge.10 | sed 's|.*link/ether \([^ ]*\) .*|\1|'; }
svi_address() { echo "172.16.0.10${1#leaf}"; }
evpn() {
  "$(frr_program "$1" vtysh)" -N "$1" -c "configure terminal" -c "router bgp 6510${1#leaf}" \
    -c "address-family l2vpn evpn" -c "$2" 2>/dev/null
}
for leaf in "${LEAVES[@]}"; do on "$leaf" ip address add "$(svi_address "$leaf")/24" dev bridge.10; done

# has_svi LEAF OTHER: in both halves of the FDB (where it is a gateway's as one that does not move), and its
# address.
has_svi() {
  local mac
  mac=$(svi_mac "$2")
  fdb "$1" | grep "^$mac dev vxlan" | grep " vlan 10 " | grep -Eq 'extern_learn|sticky' &&
    has_vxlan_half "$1" "$mac" "$(loopback_of "$2")" &&
    on "$1" ip neigh show "$(svi_address "$2")" dev bridge.10 proto 94 | grep -q "$mac.*extern_learn.*NOARP"
}
has_router() { on "$1" ip -6 neigh show dev bridge.10 proto 94 | grep -q "$(svi_mac "$2") router extern_learn NOARP"; }
# FRR 8.4 tells it; 10.3 does not, though bgpd has the route's community.
is_gateway() { ctl "$1" show route -j | grep -o '{[^}]*}' | grep "$(svi_mac "$2")" | grep -q '"gateway"'; }
lacks_svi() { has_no_trace "$1" "$(svi_mac "$2")"; }

for how in advertise-default-gw advertise-svi-ip; do
  step "$how"
  for leaf in "${LEAVES[@]}"; do evpn "$leaf" "$how"; done
  wait_until "leaf1 has the SVI of leaf2" 20 has_svi leaf1 leaf2
  wait_until "leaf2 has the SVI of leaf1" 20 has_svi leaf2 leaf1
  if [[ $how == advertise-default-gw ]]; then
    wait_until "leaf1: it is a router's" 10 has_router leaf1 leaf2
    [[ $2 == frr10 ]] || check "leaf1: and a gateway's" is_gateway leaf1 leaf2
  fi
  check_pings
  for leaf in "${LEAVES[@]}"; do check_in_sync "$leaf"; done
  for leaf in "${LEAVES[@]}"; do evpn "$leaf" "no $how"; done
  wait_until "leaf1 has it no more" 20 lacks_svi leaf1 leaf2
  wait_until "leaf2 has it no more" 20 lacks_svi leaf2 leaf1
done
lab_verdict "gateways and SVIs of other leaves, recipe $1, $2"
