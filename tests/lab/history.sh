#!/bin/bash
# What happened, as vtepctl tells it: a host moves from leaf to leaf, and `history mac` on both tells
# it whole, in order, with who did it, why, and how soon; a hand that deletes and overwrites entries is
# told apart from vtepd's; `monitor` shows it live and ends when vtepd does. All of it is recorded, and
# `vtepd --replay` decides it again, on both leaves, as it was.
# lab: 2
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
vtepd_options+=(--record "$FABRIC/%LEAF%/recording")
lab_fabric "$1"
device=vxlan0 vni=(src_vni 10010)
mac=$ROAMER_MAC

# in_order "sentence" FILE PATTERN...: lines that match stand there one after the other.
in_order() {
  local what=$1 file=$2 pattern from=1 line
  shift 2
  for pattern; do
    line=$(tail -n "+$from" "$file" | grep -nEm 1 -- "$pattern" | cut -d: -f1)
    if [[ ! $line ]]; then
      check "$what: $pattern" false
      indent <"$file"
      return
    fi
    from=$((from + line))
  done
  check "$what: $# lines stand in order" true
}
tell() { ctl "$1" history mac "$2" >"$FABRIC/$1/history" 2>&1; }
told() { tell "$1" "$mac" && grep -qE -- "$2" "$FABRIC/$1/history"; }

step "somebody listens on leaf1"
# Through a pipe, as most will: each line must come at once.
ctl leaf1 monitor >"$FABRIC/leaf1/monitor" &
text=$!
ctl leaf1 monitor -j >"$FABRIC/leaf1/monitor.json" &
listens() { grep -q '^{"schema":2,"stream":true}$' "$FABRIC/leaf1/monitor.json"; }
wait_until "vtepd streams to it" 10 listens

step "a host appears at leaf1 and moves to leaf2"
is_local() { fdb "$1" | grep -q "^$mac dev swp4 vlan 10 master bridge"; }
roam_to leaf1
wait_until "it is at leaf1" 10 is_local leaf1
wait_until "and behind leaf1 for leaf2" 10 has_remote_mac leaf2 "$mac" 10 "$(loopback_of leaf1)"
roam_to leaf2
wait_until "it is at leaf2" 10 is_local leaf2
wait_until "and behind leaf2 for leaf1" 10 has_remote_mac leaf1 "$mac" 10 "$(loopback_of leaf2)"
wait_until "the ASIC of leaf1 was told, too" 10 told leaf1 "to-asic   $mac vlan 10 dst 10.0.0.12"
wait_until "and BGP has confirmed what it announced" 10 told leaf1 "to-bgp    Deleted $mac vni 10010"
wait_until "and that of leaf2" 10 told leaf2 "to-asic   $mac vlan 10 dev swp4"

step "its history"
after='  cause=[a-z]+ latency=[0-9]+\.[0-9]{3}ms$'
tell leaf1 00-00-00-BB-00-44
in_order "on the leaf that it left" "$FABRIC/leaf1/history" \
  "kernel    $mac dev swp4 vlan 10 master bridge  by=kernel$" \
  "to-bgp    $mac vni 10010 seq [0-9]+  rule=\"only local [(]RFC 7432 9.1[)]\"  cause=kernel" \
  "host      $mac announced dst 10.0.0.12" \
  "to-kernel bridge fdb replace $mac dev $device dst 10.0.0.12 .*rule=\"announced in the tunnel.*cause=host" \
  "kernel    $mac dev $device vlan 10 extern_learn master bridge  by=vtepd$" \
  "to-asic   $mac vlan 10 dst 10.0.0.12  cause=kernel" \
  "bgp       $mac (ip [0-9.]+ )?vni 10010 dst 10.0.0.12 seq 1" \
  "to-bgp    Deleted $mac vni 10010  rule=\"only remote [(]RFC 7432 9.2.2[)]\"  cause=bgp"
tell leaf2 0000.00bb.0044
in_order "on the leaf that it came to" "$FABRIC/leaf2/history" \
  "bgp       $mac (ip [0-9.]+ )?vni 10010 dst 10.0.0.11 seq 0" \
  "to-kernel bridge fdb replace $mac .*rule=\"only remote [(]RFC 7432 9.2.2[)]\"$after" \
  "kernel    $mac dev $device .*by=vtepd$" \
  "to-asic   $mac vlan 10 dst 10.0.0.11" \
  "kernel    $mac dev swp4 vlan 10 master bridge  by=kernel$" \
  "to-bgp    $mac vni 10010 seq 1  rule=\"higher sequence.*$after" \
  "to-asic   $mac vlan 10 dev swp4"
indent <"$FABRIC/leaf2/history"
check_equal "as JSON it has as many rows" "$(grep -c '^\[' "$FABRIC/leaf2/history")" \
  "$(ctl leaf2 history mac "$mac" -j | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["rows"]))')"
check_equal "in its VLAN it is the same" "$(<"$FABRIC/leaf2/history")" \
  "$(ctl leaf2 history mac "$mac" vlan 10)"
check_equal "in another VNI there is none" "" "$(ctl leaf2 history mac "$mac" vni 10020)"
check_equal "the newest events are as many as asked for" 7 "$(ctl leaf2 show events --count 7 | wc -l)"

