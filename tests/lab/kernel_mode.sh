#!/bin/bash
# evpn = kernel: zebra writes the overlay as without vtepd; vtepd mirrors it to the ASIC and shows it, and
# writes none of it. Recipe 1 with FRR 8.4, whose zebra knows no single vxlan device; recipe 2 with 10.3.
# lab: 1
# long: 2 frr10
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
[[ ${2-} != frr10 ]] || use_frr frr10 "${SWITCHES[@]}"

start_bgpd() {
  cp "$HERE/frr/$1.conf" "$FABRIC/$1/bgpd.conf"
  start_frr "$1" bgpd
}
start_mirror() { start_vtepd "$1" --evpn kernel --sai-library "$BIN/libsoftsai.so"; }
fabric_start() {
  local switch
  step "starting vtepd, zebra and bgpd; no relay"
  for switch in "${LEAVES[@]}"; do start_mirror "$switch"; done
  for switch in "${SWITCHES[@]}"; do start_zebra "$switch"; done
  for switch in "${SWITCHES[@]}"; do start_bgpd "$switch"; done
}
hosts_are_heard= # by zebra only what its kernel has spoken with
lab_fabric "$1"

mac=$(mac_of host21)
shown() { ctl "$1" show mac | grep "^$2 " | grep " $3 " | grep -F " $4 " | grep -q 'in sync'; }
not_in_asic() { ! ctl leaf1 show asic | grep -qi "$1"; }

step "what zebra wrote is in the ASIC and in vtepctl"
check_pings
wait_until "leaf1 shows host21 as remote, ASIC included" 10 shown leaf1 "$mac" remote 10.0.0.12
wait_until "leaf1 shows host11 as local" 10 shown leaf1 "$(mac_of host11)" local swp1
check "the ASIC has host21" grep -qi "$mac" <(ctl leaf1 show asic)

step "a host that moves, and one that goes"
roam_to leaf1
wait_until "the roamer is local" 10 shown leaf1 "$ROAMER_MAC" local swp4
roam_to leaf2
wait_until "the roamer is remote" 20 shown leaf1 "$ROAMER_MAC" remote 10.0.0.12
ip -n host21 link set eth0 down
wait_until "host21 leaves the kernel" 20 has_no_trace leaf1 "$mac"
wait_until "and the ASIC" 10 not_in_asic "$mac"

step "vtepd is killed and started, away while a host comes back and one moves: zebra's entries stay as they are"
traffic_start host11 host22
kill_daemon leaf1 vtepd
ip -n host21 link set eth0 up
on host21 arping -q -c 1 -A -I eth0 "$(address_of host21)"
wait_until "zebra has host21 again" 30 has_remote_mac leaf1 "$mac" 10 10.0.0.12
roam_to leaf1
whole=$(overlay_state leaf1)
start_mirror leaf1
wait_until "vtepd has taken over" 60 counter_is leaf1 synced 1
wait_until "leaf1 shows host21 as remote, ASIC included" 10 shown leaf1 "$mac" remote 10.0.0.12
wait_until "and the roamer as local" 10 shown leaf1 "$ROAMER_MAC" local swp4
check_no_loss "over a kill of vtepd"
check_equal "the overlay is as zebra has it" "$whole" "$(overlay_state leaf1)"

# A zebra that comes back alone leaves bgpd's routes as it finds them in the kernel, for a minute, and bgpd does not tell
# it again: 10.3 loses their IPv6 next hops. With vtepd-relay that is mended; without, watchfrr starts both anew.
step "zebra is killed, and started with bgpd as watchfrr does: what it writes anew is mirrored"
kill_daemon leaf1 zebra
kill_daemon leaf1 bgpd TERM
roam_to leaf2
start_zebra leaf1
start_bgpd leaf1
wait_until "the roamer is remote" 60 shown leaf1 "$ROAMER_MAC" remote 10.0.0.12
wait_until "host21 is remote, ASIC included" 30 shown leaf1 "$mac" remote 10.0.0.12
wait_until "host11 reaches host22" 30 ping_from host11 host22

step "vtepd audits it, but for what is between zebra and bgpd, and wrote none of it"
check "kernel and ASIC agree in every row (vtepctl audit)" \
  ctl leaf1 audit --vtysh "$(vtysh_of leaf1)"
check_not "no word of announcements" grep -q 'event=announcements_idle' "$FABRIC/leaf1/vtepd.log"
for table in set_bridge_fdb delete_bridge_fdb set_vxlan_fdb delete_vxlan_fdb add_flood delete_flood \
  set_neighbor delete_neighbor; do
  check_equal "$table" 0 "$(counter leaf1 "kernel_writes.$table")"
done
check_equal "leaf1: nothing was refused" "" "$(ctl leaf1 show failures -j | grep -o '"reason":[^,]*')"
lab_verdict "evpn = kernel, recipe $1"
