# shellcheck shell=bash
# What the lab tests share beyond examples/two-leaf/fabric.sh. Sourced, not run; inside a guest.

LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=${VTEPD_BUILD:-$LAB/../../build/release}
# shellcheck source=examples/two-leaf/fabric.sh
. "$LAB/../../examples/two-leaf/fabric.sh"
[[ ${VTEPD_GUEST-} ]] || {
  echo "lab tests run in a guest: tests/lab/guest $0 $*" >&2
  exit 2
}

# How long entries of a former life wait for a route that claims them; two minutes unless told.
vtepd_options=(--stale-time 20)

# ---- the versions of FRR ------------------------------------------------------------------------

OTHER_FRR=() # switches with another FRR (tests/tools/fetch-frr) than this machine's
# use_frr FOLDER SWITCH...: below FABRIC, because daemons drop root and could not read a clone below /root.
use_frr() {
  OTHER_FRR=("${@:2}")
  mkdir -p "$FABRIC/frr" && mount --bind "$BUILD/$1" "$FABRIC/frr"
}
frr_program() {
  if [[ " ${OTHER_FRR[*]} " == *" $1 "* ]]; then
    echo "$FABRIC/frr/$2"
  elif [[ $2 == vtysh ]]; then
    echo vtysh
  else
    echo "/usr/lib/frr/$2"
  fi
}
# frr_family SWITCH: what vtepd-relay must have told its FRR from.
frr_family() { if [[ " ${OTHER_FRR[*]} " == *" $1 "* ]]; then echo "FRR 10.2-10.5"; else echo "FRR 8.4-9.0"; fi; }

# ---- one switch alone, for tests without BGP ----------------------------------------------------

# lone_switch FILE: a namespace `leaf1` with ports swp1.. as the goldens have them, and vtepd's file.
lone_switch() {
  local file=$1 port
  install_programs "$BUILD"
  ip netns add leaf1
  ip -n leaf1 link set lo up
  make_run_folder leaf1
  while read -r port; do
    ip -n leaf1 link add "swp$port" address "00:00:00:aa:00:0$port" type veth \
      peer name "h$port" address "00:00:00:bb:00:0$port"
    ip -n leaf1 link set "h$port" up
  done < <(grep -o 'swp[0-9]' "$file" | tr -d 'swp' | sort -u)
  cp "$file" "$FABRIC/leaf1/interfaces"
}
start_lone_vtepd() { start_vtepd leaf1 --relay none --sai-library none; }

# dump_state NAMESPACE: into the current folder, the dumps that canonical.py reads.
dump_state() {
  on "$1" bash -c '
    ip -j -d link show >ip-link.json
    ip -j addr show >ip-addr.json
    ip -j rule show >ip-rule.json
    ip -j -6 rule show >ip-rule6.json
    bridge -j vlan show >bridge-vlan.json
    bridge -j vlan tunnelshow >bridge-vlan-tunnel.json
    bridge -j fdb show >bridge-fdb.json
    bridge -j vni show >bridge-vni.json
    cd /proc/sys/net
    for link in $(ls ipv4/conf | grep -vE "^(all|default)$"); do
      for name in ipv4/conf/$link/{forwarding,arp_accept} \
        ipv6/conf/$link/{disable_ipv6,forwarding,accept_dad,dad_transmits,enhanced_dad,addr_gen_mode}; do
        [[ ! -e $name ]] || echo "$name=$(<"$name")" # a link of a small MTU has no IPv6
      done
      [[ ! -e mpls/conf/$link/input ]] || echo "mpls/conf/$link/input=$(<"mpls/conf/$link/input")"
    done >"$OLDPWD/sysctl.txt"'
}
canonical_state() {
  local folder
  folder=$(mktemp -d /run/dump.XXXX)
  (cd "$folder" && dump_state "$1")
  python3 "$LAB/canonical.py" "$folder"
  rm -rf "$folder"
}

state_is() { [[ $(canonical_state "$1") == "$2" ]]; }
# check_state NAMESPACE "sentence" WANTED. Carriers and link-local addresses follow a device by up to a
# second (the kernel's linkwatch): a state that is not there yet is waited for, and then shown.
check_state() {
  local began
  began=$(tenths)
  until state_is "$1" "$3" || (($(tenths) - began > 50)); do sleep 0.1; done
  check_equal "$2" "$3" "$(canonical_state "$1")"
}

