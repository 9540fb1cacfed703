#!/bin/bash
# Hosts as they are: silent ones (C1), ones that move and say so (C2, C3), suppression that cannot work
# (C4), two that claim one address, and one that floods (B3). No SVI has an address, and VLAN 20 of leaf2
# has no SVI at all: what is known of hosts is what they say.
# lab: 1
# alone: gaps of some 10 ms are measured
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
recipe=$1
# Bridges forget a quiet MAC after 10 s, and hosts are asked after 4 s of silence. The roamer moves more
# often than a duplicate may (see moves.sh for those).
vtepd_options+=(--probe-interval 4 --duplicate-freeze no)
prepare() {
  local leaf
  add_roamer
  one_place_at_a_time
  for leaf in "${LEAVES[@]}"; do
    sed -i 's/^\( *\)bridge-stp off/&\n\1bridge-ageing 10/' "$FABRIC/$leaf/interfaces"
  done
  sed -i '/^\(auto\|iface\) bridge\.20$/d' "$FABRIC/leaf2/interfaces"
  # A silent host says nothing by itself: no IPv6.
  on host21 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
}
after_wiring=prepare
fabric_up "$BUILD" "$recipe" && wait_converged || {
  show_logs
  verdict "the fabric came up"
  exit 1
}

# knows LEAF ADDRESS MAC [VLAN]: the neighbour with which LEAF answers for a host of another leaf.
knows() { on "$1" ip neigh show "$2" dev "bridge.${4-10}" proto 94 | grep -q "$3.*extern_learn.*NOARP"; }
# told LEAF ADDRESS MAC: LEAF has told BGP of its own host.
told() { ctl "$1" show neigh | grep -F "$2 " | grep "$3" | grep -q 'local seq'; }
# stays "sentence" SECONDS COMMAND...: COMMAND holds all the time.
stays() {
  local sentence=$1 end=$(($(tenths) + $2 * 10))
  shift 2
  while "$@" && (($(tenths) < end)); do sleep 0.2; done
  check "$sentence" "$@"
}
counter_above() { (($(counter "$1" "$2") > $3)); }
answers_for() { # answers_for ASKER ADDRESS MAC
  on "$1" arping -c 1 -w 2 -I eth0 "$2" | grep -qi "\[$3\]"
}

heard() {
  local host
  step "a host's first word is a route and a neighbour; no SVI needs an address, or to be there"
  for host in host{1,2}{1,2,3}; do on "$host" arping -q -c 1 -A -I eth0 "$(address_of "$host")"; done
  wait_until "leaf1 knows host21" 5 knows leaf1 "$(address_of host21)" "$(mac_of host21)"
  wait_until "leaf1 knows host23, in whose VLAN leaf2 has no SVI" 5 \
    knows leaf1 "$(address_of host23)" "$(mac_of host23)" 20
  check "leaf2 shows host23" told leaf2 "$(address_of host23)" "$(mac_of host23)"
  ip -n host11 addr add 172.16.0.70/32 dev eth0
  on host11 arping -q -c 1 -A -I eth0 172.16.0.70
  wait_until "a new address is told within a second" 1 told leaf1 172.16.0.70 "$(mac_of host11)"
  ip -n host11 addr add 2001:db8::70/64 dev eth0 nodad
  on host11 ping -q -c 1 -W 1 -I 2001:db8::70 2001:db8::99 >/dev/null
  wait_until "an IPv6 address is, too" 1 told leaf1 2001:db8::70 "$(mac_of host11)"
  on host11 arping -q -c 1 -w 1 -D -I eth0 172.16.0.77
  check_not "an address that is only being asked about makes no host" \
    grep -q '^172\.16\.0\.77 ' <(ctl leaf1 show neigh)
}

