#!/bin/bash
# vtepctl trace says where a frame goes, and real frames go there and nowhere else: bridged to a port,
# through the tunnel, flooded; who answers ARP; and what it says when the kernel's halves are out of
# step or the underlay is gone. Also fdb, whose lines are those of bridge.
# lab: 1
# long: 2
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
lab_fabric "$1"

# trace WORDS...: of leaf1, into $said; $? as vtepctl's.
trace() { said=$(ctl leaf1 trace "$@" 2>&1); }
verdict_is() {
  local what=$1 wanted=$2
  shift 2
  trace "$@"
  check "$what: $wanted" grep -qE -- "^=> $wanted" <<<"$said"
  indent <<<"$said"
}

# frames_of HOST: how many frames it has been sent, whomever they were for.
frames_of() { packets "$1" eth0 rx; }
# send MAC: 50 frames from host11 to it, one way; sets GOT[host] for the other hosts of VLAN 10.
declare -A GOT
send() {
  local host address=172.16.0.99
  on host11 ip neigh replace "$address" lladdr "$1" dev eth0 nud permanent
  for host in host12 host21 host22 host13; do GOT[$host]=$(frames_of "$host"); done
  on host11 ping -q -i 0.01 -c 50 -W 1 "$address" >/dev/null 2>&1
  for host in host12 host21 host22 host13; do GOT[$host]=$(($(frames_of "$host") - GOT[$host])); done
  on host11 ip neigh del "$address" dev eth0
}
# reached HOST...: these got all 50 frames, the others at most what hosts say by themselves.
reached() {
  local host wanted
  for host in host12 host21 host22 host13; do
    wanted='< 40'
    [[ " $* " == *" $host "* ]] && wanted='>= 50'
    check "$host was sent ${GOT[$host]} of 50 frames ($wanted)" eval "((${GOT[$host]} $wanted))"
  done
}

step "a remote host: through the tunnel"
remote=$(mac_of host21)
verdict_is "trace" "(kernel: )?unicast to VTEP 10.0.0.12 through uplink, next hop fe80::" vlan 10 mac "$remote" from swp1
check "no layer disagrees" trace vlan 10 mac "$remote" from swp1
check "it names the line of the file" grep -qE 'file .*VNI 10010 .*interfaces:[0-9]+' <<<"$said"
check "the route's time, and who wrote the halves" grep -qE 'bridge .*written by vtepd, since 20' <<<"$said"
check "the kernel's route is bgpd's" grep -qE 'underlay .*10.0.0.12/32 via fe80::.* dev uplink .*proto bgp' <<<"$said"
send "$remote"
reached host21

step "a host on another port of this leaf: bridged"
verdict_is "trace" "(kernel: )?bridged to swp2" vlan 10 mac "$(mac_of host12)" from swp1
send "$(mac_of host12)"
reached host12

step "nobody's MAC: flooded in its VLAN"
verdict_is "trace" "(kernel: )?flooded to .*, because the bridge has no entry" vlan 10 mac 0200.0000.0077 from swp1
check "to the port and the VTEP" eval 'grep -qE "flooded to .*swp2" <<<"$said" && grep -qE "flooded to .*VTEP 10.0.0.12 through uplink" <<<"$said"'
send 02:00:00:00:00:77
reached host12 host21 host22

step "an address: who answers ARP"
verdict_is "of a remote host" "(kernel: )?unicast to VTEP 10.0.0.12" vlan 10 ip "$(address_of host22)" from swp1
check "the bridge answers" grep -q "arp .*answered by the bridge with $(mac_of host22)" <<<"$said"
sent_before=$(vxlan_packets leaf1)
check_equal "and so it does: arping is answered with that MAC" "[$(mac_of host22 | tr a-f A-F)]" \
  "$(on host11 arping -c 3 -I eth0 "$(address_of host22)" | grep -oE '\[[0-9A-F:]+\]' | sort -u)"
note "packets through the tunnel meanwhile: $(($(vxlan_packets leaf1) - sent_before))"
verdict_is "of nobody" "(kernel: )?flooded to" vlan 10 ip 172.16.0.98 from swp1
check "everybody is asked" grep -q "arp .*flooded: no neighbour of bridge.10 has it" <<<"$said"

step "as JSON"
ctl leaf1 trace vlan 10 mac "$remote" -p >"$FABRIC/leaf1/trace.json"
check "its keys" python3 -c '
import json, sys
trace = json.load(open(sys.argv[1]))
assert trace["schema"] == 2 and trace["ok"] and trace["vni"] == 10010, trace
assert trace["verdict"]["action"] == "unicast", trace["verdict"]
layers = [step["layer"] for step in trace["steps"]]
for layer in ("file", "bgp", "decision", "bridge", "vxlan", "underlay"): assert layer in layers, layers
' "$FABRIC/leaf1/trace.json"

