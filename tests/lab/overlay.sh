#!/bin/bash
# The fabric at work: who reaches whom, ARP answered at home, hand-made damage healed within a second, an
# operator's own entries left alone, and a host that moves from leaf to leaf and back.
# long: 1
# lab: 2
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
recipe=$1
if [[ $recipe == 1 ]]; then device=vxlan-10 vni=(); else device=vxlan0 vni=(src_vni 10010); fi
mac=$(mac_of host21) vtep=$(loopback_of leaf2)
lab_fabric "$recipe"

who_reaches_whom() {
  step "who reaches whom"
  check_pings
  check_isolation
  check_in_sync leaf1
  check_in_sync leaf2
  check "the ASIC of leaf1 has the remote MAC" grep -qi "$mac" <(ctl leaf1 show asic)
}

# ---- ARP is answered by the leaf itself -----------------------------------------------------------

has_neighbor() { on "$1" ip neigh show "$2" dev bridge.10 proto 94 | grep -q "$3.*extern_learn.*NOARP"; }
asks_for_it() { on host21 arping -q -c 1 -w 2 -I eth0 172.16.0.66; }
mac_and_ip() {
  local ip=172.16.0.66 # which no host ever claims: only a leaf can answer for it
  step "a neighbour that an operator makes on the SVI of leaf1 becomes one on leaf2, which answers ARP for it"
  check_not "nobody answers for it yet" asks_for_it
  on leaf1 ip neigh replace "$ip" lladdr "$(mac_of host11)" dev bridge.10 nud reachable
  wait_until "leaf2 has the address" 10 has_neighbor leaf2 "$ip" "$(mac_of host11)" || return
  check "leaf2 answers ARP for it" asks_for_it
  check "vtepctl show neigh has it" grep -q "^$ip " <(ctl leaf2 show neigh)

  on leaf2 ip neigh del "$ip" dev bridge.10
  wait_until "a neighbour deleted by hand comes back within a second" 1 \
    has_neighbor leaf2 "$ip" "$(mac_of host11)"
  on leaf2 ip neigh replace "$ip" lladdr 02:00:00:00:00:99 dev bridge.10 nud permanent
  wait_until "a neighbour overwritten by hand comes back within a second" 1 \
    has_neighbor leaf2 "$ip" "$(mac_of host11)"

  on leaf1 ip neigh del "$ip" dev bridge.10
  wait_until "leaf2 forgets the address when leaf1 does" 10 \
    not has_neighbor leaf2 "$ip" "$(mac_of host11)"
}

# ---- damage by hand -------------------------------------------------------------------------------

by_hand() { check "by hand: bridge fdb $*" on leaf1 bridge fdb "$@"; }
whole() { has_remote_mac leaf1 "$mac" 10 "$vtep" && has_flood leaf1 "$vtep"; }
overwritten_vxlan_half_is_gone() { whole && ! fdb leaf1 | grep -q '10\.0\.0\.99'; }
healing() {
  step "what is deleted or overwritten by hand on leaf1 comes back within a second"
  by_hand del "$mac" dev "$device" vlan 10 master
  wait_until "the bridge half is back" 1 whole
  by_hand del "$mac" dev "$device" dst "$vtep" "${vni[@]}" self
  wait_until "the vxlan half is back" 1 whole
  by_hand del 00:00:00:00:00:00 dev "$device" dst "$vtep" "${vni[@]}" self
  wait_until "the flood entry is back" 1 whole
  by_hand replace "$mac" dev "$device" dst 10.0.0.99 "${vni[@]}" self
  wait_until "an overwritten vxlan half is right again" 1 overwritten_vxlan_half_is_gone
  by_hand replace "$mac" dev "$device" vlan 10 master static
  wait_until "an overwritten bridge half is right again" 1 whole
  check "and host11 reaches host21" ping_from host11 host21
  check_in_sync leaf1
}

# ---- what is an operator's own --------------------------------------------------------------------

operators_entries() {
  fdb leaf1 | grep -E '^00:00:00:cc:|dst 10\.9\.9\.9 ' | sed 's/ *$//' | sort
  on leaf1 ip neigh show 172.16.0.99 dev bridge.10
}
operators_own() {
  local before
  step "an operator's own static entries are never touched"
  by_hand add 00:00:00:cc:00:01 dev swp2 vlan 10 master static
  by_hand add 00:00:00:cc:00:02 dev "$device" dst 10.9.9.9 "${vni[@]}" self permanent
  by_hand append 00:00:00:00:00:00 dev "$device" dst 10.9.9.9 "${vni[@]}" self permanent
  on leaf1 ip neigh add 172.16.0.99 lladdr 00:00:00:cc:00:01 dev bridge.10 nud permanent
  before=$(operators_entries)
  check_equal "there are four of them" 4 "$(wc -l <<<"$before")"
  restart leaf1 vtepd
  wait_until "leaf1: vtepd has taken over after SIGKILL" 60 settled leaf1
  check_equal "all four are as they were" "$before" "$(operators_entries)"
}

# ---- a host that moves ----------------------------------------------------------------------------

is_local() { fdb "$1" | grep -q "^$ROAMER_MAC dev swp4 vlan 10 master bridge *$"; }
# Behind its own leaf a MAC has one entry, of the port; on any other its two remote halves.
lives_at() {
  local here=$1 there=$2
  is_local "$here" && [[ $(fdb "$here" | grep -c "^$ROAMER_MAC ") == 1 ]] &&
    has_remote_mac "$there" "$ROAMER_MAC" 10 "$(loopback_of "$here")" &&
    [[ $(fdb "$there" | grep -c "^$ROAMER_MAC ") == 2 ]]
}
shown_at() {
  ctl "$1" show mac | grep "^$ROAMER_MAC " | grep local | grep -q 'in sync' &&
    ctl "$2" show mac | grep "^$ROAMER_MAC " | grep remote | grep 'in sync' |
    grep -q "$(loopback_of "$1")"
}
move() {
  local to=$1 from=$2 host
  roam_to "$to"
  for host in host12 host22; do
    wait_until "$host reaches the roamer behind $to" 10 ping_from "$host" roamer
  done
  wait_until "it lives at $to, and nothing of it is left over on either leaf" 10 lives_at "$to" "$from"
  wait_until "vtepctl shows it so, ASIC included" 10 shown_at "$to" "$from"
}
moving() {
  local round
  step "a host appears at leaf1, moves to leaf2 and back, twice, with both its links up all the time"
  move leaf1 leaf2
  for round in first second; do
    note "$round round"
    move leaf2 leaf1
    move leaf1 leaf2
  done
  check_in_sync leaf1
  check_in_sync leaf2
}

who_reaches_whom
mac_and_ip
healing
operators_own
moving
lab_verdict "the fabric at work, recipe $recipe"