silent_host() {
  local writes=()
  step "C1: a host that says nothing stays known for as long as it answers"
  wait_until "leaf1 is in sync" 10 counter_is leaf1 synced 1
  for leaf in "${LEAVES[@]}"; do writes+=("$(counter "$leaf" kernel_writes)"); done
  stays "host21 is known to leaf1 for 15 s, with an ageing of 10 s" 15 \
    knows leaf1 "$(address_of host21)" "$(mac_of host21)"
  check "its MAC is, too" has_remote_mac leaf1 "$(mac_of host21)" 10 "$(loopback_of leaf2)"
  check "leaf2 has asked its hosts meanwhile" counter_above leaf2 hosts_asked 5
  check_equal "at rest nothing is written: questions and answers change no entry" "${writes[*]}" \
    "$(counter leaf1 kernel_writes) $(counter leaf2 kernel_writes)"
  ip -n host22 link set eth0 arp off
  on host22 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
  wait_until "host22, which answers no more, is withdrawn" 15 \
    not knows leaf1 "$(address_of host22)" "$(mac_of host22)"
  ip -n host22 link set eth0 arp on
  on host22 arping -q -c 1 -A -I eth0 "$(address_of host22)"
  wait_until "and is back with its first word" 5 knows leaf1 "$(address_of host22)" "$(mac_of host22)"
}

announced() {
  step "C2: a host that moves and says so is a route of the other leaf at once, suppression or not"
  roam_to leaf1
  wait_until "leaf1 has told of the roamer within a second" 1 told leaf1 "$ROAMER_ADDRESS" "$ROAMER_MAC"
  wait_until "leaf2 knows it" 5 knows leaf2 "$ROAMER_ADDRESS" "$ROAMER_MAC"
  roam_to leaf2
  wait_until "leaf2 has told of it within a second" 1 told leaf2 "$ROAMER_ADDRESS" "$ROAMER_MAC"
  wait_until "leaf1 knows it" 5 knows leaf1 "$ROAMER_ADDRESS" "$ROAMER_MAC"
  check "host12 reaches it" ping_from host12 roamer
}

moving() {
  step "the gap of a host that moves to another leaf and says so"
  gap "away from the asking host's leaf" host12 leaf1 leaf2 announced 3
  gap "to the asking host's leaf" host22 leaf1 leaf2 announced 3
  step "a silent host is back with its first frame, of whatever kind"
  gap "away from the asking host's leaf" host12 leaf1 leaf2 silent 10
}

failed_over() {
  step "C3: an address that moves to another MAC, announced, is answered with the new MAC"
  local v4=172.16.0.50 v6=2001:db8::50
  ip -n host11 addr add $v4/24 dev eth0
  on host11 arping -q -c 1 -A -I eth0 $v4
  wait_until "leaf2 knows it behind host11" 5 knows leaf2 $v4 "$(mac_of host11)"
  ip -n host11 addr del $v4/24 dev eth0
  ip -n host22 addr add $v4/24 dev eth0
  on host22 arping -q -c 1 -A -I eth0 $v4
  wait_until "leaf2 has told of the new place within a second" 1 told leaf2 $v4 "$(mac_of host22)"
  wait_until "leaf1 answers for it with host22's MAC" 5 answers_for host12 $v4 "$(mac_of host22)"
  step "C3: the same with an unsolicited neighbour advertisement"
  on host22 sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0
  on host11 sysctl -qw net.ipv6.conf.eth0.ndisc_notify=1
  on host22 sysctl -qw net.ipv6.conf.eth0.ndisc_notify=1
  ip -n host11 addr add $v6/64 dev eth0
  wait_until "leaf2 knows it behind host11" 8 knows leaf2 $v6 "$(mac_of host11)"
  ip -n host11 addr del $v6/64 dev eth0
  ip -n host22 addr add $v6/64 dev eth0
  wait_until "leaf1 knows it behind host22" 8 knows leaf1 $v6 "$(mac_of host22)"
}

idle_suppression() {
  step "C4: suppression that cannot work is said"
  check "leaf2 shows why vxlan-20 answers nobody" \
    grep -q '^vxlan-20 .*neigh_suppress: VLAN 20 has no SVI' <(ctl leaf2 show port)
  wait_until "and has logged it" 25 \
    grep -q 'event=suppression_idle port=vxlan-20 ' "$FABRIC/leaf2/vtepd.log"
  check_not "leaf1 has nothing to say" grep -q 'event=suppression_idle' "$FABRIC/leaf1/vtepd.log"
}

