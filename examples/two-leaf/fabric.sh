# shellcheck shell=bash
# The two-leaf fabric as network namespaces: topology, daemons, and questions about them.
# Sourced by run and stop, and by the lab tests. See the drawing in README.md.
#
# Each switch and each host is a network namespace of its own. Everything it writes lies under
# FABRIC (sockets, pid files, logs, copies of the programs) and /run/frr/SWITCH.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
FABRIC=/run/vtepd
BIN=$FABRIC/bin
SWITCHES=(leaf1 leaf2 spine)
LEAVES=(leaf1 leaf2)
# host leaf port vlan address: one subnet for both VLANs, so that only the VLAN keeps them apart.
HOSTS=(
  "host11 leaf1 swp1 10 172.16.0.11"
  "host12 leaf1 swp2 10 172.16.0.12"
  "host13 leaf1 swp3 20 172.16.0.13"
  "host21 leaf2 swp1 10 172.16.0.21"
  "host22 leaf2 swp2 10 172.16.0.22"
  "host23 leaf2 swp3 20 172.16.0.23"
)
# shellcheck source=examples/two-leaf/check.sh
. "$HERE/check.sh"
# With ASIC=1 libsoftsai forwards: a leaf's wires are its own (wire-swp1, ...), and the kernel has TAPs of
# the ports' names. Ports in the order of their lanes.
ASIC=${ASIC-}
ASIC_PORTS=(swp1 swp2 swp3 uplink)

# on NAMESPACE COMMAND...: not `ip netns exec`, which would mount another /sys.
on() {
  local namespace=$1
  shift
  nsenter --net="/run/netns/$namespace" "$@"
}
ctl() {
  local leaf=$1
  shift
  "$BIN/vtepctl" --socket "$FABRIC/$leaf/vtepd.sock" "$@"
}
bgp() {
  local switch=$1
  shift
  "$(frr_program "$switch" vtysh)" -N "$switch" -c "$*" 2>/dev/null
}
# frr_program SWITCH NAME: its zebra, bgpd or vtysh.
frr_program() { if [[ $2 == vtysh ]]; then echo vtysh; else echo "/usr/lib/frr/$2"; fi; }
loopback_of() { case $1 in leaf1) echo 10.0.0.11 ;; leaf2) echo 10.0.0.12 ;; spine) echo 10.0.0.1 ;; esac; }
address_of() { host_field "$1" 5; }
vlan_of() { host_field "$1" 4; }
leaf_of() { host_field "$1" 2; }
host_field() { printf '%s\n' "${HOSTS[@]}" | awk -v host="$1" -v field="$2" '$1 == host { print $field }'; }
mac_of() { echo "00:00:00:bb:00:${1#host}"; }

# ---- the wires ----------------------------------------------------------------------------------

add_switch() {
  local switch=$1
  ip netns add "$switch"
  on "$switch" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  ip -n "$switch" link set lo up
  install -d -m 755 -o frr -g frr "/run/frr/$switch"
  make_run_folder "$switch"
}
# As systemd/tmpfiles.conf: the relay (frr) and vtepd share the folder by their group.
make_run_folder() { install -d -m 775 -o frr -g nogroup "$FABRIC/$1"; }

# A wire is nobody's but the ASIC's; what is at its other end must not leave segments to be cut by it.
wire_name() { if [[ $ASIC ]]; then echo "wire-$1"; else echo "$1"; fi; }
quiet_wire() {
  [[ $ASIC ]] || return 0
  on "$1" bash -c 'echo 1 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6"' wire "$(wire_name "$2")"
  ip -n "$3" link set "$4" gso_max_segs 1
}
# Where libsoftsai tells of a call that SAI does not allow; with ASIC=1 its ports, each with four lanes, and its wires.
profile_lines=() # a test's own
write_profile() {
  local lane=1 port
  {
    echo "SOFTSAI_COMPLAINTS=$FABRIC/$1/sai.complaints"
    [[ $ASIC ]] || return 0
    printf '%s\n' "${profile_lines[@]}"
    echo "SOFTSAI_PORTS=${#ASIC_PORTS[@]}"
    echo "vtepd.host-interfaces=1"
    for port in "${ASIC_PORTS[@]}"; do
      printf 'SOFTSAI_WIRE_%d=%s\nvtepd.port.%s=%d\n' "$lane" "$(wire_name "$port")" "$port" "$lane"
      lane=$((lane + 4))
    done
  } >"$FABRIC/$1/sai.profile"
}

