#!/bin/bash
# Three leaves in one autonomous system with a route reflector on the spine: each leaf knows the hosts of
# the other two, and follows one that roams through all of them, hardly losing a packet. With FRR 8.4, with
# 10.3, and mixed.
# long: 1 frr8
# lab: 2 frr10
# long: 1 frr8+frr10
# alone: gaps of some 10 ms are measured
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
recipe=$1 frr=$2
# The roamer moves more often than a duplicate may (see moves.sh for those).
vtepd_options+=(--duplicate-freeze no)
SWITCHES=(leaf1 leaf2 leaf3 spine)
LEAVES=(leaf1 leaf2 leaf3)
HOSTS=(
  "host11 leaf1 swp1 10 172.16.0.11"
  "host21 leaf2 swp1 10 172.16.0.21"
  "host31 leaf3 swp1 10 172.16.0.31"
  "host13 leaf1 swp3 20 172.16.0.13"
  "host23 leaf2 swp3 20 172.16.0.23"
  "host33 leaf3 swp3 20 172.16.0.33"
)
loopback_of() { if [[ $1 == spine ]]; then echo 10.0.0.1; else echo "10.0.0.1${1#leaf}"; fi; }

# neighbour INTERFACE: a session over IPv6 link-local, with what both address families add to it.
neighbour() {
  printf ' neighbor %s interface remote-as internal\n neighbor %s timers 3 9\n' "$1" "$1"
  printf ' neighbor %s timers connect 1\n neighbor %s advertisement-interval 0\n' "$1" "$1"
}
bgpd_conf() {
  local switch=$1 peers=(uplink) peer
  [[ $switch == leaf* ]] || peers=(to-leaf1 to-leaf2 to-leaf3)
  printf 'hostname %s\nlog file %s/%s/bgpd.log\nrouter bgp 65100\n' "$switch" "$FABRIC" "$switch"
  printf ' bgp router-id %s\n no bgp default ipv4-unicast\n' "$(loopback_of "$switch")"
  for peer in "${peers[@]}"; do neighbour "$peer"; done
  printf ' address-family ipv4 unicast\n  redistribute connected\n'
  for peer in "${peers[@]}"; do
    printf '  neighbor %s activate\n' "$peer"
    # The reflected underlay leads by the spine; the overlay's next hops stay the tunnels' ends.
    [[ $switch == leaf* ]] || printf '  neighbor %s %s\n' "$peer" route-reflector-client "$peer" "next-hop-self force"
  done
  printf ' exit-address-family\n address-family l2vpn evpn\n'
  for peer in "${peers[@]}"; do
    printf '  neighbor %s activate\n' "$peer"
    [[ $switch == leaf* ]] || printf '  neighbor %s route-reflector-client\n' "$peer"
  done
  [[ $switch != leaf* ]] || printf '  advertise-all-vni\n'
  printf ' exit-address-family\n'
}

step "wiring three leaves and a spine (recipe $recipe, $frr)"
case $frr in
  frr8) ;;
  frr10) use_frr frr10 "${SWITCHES[@]}" ;;
  frr8+frr10) use_frr frr10 leaf2 spine ;;
esac
install_programs "$BUILD" && wire_fabric
ip -n spine address flush dev to-leaf2 scope global # every session is over link-local addresses
for leaf in "${LEAVES[@]}"; do
  sed -e "s/10\.0\.0\.11/$(loopback_of "$leaf")/" -e 's/ swp2 / /' -e '/^auto swp2$/,/^$/d' \
    "$HERE/recipe$recipe/leaf1.interfaces" >"$FABRIC/$leaf/interfaces"
done
add_roamer
fabric_start

# others_of LEAF: the leaves but this one.
others_of() { printf '%s\n' "${LEAVES[@]}" | grep -vx "$1"; }
each_knows() { # each_knows HOST MAC VLAN LEAF: every other leaf has the host behind LEAF, MAC and address
  local host=$1 mac=$2 vlan=$3 leaf=$4 other
  for other in $(others_of "$leaf"); do
    wait_until "$other: $host is behind $leaf" 30 \
      has_remote_mac "$other" "$mac" "$vlan" "$(loopback_of "$leaf")" || return
    wait_until "$other: and its address" 30 knows "$other" "$(address_of "$host")" "$mac" "$vlan" || return
  done
}
knows() { on "$1" ip neigh show "$2" dev "bridge.$4" proto 94 | grep -q "$3.*extern_learn.*NOARP"; }

converge() {
  local leaf other row host port vlan address
  wait_until "spine: three BGP sessions are up" 60 peers_established 3 || return
  for leaf in "${LEAVES[@]}"; do
    for other in $(others_of "$leaf"); do
      wait_until "$leaf: $other is in the flood lists" 30 has_flood "$leaf" "$(loopback_of "$other")" || return
    done
  done
  step "each host says a word, and each leaf knows it"
  for row in "${HOSTS[@]}"; do
    read -r host leaf port vlan address <<<"$row"
    on "$host" arping -q -c 1 -A -I eth0 "$address"
    each_knows "$host" "$(mac_of "$host")" "$vlan" "$leaf" || return
  done
  check_pings
}
roams() {
  local leaf
  step "a host roams through all leaves"
  for leaf in leaf1 leaf2 leaf3 leaf1; do
    roam_to "$leaf"
    each_knows roamer "$ROAMER_MAC" 10 "$leaf" || return
    check "host21 reaches it" ping_from host21 roamer
  done
}
moves_unnoticed() {
  step "the gap of a host that moves and says so"
  one_place_at_a_time
  gap "between two other leaves" host11 leaf2 leaf3 announced 3
  gap "away from the asking host's leaf" host31 leaf3 leaf2 announced 3
}
leaves() {
  local other
  step "a host goes, and is nowhere"
  ip -n host31 link set eth0 down
  for other in leaf1 leaf2; do
    wait_until "$other has forgotten host31" 20 has_no_trace "$other" "$(mac_of host31)"
  done
}
told_apart() {
  local leaf
  step "vtepd knows which FRR speaks"
  for leaf in "${LEAVES[@]}"; do
    check_equal "$leaf: its BGP is $(frr_family "$leaf")" "$(frr_family "$leaf")" "$(frr_seen "$leaf")"
    note "$("$(frr_program "$leaf" bgpd)" --version | head -n 1)"
  done
}
frr_seen() { ctl "$1" show stats | sed -n 's/^bgp_version  *//p'; }
converge && told_apart && roams && moves_unnoticed && leaves
for leaf in "${LEAVES[@]}"; do check_in_sync "$leaf"; done
lab_verdict "three leaves and a route reflector, recipe $recipe, $frr"