step "entries deleted and overwritten by hand on leaf1"
on leaf1 bridge fdb del "$mac" dev "$device" vlan 10 master
wait_until "the bridge half is back" 1 has_remote_mac leaf1 "$mac" 10 10.0.0.12
on leaf1 bridge fdb replace "$mac" dev "$device" dst 10.0.0.99 "${vni[@]}" self
wait_until "so is the vxlan half" 1 has_remote_mac leaf1 "$mac" 10 10.0.0.12
overwritten="kernel    $mac dev $device dst 10.0.0.99 .*by=other$"
wait_until "both were noticed" 5 told leaf1 "$overwritten"
in_order "who did what" "$FABRIC/leaf1/history" \
  "to-asic   $mac vlan 10 dst 10.0.0.12" \
  "kernel    Deleted $mac dev $device vlan 10 extern_learn master bridge  by=other$" \
  "to-kernel bridge fdb replace $mac dev $device master vlan 10 .*cause=kernel" \
  "kernel    $mac dev $device vlan 10 extern_learn master bridge  by=vtepd$" \
  "$overwritten" \
  "to-kernel bridge fdb replace $mac dev $device dst 10.0.0.12 .*cause=kernel" \
  "kernel    $mac dev $device dst 10.0.0.12 .*by=vtepd$"

step "who listened has seen all of it"
seen_live() { grep -qE "to-kernel bridge fdb replace $mac dev $device dst 10.0.0.12 .*cause=kernel" "$FABRIC/leaf1/monitor"; }
wait_until "in its monitor" 5 seen_live
check_equal "the same lines as in the history" "$(grep "$mac" "$FABRIC/leaf1/history")" \
  "$(grep "$mac" "$FABRIC/leaf1/monitor" | head -n "$(grep -c "$mac" "$FABRIC/leaf1/history")")"
check "each line of -j is an object of its own" python3 -c '
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert rows[0] == {"schema": 2, "stream": True}, rows[0]
writes = [row for row in rows[1:] if row["layer"] == "to-kernel" and row.get("mac") == sys.argv[2]]
assert writes and all(row["latency_us"] < 10_000_000 for row in writes), writes
' "$FABRIC/leaf1/monitor.json" "$mac"

for leaf in "${LEAVES[@]}"; do ctl "$leaf" show events --count 100000 -j >"$FABRIC/$leaf/events"; done

step "leaf2 is recorded anew, while it runs"
overlay=$(overlay_state leaf2)
check "the recording since its start ends" ctl leaf2 record off
check_not "there is none to end now" ctl leaf2 record off
check_not "another's file is not overwritten" ctl leaf2 record "$FABRIC/leaf2/interfaces"
check "one begins" ctl leaf2 record "$FABRIC/leaf2/second"
check_not "and no second one beside it" ctl leaf2 record "$FABRIC/leaf2/third"
knows_routes() { ctl leaf2 show stats | grep -q '^synced  *1' && ctl leaf2 show peers | grep -q '^bgpd .*up$'; }
wait_until "leaf2 has its routes again" 10 knows_routes
check_equal "its tables are as before" "$overlay" "$(overlay_state leaf2)"
check_equal "without a write" 0 "$(ctl leaf2 show stats | awk '$1 == "kernel_writes" { print $2 }')"
check "its history is still there" told leaf2 "to-asic   $mac vlan 10 dev swp4"
roam_to leaf1
wait_until "the host moves to leaf1" 10 has_remote_mac leaf2 "$mac" 10 "$(loopback_of leaf1)"
roam_to leaf2
wait_until "and back" 10 is_local leaf2
check "the recording ends" ctl leaf2 record off
"$BIN/vtepd" --replay "$FABRIC/leaf2/second" >"$FABRIC/leaf2/replay2" 2>&1
check_equal "replayed, every operation is as recorded" 0 $?
check "both moves are in it" bash -c "(( \$(grep -c 'to-bgp .*$mac' '$FABRIC/leaf2/replay2') >= 2 ))"
tail -n 1 "$FABRIC/leaf2/replay2" | indent

step "what resources tells of sockets"
ctl leaf2 show resources | grep socket | indent
for socket in netlink relay control; do
  check "$socket" bash -c "'$BIN/vtepctl' --socket '$FABRIC/leaf2/vtepd.sock' show resources | grep -qE '^socket.$socket +[0-9]+ +[1-9][0-9]+ '"
done

step "vtepd ends"
kill_daemon leaf1 vtepd
wait "$text"
check_equal "the monitor ends with status 3" 3 $?

# replayed LEAF: what the journal has of writes and words to bgpd stands in the replay, line by line, in
# order; only what came after the journal was read may follow.
replayed() {
  python3 - "$FABRIC/$1" <<'PYTHON'
import json, re, sys
folder = sys.argv[1]
for layer in ("to-kernel", "to-bgp"):
    journal = [row["text"] for row in json.load(open(folder + "/events"))["rows"] if row["layer"] == layer]
    replay = [m.group(1) for m in re.finditer(rf"^ [0-9.]+ {layer} +(.*?)(?:  refused=.*)?$",
                                              open(folder + "/replay").read(), re.M)]
    if layer == "to-kernel":  # of links the journal does not tell
        replay = [text for text in replay if re.match(r"bridge fdb|ip (-6 )?neigh", text)]
    print(f"{layer}: {len(journal)} in the journal, {len(replay)} replayed")
    assert len(journal) > 5 and replay[:len(journal)] == journal, (journal, replay)
PYTHON
}
for leaf in "${LEAVES[@]}"; do
  step "what $leaf recorded, replayed"
  "$BIN/vtepd" --replay "$FABRIC/$leaf/recording" >"$FABRIC/$leaf/replay" 2>"$FABRIC/$leaf/replay.log"
  check_equal "every operation is as recorded: status 0" 0 $?
  check "it says so" grep -qE '^[0-9]+ inputs in [0-9.]+ s, [0-9]+ operations: all as recorded' "$FABRIC/$leaf/replay"
  check "the journal tells of the same, in the same order" replayed "$leaf"
  grep -v '^ ' "$FABRIC/$leaf/replay" | indent
done
note "bytes: $(wc -c <"$FABRIC/leaf1/recording")"
lab_verdict "history, monitor, replay, recipe $1"
