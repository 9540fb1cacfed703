#!/bin/bash
# The two leaves of the example with IPv6 tunnel ends and a real FRR that takes them (10.6 or later; underlay6.sh has
# a script in its place): both know the other's tunnel end and hosts, hosts reach each other, one moves, and
# what a vtepd finds after a restart is what it left.
# long: 1 frr-next
# long: 2 frr-next
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
recipe=$1
use_frr frr-next "${SWITCHES[@]}"
# Its libyang looks for its modules nowhere else.
mount --bind "$FABRIC/frr/usr/share/yang" /usr/share/yang
loopback_of() { if [[ $1 == spine ]]; then echo 2001:db8::1; else echo "2001:db8::1${1#leaf}"; fi; }
route_to() { on "$1" ip -6 route get "$2" | grep -q ' dev uplink '; }

prepare() {
  local leaf
  ip -n spine address flush dev to-leaf2 scope global # both sessions are over link-local addresses
  for leaf in "${LEAVES[@]}"; do
    sed -i -E "s/10\.0\.0\.1[12]/$(loopback_of "$leaf")/; /^ *address/s,/32,/128," "$FABRIC/$leaf/interfaces"
    sed -i -E '/^iface uplink/,/^$/{/^ *address/d}' "$FABRIC/$leaf/interfaces"
  done
  add_roamer
}
after_wiring=prepare

number_of() { case $1 in spine) echo 0 ;; *) echo "${1#leaf}" ;; esac; }
bgpd_conf() {
  local switch=$1 peers=(uplink) peer
  [[ $switch == leaf* ]] || peers=(to-leaf1 to-leaf2)
  printf 'hostname %s\nlog file %s/%s/bgpd.log\n' "$switch" "$FABRIC" "$switch"
  printf 'router bgp 6510%s\n bgp router-id 192.0.2.1%s\n' "$(number_of "$switch")" "$(number_of "$switch")"
  printf ' no bgp ebgp-requires-policy\n no bgp default ipv4-unicast\n'
  for peer in "${peers[@]}"; do
    printf ' neighbor %s %s\n' "$peer" "interface remote-as external" "$peer" "advertisement-interval 0" \
      "$peer" "timers 3 9" "$peer" "timers connect 1"
  done
  printf ' address-family ipv6 unicast\n  redistribute connected\n'
  printf '  neighbor %s activate\n' "${peers[@]}"
  printf ' exit-address-family\n address-family l2vpn evpn\n'
  printf '  neighbor %s activate\n' "${peers[@]}"
  [[ $switch != leaf* ]] || printf '  advertise-all-vni\n'
  printf ' exit-address-family\n'
}
fabric_up "$BUILD" "$recipe" && wait_converged && wait_macs || {
  show_logs
  verdict "the fabric came up"
  exit 1
}
note "$(on leaf1 "$(frr_program leaf1 bgpd)" --version | head -n 1)"
for leaf in "${LEAVES[@]}"; do
  check "$leaf: the relay knows its FRR" grep -q "10.6 or later" <(ctl "$leaf" show stats)
done
check_pings
check_isolation

step "a host moves"
for leaf in leaf1 leaf2 leaf1; do
  other=$([[ $leaf == leaf1 ]] && echo leaf2 || echo leaf1)
  roam_to "$leaf"
  wait_until "$other: the roamer is behind $leaf" 10 roamer_is_behind "$other" "$leaf"
  check "it is reached" ping_from "host${other#leaf}1" roamer
done

step "vtepd is killed and started"
whole=$(overlay_state leaf1)
traffic_start host11 host22
restart leaf1 vtepd
wait_until "leaf1: vtepd has taken over after SIGKILL" 60 settled leaf1
check_no_loss "over a kill of vtepd"
check_equal "the overlay is as it was" "$whole" "$(overlay_state leaf1)"
for leaf in "${LEAVES[@]}"; do check_in_sync "$leaf"; done
lab_verdict "IPv6 tunnel ends with FRR, recipe $recipe"