step "fdb prints what bridge prints"
# bridge prints more: what NICs filter, and states of learned entries in time; and the kernel hands the
# lines of the switch's own MACs from port to port without a word.
lines() { grep -vE ' permanent *$|^(33:33|01:)' "$1" | sed -E 's/ (stale|offload)//g; s/ +$//' | sort; }
on leaf1 bridge fdb show >"$FABRIC/leaf1/bridge"
on leaf1 bridge fdb show | grep '^00:00:00:00:00:00 ' | sed -E 's/ +$//' | sort >"$FABRIC/leaf1/bridge-flood"
ctl leaf1 fdb >"$FABRIC/leaf1/fdb"
grep '^00:00:00:00:00:00 ' "$FABRIC/leaf1/fdb" | sort >"$FABRIC/leaf1/fdb-flood"
check_equal "the entries" "$(lines "$FABRIC/leaf1/bridge")" "$(lines "$FABRIC/leaf1/fdb")"
check_equal "the flood lists" "$(<"$FABRIC/leaf1/bridge-flood")" "$(<"$FABRIC/leaf1/fdb-flood")"
check_equal "one bridge: both halves of what it forwards" "$(on leaf1 bridge fdb show br bridge | grep -c "^$remote ")" \
  "$(ctl leaf1 fdb br bridge mac "$remote" | wc -l)"
check_equal "filtered as bridge filters: one VLAN, one half" \
  "$(on leaf1 bridge fdb show | grep -c "^$remote .*master bridge")" "$(ctl leaf1 fdb mac "$remote" master | wc -l)"

step "an underlay that is gone"
ip -n leaf1 route add unreachable 10.0.0.12 metric 1
verdict_is "trace" "(kernel: )?dropped, because no route leads to VTEP 10.0.0.12" vlan 10 mac "$remote"
check_not "a layer disagrees, and the status says so" trace vlan 10 mac "$remote"
send "$remote"
reached
ip -n leaf1 route del unreachable 10.0.0.12 metric 1
check "it is back" trace vlan 10 mac "$remote"

step "a bug report, a watched table"
printf '#!/bin/sh\necho " neighbor 192.0.2.0 password hunter2"\n' >/run/vtysh && chmod +x /run/vtysh
check "the archive is made" ctl leaf1 support /run/report.tar.gz --vtysh /run/vtysh
check_equal "for its owner alone" 600 "$(stat -c %a /run/report.tar.gz)"
mkdir /run/report && tar -xzf /run/report.tar.gz -C /run/report
check "it has the MACs" grep -q "$remote" /run/report/vtepd/mac.json
check "and the kernel's tables" grep -q "LOOPBACK" /run/report/kernel/link
check "and says what it is made of, and of what something was left out" \
  grep -q '^frr/running-config .*secrets left out of 1 lines: /run/vtysh' /run/report/MANIFEST
check_equal "the password is nowhere in it" "" "$(grep -rl hunter2 /run/report)"
check "the interface files are those that vtepd reads" grep -q "^==> $FABRIC/leaf1/" /run/report/files/interfaces
ctl leaf1 --watch=1 show vni >/run/watched &
watching=$!
twice() { (($(grep -c '^every 1 s' /run/watched) >= 2 && $(grep -c '^10010' /run/watched) >= 2)); }
wait_until "a table that is watched is shown again" 10 twice
kill "$watching"
ctl leaf1 --watch=1 -j show vni >/run/watched_json &
watching=$!
two_answers() { (($(grep -c '"table":"vni"' /run/watched_json) >= 2)); }
wait_until "as JSON, too" 10 two_answers
kill "$watching"
check "which is nothing but JSON" eval "! grep -q every /run/watched_json"
for change in apply "audit --repair" "clear duplicates" "record off" confirm; do
  # shellcheck disable=SC2086 # words
  ctl leaf1 --watch=1 $change >/run/changed 2>&1
  check_equal "$change is not to be watched" "2 0" "$? $(grep -c '^every' /run/changed)"
done

step "who may ask, and what makes no sense"
as_nobody_else() { setpriv --reuid daemon --regid daemon --clear-groups "$BIN/vtepctl" "$@"; }
check_not "another user is refused" as_nobody_else --socket "$FABRIC/leaf1/vtepd.sock" trace vlan 10 mac "$remote"
ctl leaf1 trace vlan 10 2>/dev/null
check_equal "without a MAC it is misuse" 2 $?
ctl leaf1 show mac --vnis 3 2>/dev/null
check_equal "an option of another command is misuse" 2 $?
ctl leaf1 apply --confirm 0 2>/dev/null
check_equal "a change that is to be confirmed within no time is misuse" 2 $?
ctl leaf1 show mac state faild 2>/dev/null
check_equal "a state that there is not is misuse" 2 $?
check_equal "no events are there at once" "" "$(ctl leaf1 monitor --count 0)"
ctl leaf1 trace vlan 99 mac "$remote" 2>/dev/null
check_equal "a VLAN that is not there is refused" 1 $?
if [[ $1 == 1 ]]; then
  step "a vxlan half that the kernel refuses: the device takes two entries"
  kill_daemon leaf1 vtepd
  ip -n leaf1 link del vxlan-10
  ip -n leaf1 link add vxlan-10 type vxlan id 10010 local 10.0.0.11 dstport 4789 nolearning maxaddress 2
  start_vtepd leaf1
  refused() { refused=$(ctl leaf1 show mac vlan 10 type remote state failed | awk 'NR == 2 { print $1 }') && [[ $refused ]]; }
  wait_until "a remote MAC is refused" 30 refused
  verdict_is "trace" "(kernel: )?flooded to VTEP 10.0.0.12 .*, because vxlan-10 has no entry" vlan 10 mac "$refused" from swp1
  check "the step says why" grep -q '^! vxlan .*no entry; refused: ENOSPC' <<<"$said"
  send "$refused"
  reached "host${refused: -2}"
fi
lab_verdict "trace, recipe $1"