# ---- questions to vtepd -------------------------------------------------------------------------

counter() { ctl "$1" show stats | awk -v name="$2" '$1 == name { print $2 }'; }
counter_is() { [[ $(counter "$1" "$2") == "$3" ]]; }
# A restarted vtepd has taken over: everything compared, no route or entry left in doubt.
settled() {
  counter_is "$1" synced 1 && counter_is "$1" stale_routes 0 && counter_is "$1" unclaimed_entries 0
}
# Whether all rows of a table are "in sync"; prints those that are not.
in_sync() {
  ctl "$1" show "$2" -j | python3 -c '
import json, sys
rows = [row for row in json.load(sys.stdin)["rows"] if row["state"] != "in sync"]
print(*rows, sep="\n")
sys.exit(bool(rows))'
}
# How a leaf's bgpd is asked for its own table.
vtysh_of() { echo "$(frr_program "$1" vtysh) -N $1"; }
check_in_sync() {
  local leaf=$1 table
  for table in vni mac flood neigh port; do
    wait_until "$leaf: every row of 'show $table' is in sync" 10 in_sync "$leaf" "$table"
  done
  check_equal "$leaf: nothing was refused" "" "$(ctl "$leaf" show failures -j | grep -o '"reason":[^,]*')"
  check "$leaf: kernel, ASIC and bgpd agree in every row (vtepctl audit)" ctl "$leaf" audit --vtysh "$(vtysh_of "$leaf")"
}

# ---- BGP, as the spine sees it ------------------------------------------------------------------

# Updates received and sessions lost, for each peer: equal texts mean that nobody noticed a thing.
bgp_messages() {
  bgp spine show bgp neighbors json | grep -E '"(updatesRecv|updatesSent|connectionsDropped)"' | tr -d ' ,'
}

# ---- traffic ------------------------------------------------------------------------------------

# traffic_start FROM TO: 100 pings a second until traffic_stop, which sets SENT, LOST.
traffic_start() {
  TO=$2
  ARRIVED_BEFORE=$(echoes_at "$2")
  nsenter --net="/run/netns/$1" ping -q -i 0.01 "$(address_of "$2")" >/run/traffic 2>&1 &
  TRAFFIC=$!
}
traffic_stop() {
  local received
  kill -INT "$TRAFFIC"
  wait "$TRAFFIC"
  read -r SENT received < <(sed -nE 's/^([0-9]+) packets transmitted, ([0-9]+) received.*/\1 \2/p' /run/traffic)
  LOST=$((SENT - received))
}
# Echo requests that a host's kernel has received.
echoes_at() { on "$1" awk '/^Icmp: [0-9]/ { print $10 }' /proc/net/snmp; }
have_arrived() { (($(echoes_at "$TO") - ARRIVED_BEFORE >= $1)); }
check_no_loss() {
  wait_until "200 packets have arrived" 20 have_arrived 200
  traffic_stop
  check_equal "$1: no packet lost (of $SENT, one each 10 ms)" 0 "$LOST"
}

# one_way_start FROM TO: the same, of which only the way there is looked at. FROM needs no answer of TO,
# not even to ARP.
one_way_start() {
  on "$1" ip neigh replace "$(address_of "$2")" lladdr "$(mac_of "$2")" dev eth0 nud permanent
  traffic_start "$1" "$2"
}
check_one_way() {
  wait_until "200 packets have arrived" 20 have_arrived 200
  traffic_stop
  check_equal "$1: every packet arrived (one each 10 ms)" "$SENT" $(($(echoes_at "$TO") - ARRIVED_BEFORE))
  note "answered: $((SENT - LOST))"
}

# ---- a host that roams --------------------------------------------------------------------------