add_host() {
  local host=$1 leaf=$2 port=$3 address=$5
  ip netns add "$host"
  ip link add "$(wire_name "$port")" netns "$leaf" address "00:00:00:aa:0${leaf#leaf}:0${port#swp}" type veth \
    peer name eth0 netns "$host" address "$(mac_of "$host")"
  quiet_wire "$leaf" "$port" "$host" eth0
  ip -n "$host" link set lo up
  ip -n "$host" link set eth0 up
  ip -n "$host" address add "$address/24" dev eth0
}

wire_fabric() {
  local switch host
  for switch in "${SWITCHES[@]}"; do add_switch "$switch"; done
  for switch in "${LEAVES[@]}"; do
    ip link add "$(wire_name uplink)" netns "$switch" mtu 9216 type veth \
      peer name "to-$switch" netns spine mtu 9216
    quiet_wire "$switch" uplink spine "to-$switch"
    ip -n spine link set "to-$switch" up
  done
  ip -n spine address add 10.0.0.1/32 dev lo
  ip -n spine address add 192.0.2.0/31 dev to-leaf2
  # shellcheck disable=SC2086 # a row of HOSTS is its words
  for host in "${HOSTS[@]}"; do add_host $host; done
}

# ---- the daemons --------------------------------------------------------------------------------

pid_file() {
  case $2 in
    zebra | bgpd) echo "/run/frr/$1/$2.pid" ;;
    *) echo "$FABRIC/$1/$2.pid" ;;
  esac
}
pid_of() { cat "$(pid_file "$1" "$2")" 2>/dev/null; }
running() {
  local pid
  pid=$(pid_of "$1" "$2") && [[ $pid && -d /proc/$pid ]] && ! grep -q '^State:.*Z' "/proc/$pid/status"
}

# background SWITCH DAEMON COMMAND...: what does not put itself into the background.
background() {
  local switch=$1 daemon=$2
  shift 2
  setsid nsenter --net="/run/netns/$switch" "$@" </dev/null >>"$FABRIC/$switch/$daemon.log" 2>&1 &
  echo $! >"$(pid_file "$switch" "$daemon")"
  disown
}

