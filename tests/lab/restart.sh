#!/bin/bash
# restart.sh RECIPE DAEMON [frr10]: a daemon of leaf1 is killed (SIGKILL) and started again under traffic, while
# the world changes behind leaf2. Afterwards nothing is stale and nothing is missing.
#
# Forwarding meanwhile: vtepd's death nobody notices. When bgpd dies, leaf1 goes on sending, but FRR's
# graceful restart does not cover EVPN: the peers withdraw leaf1's MACs until it is back. zebra or an
# unkept relay cost one `clear bgp *` after bgpd's reconnect.
# long: 1 vtepd
# lab: 1 bgpd
# lab: 1 zebra
# lab: 1 relay
# lab: 1 kept-relay
# lab: 2 vtepd
# long: 2 bgpd
# long: 2 zebra
# long: 2 relay
# long: 2 kept-relay
# long: 1 bgpd frr10
# long: 1 zebra frr10
# long: 2 relay frr10
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
recipe=$1 daemon=$2
[[ ${3-} != frr10 ]] || use_frr frr10 "${SWITCHES[@]}"

# As systemd does it: the relay's sockets outlive it in fd_keeper's store, which starts it again.
if [[ $daemon == kept-relay ]]; then
  install -d -m 1777 "$FABRIC/tmp" # its socket: not on hostfs
  install "$LAB/fd_keeper.py" "$FABRIC"
  relay_command=(env TMPDIR="$FABRIC/tmp" python3 "$FABRIC/fd_keeper.py" --)
fi
lab_fabric "$recipe"
roam_to leaf1
wait_until "the roamer is behind leaf1" 10 ping_from host22 roamer

# While a daemon of leaf1 is away: host22 goes silent for good, the roamer moves to leaf2.
world_changes() {
  ip -n host22 link set eth0 down
  roam_to leaf2
  wait_until "meanwhile, leaf2 has lost host22" 10 has_no_trace leaf2 "$(mac_of host22)"
}
world_is_back() {
  ip -n host22 link set eth0 up
  roam_to leaf1
  on host22 arping -q -c 1 -A -I eth0 "$(address_of host22)"
  wait_until "leaf1 has host22 again" 20 \
    has_remote_mac leaf1 "$(mac_of host22)" 10 "$(loopback_of leaf2)"
  wait_until "and its address" 20 has_host leaf1 host22
  wait_until "the roamer is back behind leaf1" 20 ping_from host21 roamer
}
# What leaf1 must know of the changed world, and no more: host21, host23, the roamer (each of them two
# halves and an address), two flood lists.
changed_world_known() {
  has_no_trace leaf1 "$(mac_of host22)" &&
    has_remote_mac leaf1 "$ROAMER_MAC" 10 "$(loopback_of leaf2)" &&
    [[ $(overlay_state leaf1 | wc -l) == 11 ]]
}
after_change() {
  wait_until "leaf1 knows the new world: nothing stale, nothing missing" "$1" changed_world_known ||
    overlay_state leaf1 | indent
  check "host11 reaches the roamer" ping_from host11 roamer
  world_is_back
  check_equal "leaf1's tables are as before" "$whole" "$(overlay_state leaf1)"
  check_in_sync leaf1
  check_in_sync leaf2
}

whole=$(overlay_state leaf1)
check_equal "leaf1 has three remote hosts (two halves and an address each) and two flood members" 11 "$(wc -l <<<"$whole")"

killed_vtepd() {
  local messages
  step "vtepd is killed and started: nobody notices"
  messages=$(bgp_messages)
  check "the spine counts BGP messages" test -n "$messages"
  traffic_start host11 host21
  restart leaf1 vtepd
  wait_until "vtepd has taken over" 60 settled leaf1
  check_no_loss "over a kill of vtepd"
  check_equal "BGP peers saw nothing" "$messages" "$(bgp_messages)"
  check_equal "nothing that was right was written again" 0 "$(counter leaf1 kernel_writes)"
  check_equal "leaf1's tables are as before" "$whole" "$(overlay_state leaf1)"

  step "vtepd is away while the world changes"
  kill_daemon leaf1 vtepd
  world_changes
  start_vtepd leaf1
  wait_until "vtepd has taken over" 60 settled leaf1
}

# In its first 120 s a bgpd says that it is restarting itself, and then FRR 8.4 does not wait for its
# routes: the restarted side drops what it had kept.
spine_is_settled() { [[ $(find "$(pid_file spine bgpd)" -not -newermt '125 seconds ago') ]]; }
# A new bgpd says that all its routes are told some 50 ms before it tells them, and zebra (8.4) then drops
# the old one's. A second, worse route bridges that gap of the underlay: what is looked at is the overlay.
second_route_to() {
  local leaf=$1 to=$2 route
  route=$(ip -n "$leaf" route show "$to/32" | grep -oE 'via .* dev [^ ]+')
  # shellcheck disable=SC2086 # words of ip's own
  ip -n "$leaf" route add "$to/32" $route metric 4000
}
killed_bgpd() {
  step "bgpd is killed and started"
  wait_until "the spine's own graceful restart is over" 130 spine_is_settled
  check "a second route to leaf2's tunnel end" second_route_to leaf1 "$(loopback_of leaf2)"
  one_way_start host11 host21
  kill_daemon leaf1 bgpd
  world_changes
  check_equal "leaf1 keeps what it had" "$whole" "$(overlay_state leaf1)"
  start_bgpd leaf1
  wait_until "spine: both sessions are up" 60 peers_established 2
  check_one_way "leaf1 went on forwarding to leaf2"
}

killed_zebra() {
  step "zebra is killed and started"
  traffic_start host11 host21
  kill_daemon leaf1 zebra
  world_changes
  start_zebra leaf1
  recovers "bgpd is with zebra again, and tells the new world"
}

killed_relay() {
  step "vtepd-relay is killed and started, without anybody who keeps its sockets"
  traffic_start host11 host21
  kill_daemon leaf1 vtepd-relay
  world_changes
  start_relay leaf1
  recovers "bgpd is with the relay again, and tells the new world"
}
recovers() {
  wait_until "$1" 90 changed_world_known
  wait_until "host11 reaches host21" 30 ping_from host11 host21
  traffic_stop
  note "lost $LOST of $SENT packets, one each 10 ms"
}

relay_restarted() { [[ $(pgrep -P "$(pid_of leaf1 vtepd-relay)") != "$1" ]] && counter_is leaf1 relay 1; }
killed_kept_relay() {
  local messages relay
  step "vtepd-relay is killed; its sockets are kept, and it is started again"
  messages=$(bgp_messages)
  relay=$(pgrep -P "$(pid_of leaf1 vtepd-relay)")
  check "the relay runs under its keeper" test -n "$relay"
  traffic_start host11 host21
  kill -KILL "$relay"
  wait_until "the relay is back, and vtepd with it" 30 relay_restarted "$relay"
  check_no_loss "over a kill of the kept relay"
  check_equal "BGP peers saw nothing" "$messages" "$(bgp_messages)"
  check_equal "leaf1's tables are as before" "$whole" "$(overlay_state leaf1)"
  world_changes
}

"killed_${daemon/-/_}"
after_change 60
lab_verdict "$daemon killed and started, recipe $recipe"