# A host with a leg on port swp4 of either leaf, both with one MAC and always up: moving is only a
# matter of where its frames come from, as when a virtual machine moves.
ROAMER_MAC=00:00:00:bb:00:44
ROAMER_ADDRESS=172.16.0.44
address_of() { if [[ $1 == roamer ]]; then echo "$ROAMER_ADDRESS"; else host_field "$1" 5; fi; }
add_roamer() {
  local leaf leg
  ip netns add roamer
  # Only the leg that has the address may answer or ask.
  on roamer sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 \
    net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  for leaf in "${LEAVES[@]}"; do
    leg=${leaf/leaf/eth}
    ip link add swp4 netns "$leaf" address "00:00:00:aa:0${leaf#leaf}:04" type veth \
      peer name "$leg" netns roamer address "$ROAMER_MAC"
    ip -n roamer link set "$leg" up
    sed -i -E 's/^(    bridge-ports .*)/\1 swp4/' "$FABRIC/$leaf/interfaces"
    printf '\nauto swp4\niface swp4\n    bridge-access 10\n' >>"$FABRIC/$leaf/interfaces"
  done
}
roam_to() {
  local leg=${1/leaf/eth} leaf
  for leaf in "${LEAVES[@]}"; do ip -n roamer address flush dev "${leaf/leaf/eth}"; done
  ip -n roamer address add "$ROAMER_ADDRESS/24" dev "$leg"
  on roamer arping -q -c 1 -A -I "$leg" "$ROAMER_ADDRESS"
}

# What comes in by the leg that it has left is nobody's: the roamer is at one place at a time.
one_place_at_a_time() { on roamer sysctl -qw net.ipv4.conf.all.rp_filter=1; }
roamer_is_behind() { has_remote_mac "$1" "$ROAMER_MAC" 10 "$(loopback_of "$2")"; }
# gap "sentence" ASKER FROM TO HOW MOST: ASKER pings the roamer each 10 ms while it moves FROM leaf TO leaf,
# announced or silent; at most MOST are lost. An announcement leads the other leaves as soon as it has
# crossed the fabric. Without one the news passes three bgpds, and FRR's bgpd lets what it hears wait for
# 50 ms before it decides (the hold of its process queue): 60 to 90 ms were measured. A move that met a
# busy moment is tried again.
gap() {
  local sentence=$1 asker=$2 from=$3 to=$4 most=$6 tries=()
  while ((${#tries[@]} < 5)); do
    roam_to "$from"
    wait_until "$to: the roamer is behind $from" 5 roamer_is_behind "$to" "$from"
    wait_until "$asker reaches it" 5 ping_from "$asker" roamer
    traffic_start "$asker" roamer
    wait_until "pings arrive" 10 have_arrived 20
    on roamer "$LAB/slip_away.py" "${from/leaf/eth}" "${to/leaf/eth}" "$ROAMER_ADDRESS" "$5"
    ARRIVED_BEFORE=$(echoes_at roamer)
    wait_until "they arrive again" 10 have_arrived 50
    traffic_stop
    tries+=("$LOST")
    ((LOST > most)) || break
  done
  note "lost: ${tries[*]}"
  check "$sentence: at most $most packets, one each 10 ms, are lost" test "$LOST" -le "$most"
}

# lab_fabric RECIPE: the fabric with a roamer, converged; ends the script when it does not come up.
lab_fabric() {
  after_wiring=add_roamer
  fabric_up "$BUILD" "$1" && wait_converged && wait_macs && return
  ((${#CHECKS_FAILED[@]})) || fail "a command of the fabric's failed"
  show_logs
  verdict "the fabric came up"
  exit 1
}
show_logs() {
  local log
  for log in "$FABRIC"/*/*.log; do
    [[ -s $log ]] || continue
    step "$log"
    tail -n 25 "$log" | indent
  done
}
# Of each libsoftsai there was: its validator had nothing to say.
check_complaints() {
  local file switch
  for file in "$FABRIC"/*/sai.complaints; do
    [[ -e $file ]] || continue # nothing in this lab
    switch=${file%/*}
    check_equal "${switch##*/}: SAI's metadata allows every call of vtepd" "" "$(<"$file")"
  done
}
# The last line of a lab test: logs only when something failed.
lab_verdict() {
  check_complaints
  ((${#CHECKS_FAILED[@]})) && show_logs
  verdict "$1"
  exit $?
}