start_zebra() {
  printf 'hostname %s\nlog file %s/%s/zebra.log\n' "$1" "$FABRIC" "$1" >"$FABRIC/$1/zebra.conf"
  # -K: what a former zebra installed stays for a minute, until its clients have come back.
  start_frr "$1" zebra -K 60
}
bgpd_conf() { cat "$HERE/frr/$1.conf"; }
start_bgpd() {
  local relay=()
  [[ $1 == leaf* ]] && relay=(-z "$FABRIC/$1/zserv.api")
  bgpd_conf "$1" >"$FABRIC/$1/bgpd.conf"
  start_frr "$1" bgpd "${relay[@]}"
}
start_frr() {
  local switch=$1 daemon=$2 dir=$FABRIC/$1
  shift 2
  touch "$dir/$daemon.log"
  chown frr:frr "$dir/$daemon.conf" "$dir/$daemon.log"
  on "$switch" "$(frr_program "$switch" "$daemon")" -d -N "$switch" -f "$dir/$daemon.conf" -A 127.0.0.1 -P 0 \
    -i "$(pid_file "$switch" "$daemon")" "$@" >>"$dir/start.log" 2>&1
}
relay_command=() # what the relay is to run under; nothing here
vtepd_options=() # a test's own; %LEAF% in them is the leaf's name
hosts_are_heard=1 # empty where zebra tells BGP of hosts: it knows those that the kernel has spoken with
# Both run as their units have it: the relay as frr, vtepd with two capabilities and nothing else
# (as nobody here, so that the example adds no user to this machine).
start_relay() {
  local dir=$FABRIC/$1
  background "$1" vtepd-relay setpriv --reuid frr --regid nogroup --groups frr,frrvty \
    bash -c 'umask 007; exec "$@"' relay "${relay_command[@]}" \
    "$BIN/vtepd-relay" --listen "$dir/zserv.api" --zebra "/run/frr/$1/zserv.api" \
    --agent "$dir/evpn.sock" --revive "$(frr_program "$1" vtysh) -N $1 -c 'clear bgp *'"
}
# start_vtepd LEAF [OPTIONS...]: OPTIONS instead of the usual relay and SAI library.
start_vtepd() {
  local leaf=$1 dir=$FABRIC/$1
  shift
  (($#)) || set -- --relay "$dir/evpn.sock" --sai-library "$BIN/libsoftsai.so"
  write_profile "$leaf"
  background "$leaf" vtepd setpriv --reuid nobody --regid nogroup --clear-groups \
    --inh-caps=-all,+net_admin,+net_raw --ambient-caps=-all,+net_admin,+net_raw \
    --bounding-set=-all,+net_admin,+net_raw \
    "$BIN/vtepd" --interfaces "$dir/interfaces" --control "$dir/vtepd.sock" \
    --state-dir "$dir" --sai-profile "$dir/sai.profile" "${vtepd_options[@]//%LEAF%/$leaf}" "$@"
}
restart() {
  kill_daemon "$1" "$2"
  "start_${2#vtepd-}" "$1"
}

# kill_daemon SWITCH DAEMON [SIGNAL]: KILL unless told; returns when it is gone.
kill_daemon() {
  local pid
  pid=$(pid_of "$1" "$2") || return 0
  kill "-${3:-KILL}" "$pid" 2>/dev/null
  wait_gone "$pid" || { kill -KILL "$pid"; wait_gone "$pid"; }
}
wait_gone() {
  local tries
  for ((tries = 0; tries < 200; tries++)); do
    [[ -d /proc/$1 ]] || return 0
    grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null && return 0
    sleep 0.05
  done
  return 1
}

# ---- up and down --------------------------------------------------------------------------------

# install_programs BUILD: daemons drop root and could not read a clone below /root.
install_programs() {
  install -d "$BIN"
  install "$1/agent/vtepd" "$1/agent/vtepctl" "$1/evpn/vtepd-relay" "$1/hwsync/libsoftsai.so" "$BIN"
}

# fabric_up BUILD RECIPE
fabric_up() {
  local build=$1 recipe=$2 switch
  step "wiring two leaves, a spine and ${#HOSTS[@]} hosts (recipe $recipe)"
  install_programs "$build" && wire_fabric || return
  # As udev has it; the daemon makes TAPs with its capability alone.
  [[ ! $ASIC ]] || chmod 666 /dev/net/tun || return
  for switch in "${LEAVES[@]}"; do
    cp "$HERE/recipe$recipe/$switch.interfaces" "$FABRIC/$switch/interfaces"
  done
  ${after_wiring:-true} # a test's own additions
  fabric_start
}
fabric_start() {
  local switch
  step "starting vtepd, vtepd-relay, zebra and bgpd"
  for switch in "${LEAVES[@]}"; do start_vtepd "$switch"; done
  for switch in "${SWITCHES[@]}"; do start_zebra "$switch"; done
  for switch in "${LEAVES[@]}"; do start_relay "$switch"; done
  for switch in "${LEAVES[@]}"; do
    wait_until "$switch: the relay listens" 20 test -S "$FABRIC/$switch/zserv.api" || return
  done
  for switch in "${SWITCHES[@]}"; do start_bgpd "$switch"; done
}

# Stops what fabric_up started, by pid file and name; says nothing when there is nothing.
fabric_down() {
  local switch daemon host
  for switch in "${SWITCHES[@]}"; do
    for daemon in vtepd bgpd vtepd-relay zebra; do kill_daemon "$switch" "$daemon" TERM; done
    ip netns del "$switch" 2>/dev/null
    rm -rf "${FABRIC:?}/$switch" "/run/frr/$switch"
  done
  for host in "${HOSTS[@]}"; do ip netns del "${host%% *}" 2>/dev/null; done
  rm -rf "$BIN"
}
fabric_exists() { [[ -e /run/netns/leaf1 || -e /run/netns/spine ]]; }

# ---- questions ----------------------------------------------------------------------------------

fdb() { on "$1" bridge fdb show; }
# The two halves of a remote MAC, and a member of a flood list, as `bridge fdb` prints them.
has_bridge_half() { fdb "$1" | grep -q "^$2 dev vxlan[^ ]* vlan $3 .*extern_learn.*master bridge"; }
has_vxlan_half() { fdb "$1" | grep -q "^$2 dev vxlan[^ ]* dst $3 .*self.*extern_learn"; }
has_flood() { fdb "$1" | grep -q "^00:00:00:00:00:00 dev vxlan.* dst $2 .*self permanent"; }
has_remote_mac() { has_bridge_half "$1" "$2" "$3" && has_vxlan_half "$1" "$2" "$4"; }
# has_host LEAF HOST: the neighbour with which a leaf answers for another leaf's host.
has_host() {
  on "$1" ip neigh show "$(address_of "$2")" dev "bridge.$(vlan_of "$2")" proto 94 |
    grep -q "$(mac_of "$2").*NOARP"
}
has_no_trace() { ! fdb "$1" | grep "^$2 "; }
route_to() { on "$1" ip -4 route get "$2" | grep -q ' dev uplink '; }

# Everything EVPN has put into a leaf's kernel, sorted: equal states are equal texts. Without hosts'
# link-local addresses, which come and go as the hosts like.
overlay_state() {
  fdb "$1" | grep -E 'extern_learn|^00:00:00:00:00:00' | sed 's/ *$//' | sort
  on "$1" ip neigh show proto 94 | grep NOARP | grep -v '^fe80:' | sed 's/ *$//' | sort
}

ping_from() {
  local from=$1 to=$2
  on "$from" ping -q -c 1 -W 1 "$(address_of "$to")"
}
# Sent and not answered is ping's status 1; 2 would mean that it could not even send.
ping_unanswered() {
  ping_from "$@" >/dev/null
  (($? == 1))
}
hosts_of_vlan() { printf '%s\n' "${HOSTS[@]}" | awk -v vlan="$1" '$4 == vlan { print $1 }'; }

# pairs_of VLAN: "A B" for every two hosts of the VLAN, each pair once.
pairs_of() {
  local hosts a b
  mapfile -t hosts < <(hosts_of_vlan "$1")
  for ((a = 0; a < ${#hosts[@]}; a++)); do
    for ((b = a + 1; b < ${#hosts[@]}; b++)); do echo "${hosts[a]} ${hosts[b]}"; done
  done
}

peers_established() {
  local wanted=$1
  [[ $(bgp spine show bgp l2vpn evpn summary json | grep -c '"state":"Established"') == "$wanted" ]]
}

# By condition, in the order in which things come about, so that a failure names its cause.
wait_converged() {
  local leaf other
  step "waiting until BGP has converged"
  wait_until "spine: BGP sessions with both leaves are up" 60 peers_established 2 || return
  for leaf in "${LEAVES[@]}"; do
    other=$([[ $leaf == leaf1 ]] && echo leaf2 || echo leaf1)
    wait_until "$leaf: route to $other's tunnel end" 30 route_to "$leaf" "$(loopback_of "$other")" &&
      wait_until "$leaf: $other is in the flood lists" 30 \
        has_flood "$leaf" "$(loopback_of "$other")" || return
  done
}
# Every host says a word, so that its MAC is learned; then each leaf must know the other's hosts.
wait_macs() {
  local row host leaf port vlan address other
  step "waiting until each leaf knows the other's hosts"
  for row in "${HOSTS[@]}"; do
    read -r host leaf port vlan address <<<"$row"
    on "$host" arping -q -c 1 -A -I eth0 "$address" >/dev/null
  done
  for row in "${HOSTS[@]}"; do
    read -r host leaf port vlan address <<<"$row"
    other=$([[ $leaf == leaf1 ]] && echo leaf2 || echo leaf1)
    wait_until "$other: $host ($(mac_of "$host"), VLAN $vlan) is behind $leaf" 30 \
      has_remote_mac "$other" "$(mac_of "$host")" "$vlan" "$(loopback_of "$leaf")" || return
    [[ $hosts_are_heard ]] || continue
    wait_until "$other: and its address $address" 30 has_host "$other" "$host" || return
  done
}

check_pings() {
  local from to vlan
  for vlan in 10 20; do
    while read -r from to; do
      check "VLAN $vlan: $from reaches $to" ping_from "$from" "$to"
    done < <(pairs_of "$vlan")
  done
}
# packets LEAF LINK DIRECTION: its kernel counter, rx or tx.
packets() {
  on "$1" awk -v link="$2:" -v column="$([[ $3 == rx ]] && echo 3 || echo 11)" '$1 == link { print $column }' \
    /proc/net/dev
}
# What all vxlan devices of both leaves' kernels have sent and received.
vxlan_packets() {
  local leaf link sum=0
  for leaf in "${LEAVES[@]}"; do
    for link in $(on "$leaf" ls /proc/sys/net/ipv4/conf); do
      [[ $link == vxlan* ]] || continue
      sum=$((sum + $(packets "$leaf" "$link" rx) + $(packets "$leaf" "$link" tx)))
    done
  done
  echo "$sum"
}
# Both hosts know each other: what follows is known unicast, which the kernel must not see. What it may see
# meanwhile is some neighbour discovery of theirs, which is its own to answer.
check_offload() {
  local from=$1 to=$2 count=100 before seen
  on "$from" ip neigh replace "$(address_of "$to")" lladdr "$(mac_of "$to")" dev eth0 nud permanent
  on "$to" ip neigh replace "$(address_of "$from")" lladdr "$(mac_of "$from")" dev eth0 nud permanent
  before=$(vxlan_packets)
  check "$from reaches $to, $count times" on "$from" ping -q -c "$count" -i 0.01 -W 1 "$(address_of "$to")"
  seen=$(($(vxlan_packets) - before))
  check "none of these $((2 * count)) packets passed a vxlan device of a kernel (others: $seen)" test "$seen" -lt 10
}
check_isolation() {
  local from to
  for from in $(hosts_of_vlan 10); do
    for to in $(hosts_of_vlan 20); do
      check "VLAN 10 and 20 are apart: $from does not reach $to" ping_unanswered "$from" "$to"
    done
  done
}