conflict() {
  step "two hosts with one address are noticed"
  local host
  for host in host11 host12; do ip -n $host addr add 172.16.0.60/32 dev eth0; done
  for host in host11 host12 host11 host12; do on $host arping -q -c 1 -A -I eth0 172.16.0.60; done
  wait_until "the conflict is logged" 5 \
    grep -q 'event=ip_conflict vni=10010 ip=172.16.0.60 ' "$FABRIC/leaf1/vtepd.log"
  for host in host11 host12; do ip -n $host addr del 172.16.0.60/32 dev eth0; done
}

full_table() {
  step "a neighbour table that is 80 % full raises an alarm"
  local held was
  held=$(counter leaf1 neighbors_ipv4) was=$(sysctl -n net.ipv4.neigh.default.gc_thresh3)
  check_equal "no alarm yet" 0 "$(counter leaf1 neighbors_alarm)"
  sysctl -qw net.ipv4.neigh.default.gc_thresh3=$((held + held / 10 + 1))
  wait_until "leaf1 raises it" 15 grep -q 'event=neighbor_table_filling .*over_80_percent=yes' "$FABRIC/leaf1/vtepd.log"
  sysctl -qw net.ipv4.neigh.default.gc_thresh3="$was"
}

restarted() {
  local monitor
  step "a vtepd that restarts believes what it told before"
  nsenter --net=/run/netns/leaf1 ip monitor neigh >/run/neigh &
  monitor=$!
  restart leaf2 vtepd
  wait_until "leaf2: vtepd has taken over after SIGKILL" 60 settled leaf2
  kill $monitor
  check_not "leaf1 never lost one of leaf2's hosts" grep -E '^Deleted 172\.16\.0\.2[123] ' /run/neigh
  check "leaf1 still knows host23" knows leaf1 "$(address_of host23)" "$(mac_of host23)" 20
}

heals() { on leaf1 ip neigh del "$1" dev bridge.10; wait_until "$2" 1 knows leaf1 "$1" "$(mac_of host21)"; }
flood() {
  step "B3: an ARP flood delays nothing by a second, and takes a bounded table"
  local flooder pid round
  pid=$(pid_of leaf1 vtepd)
  ip -n host12 link add link eth0 name eth1 address 00:00:00:bb:00:72 type macvlan mode bridge
  ip -n host12 link set eth1 up
  ip -n host12 addr add 172.16.0.72/32 dev eth1
  nsenter --net=/run/netns/host12 "$LAB/arp_flood.py" eth0 8 >/run/flooded &
  flooder=$!
  wait_until "the flood is limited" 10 counter_above leaf1 snooped_limited 500
  wait_until "its host is left out" 10 counter_above leaf1 snooped_storms 0
  for round in 1 2 3; do
    heals "$(address_of host21)" "round $round: an entry deleted by hand is back within a second"
  done
  ip -n host11 addr add 172.16.0.71/32 dev eth0
  on host11 arping -q -c 1 -A -I eth0 172.16.0.71
  wait_until "another port's new host is told within a second" 1 told leaf1 172.16.0.71 "$(mac_of host11)"
  on host12 arping -q -c 1 -A -I eth1 172.16.0.72
  wait_until "one behind the flooded port is, too" 1 told leaf1 172.16.0.72 00:00:00:bb:00:72
  wait $flooder
  note "$(</run/flooded) frames; limited: $(counter leaf1 snooped_limited), pauses: $(counter leaf1 snooped_pauses)"
  check "the log names the host" grep -q "event=host_floods port=swp2 mac=$(mac_of host12)" "$FABRIC/leaf1/vtepd.log"
  check_not "the table is bounded" counter_above leaf1 snooped_hosts 300
  check_equal "vtepd is the same process" "$pid" "$(pid_of leaf1 vtepd)"
  check "and alive" running leaf1 vtepd
  wait_until "the flood's addresses are gone when they do not answer" 100 \
    not counter_above leaf1 snooped_hosts 20
  # The guest has one CPU: host21 may have had none of it for its answers.
  on host21 arping -q -c 1 -A -I eth0 "$(address_of host21)"
  wait_until "and host21 is known as before" 5 knows leaf1 "$(address_of host21)" "$(mac_of host21)"
}

heard
silent_host
announced
moving
failed_over
idle_suppression
conflict
full_table
restarted
flood
check_in_sync leaf1
check_in_sync leaf2
lab_verdict "hosts, recipe $recipe"
