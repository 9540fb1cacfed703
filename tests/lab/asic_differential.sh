#!/bin/bash
# The kernel's bridge and vxlan devices, and libsoftsai, given one state by vtepd, send the same frames out of the
# same ports, bonds among them: switches, tables and frames are made from seeds (asic_differential.py).
# lab: 1 2
# long: 3 27
# long: 28 52
# long: 53 77
# long: 78 102
# long: 103 127
# long: 128 152
# long: 153 177
# long: 178 202
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
differential=$LAB/asic_differential.py
export VTEPCTL=$BIN/vtepctl VTEPD_CONTROL=$FABRIC/asic/vtepd.sock

install_programs "$BUILD"
chmod 666 /dev/net/tun

# wire_switch FOLDER: the same ports in the namespaces `kernel` and `asic`, their other ends in `wires`.
wire_switch() {
  local namespace
  mapfile -t ASIC_PORTS <"$1/ports"
  for namespace in wires kernel asic; do
    ip netns add "$namespace"
    ip -n "$namespace" link set lo up
    make_run_folder "$namespace"
  done
  on wires sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  ip -n wires -batch "$1/links"
  for wire in "${ASIC_PORTS[@]/#/wire-}"; do
    on asic bash -c 'echo 1 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6"' wire "$wire"
  done
}

# give_state FOLDER: what both get alike, by vtepd and beside it.
give_state() {
  local namespace
  cp "$1/interfaces" "$FABRIC/kernel/interfaces"
  cp "$1/interfaces" "$FABRIC/asic/interfaces"
  ASIC='' start_vtepd kernel --evpn kernel --relay none --sai-library none
  mapfile -t profile_lines <"$1/profile"
  ASIC=1 start_vtepd asic --evpn kernel --relay none --sai-library "$BIN/libsoftsai.so"
  for namespace in kernel asic; do
    wait_until "$namespace: vtepd has written everything" 20 is_made "$namespace" || return
    wait_until "$namespace: every port has a carrier" 20 ports_are_up "$namespace" || return
    check "$namespace: routes and neighbours" ip -n "$namespace" -batch "$1/addresses"
    check "$namespace: entries of other tunnel ends" bridge -n "$namespace" -batch "$1/entries"
  done
  wait_until "what the kernel has is in the ASIC" 20 asic_has_all
}
is_made() { counter_is "$1" synced 1 && [[ $(ctl "$1" show failures | tail -n +2) == "" ]]; }
ports_are_up() {
  [[ $(ip -n "$1" -br link show up | grep -Ec '^(swp|uplink)[^ ]* +(UP|UNKNOWN) ') == "${#ASIC_PORTS[@]}" ]] &&
    ! ip -n "$1" -br link show type bond | grep -qv ' UP '
}
# The audit asks the library.
asic_has_all() { counter_is asic asic_synced 1 && ctl asic audit; }

for ((seed = $1; seed <= $2; seed++)); do
  step "seed $seed"
  folder=/run/differential
  python3 "$differential" make "$seed" "$folder"
  wire_switch "$folder"
  if give_state "$folder"; then
    # Not by check: what it says is worth reading where all is well, too.
    if on wires python3 "$differential" run "$seed"; then
      pass "seed $seed: the same frames come out of the same ports"
    else
      fail "seed $seed: the same frames come out of the same ports"
      ctl asic show failures
      paste -sd' ' "$folder/profile"
      cat "$folder"/{interfaces,addresses,entries} | indent
    fi
  fi
  check_complaints
  for namespace in kernel asic wires; do
    kill_daemon "$namespace" vtepd
    ip netns del "$namespace"
    rm -rf "${FABRIC:?}/$namespace"
  done
done
lab_verdict "kernel and ASIC are the same, seeds $1 to $2"
