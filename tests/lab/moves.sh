#!/bin/bash
# A host that moves, watched by `bridge monitor fdb`: from leaf to leaf, here, and away, it is never
# without an entry that leads somewhere (A5), nor is one that vtepd takes over from another; what it leaves is cleaned up (A6), 1,500 migrations leave
# nothing (A3), another's nexthop group is left alone (A7), what is announced in the tunnel and never
# confirmed is taken back, and a MAC that never stops moving is frozen and let go again (RFC 7432 15.1).
# BGP is a script here (speaker.py), so that moves come when the test says.
# lab: 1
# lab: 2
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
recipe=$1
if [[ $recipe == 1 ]]; then device=vxlan-10; else device=vxlan0; fi
mac=02:00:00:00:00:01

step "a switch, vtepd, its relay, and a script in FRR's place"
lone_switch "$HERE/recipe$recipe/leaf1.interfaces"
ip -n leaf1 link add uplink address 02:00:00:00:0f:01 type veth peer name far
ip -n leaf1 link set far up
background leaf1 vtepd-relay setpriv --reuid frr --regid nogroup --groups frr,frrvty \
  bash -c 'umask 007; exec "$@"' relay "$BIN/vtepd-relay" --listen "$FABRIC/leaf1/zserv.api" \
  --zebra "$FABRIC/leaf1/zebra.api" --agent "$FABRIC/leaf1/evpn.sock"
wait_until "the relay listens" 20 test -S "$FABRIC/leaf1/zserv.api"
start_vtepd leaf1 --relay "$FABRIC/leaf1/evpn.sock" --sai-library none \
  --duplicate-window 60 --duplicate-recovery 15
mkfifo "$FABRIC/leaf1/orders"
on leaf1 python3 "$LAB/speaker.py" "$FABRIC/leaf1/zserv.api" "$FABRIC/leaf1/zebra.api" \
  <>"$FABRIC/leaf1/orders" >"$FABRIC/leaf1/told" 2>"$FABRIC/leaf1/speaker.log" &
speaker=$!
# Open for good: a speaker that died fails the checks, and hangs nobody.
exec {orders}<>"$FABRIC/leaf1/orders"
say() { echo "$*" >&"$orders"; }
wait_until "vtepd hears bgpd" 20 counter_is leaf1 bgp_session 1
wait_until "and has written everything" 20 counter_is leaf1 synced 1

behind() { has_remote_mac leaf1 "$mac" 10 "$1"; }
here() { [[ $(fdb leaf1 | grep "^$mac ") =~ ^"$mac dev $1 vlan 10 master bridge" ]]; }
only_here() { here "$1" && [[ $(fdb leaf1 | grep -c "^$mac ") == 1 ]]; }
nothing_moves() { ctl leaf1 show duplicates -j | grep -q '"rows":\[\]'; }

watch_starts() {
  { fdb leaf1 && echo "now:"; } >"$FABRIC/leaf1/watched"
  nsenter --net=/run/netns/leaf1 stdbuf -oL bridge -timestamp monitor fdb >>"$FABRIC/leaf1/watched" &
  watch=$!
  wait_until "the monitor listens" 5 marked
}
# Another entry comes and goes until the monitor tells of it.
marked() {
  on leaf1 bridge fdb add 02:00:00:00:00:ff dev swp2 vlan 10 master static
  on leaf1 bridge fdb del 02:00:00:00:00:ff dev swp2 vlan 10 master
  grep -q '^Deleted 02:00:00:00:00:ff ' "$FABRIC/leaf1/watched"
}
# watch_ends "sentence" [halves]: see always_there.py.
watch_ends() {
  kill "$watch"
  wait "$watch" 2>/dev/null
  python3 "$LAB/always_there.py" "$mac" "${@:2}" <"$FABRIC/leaf1/watched" >"$FABRIC/leaf1/gaps"
  check_equal "$1: at no instant without a way" 0 $?
  note "$(<"$FABRIC/leaf1/gaps")"
}

of_vni=()
[[ $recipe == 1 ]] || of_vni=(src_vni 10010)
# overwrite [COMMAND]...: somebody writes over entries of the host, all at once.
overwrite() { printf 'fdb replace %s\n' "$@" | on leaf1 bridge -batch -; }
bridge_half="$mac dev $device master vlan 10" vxlan_half="$mac dev $device ${of_vni[*]} self"
# vtepd's entries again, both of them, and none but them.
ours_again() {
  behind "$1" && ! fdb leaf1 | grep "^$mac " | grep -vq extern_learn && ! fdb leaf1 | grep "^$mac " | grep -Eq 'static|sticky'
}
# taken_over "sentence" [COMMAND]...: vtepd takes back what was overwritten.
taken_over() {
  watch_starts
  check "$1: somebody overwrites" overwrite "${@:2}"
  wait_until "$1: it is vtepd's again" 5 ours_again 10.0.0.12
  watch_ends "$1" halves
}

step "A5 make before break"
say "add $mac 10.0.0.12 0"
wait_until "it is behind the second leaf" 5 behind 10.0.0.12
watch_starts
say "add $mac 10.0.0.13 1"
wait_until "it moves to a third leaf" 5 behind 10.0.0.13
watch_ends "from leaf to leaf"
watch_starts
say "frame h1 $mac"
wait_until "A6 it moves here, and the tunnel's half goes" 5 only_here swp1
watch_ends "here"
check "it is told with the next number" grep -qx "told add $mac 2" "$FABRIC/leaf1/told"
watch_starts
say "add $mac 10.0.0.12 3"
wait_until "it moves away" 5 behind 10.0.0.12
watch_ends "away"
wait_until "bgpd hears that it left" 5 grep -qx "told del $mac" "$FABRIC/leaf1/told"
taken_over "a static bridge half" "$bridge_half static"
taken_over "a sticky one" "$bridge_half static sticky"
taken_over "a static VTEP" "$vxlan_half dst 10.0.0.13 static"
taken_over "both halves" "$vxlan_half dst 10.0.0.13 static" "$bridge_half static"
say "del $mac 10.0.0.12"
wait_until "nothing is left of it" 5 has_no_trace leaf1 "$mac"

PER_ROUND=250
# each ROUND ORDER: the order for each host of the round, who are where it says MAC and IP.
each() {
  local round=$1 i host order
  for ((i = 0; i < PER_ROUND; i++)); do
    printf -v host '02:00:00:01:%02x:%02x' "$round" "$i"
    order=${2//MAC/$host}
    echo "${order//IP/172.17.$round.$i}"
  done >&"$orders"
}
# rows ROUND PATTERN: how many of its hosts' entries are like that.
rows() { fdb leaf1 | grep -E "$(printf '^02:00:00:01:%02x:' "$1")" | grep -cE "$2"; }
all_behind() {
  (($(rows "$1" " dev $device dst $2 .*self") == PER_ROUND)) &&
    (($(rows "$1" " dev $device vlan 10 .*master bridge") == PER_ROUND))
}
all_here() { (($(rows "$1" ' dev swp1 vlan 10 master bridge') == PER_ROUND)) && (($(rows "$1" self) == 0)); }
no_trace_of() { (($(rows "$1" .) == 0)) && ! on leaf1 ip neigh show | grep -q "^172\.17\.$1\."; }
migrations() {
  local round
  for round in 1 2; do
    each "$round" "add MAC 10.0.0.12 0 IP"
    wait_until "$PER_ROUND hosts are behind the second leaf" 60 all_behind "$round" 10.0.0.12
    each "$round" "frame h1 MAC"
    wait_until "come here" 60 all_here "$round"
    each "$round" "add MAC 10.0.0.13 7 IP"
    wait_until "go to a third leaf" 60 all_behind "$round" 10.0.0.13
    each "$round" "add MAC 10.0.0.12 8 IP"
    wait_until "and back to the second" 60 all_behind "$round" 10.0.0.12
    each "$round" "del MAC 10.0.0.12 IP"
    wait_until "0 residues: no MAC and no neighbour is left of them" 60 no_trace_of "$round"
  done
}
# The same without waiting for anything: what comes late and out of order must not stay, either.
storm() {
  each 9 "add MAC 10.0.0.12 0 IP"
  each 9 "frame h1 MAC"
  each 9 "add MAC 10.0.0.13 7 IP"
  each 9 "del MAC 10.0.0.13 IP"
  say "add 02:00:00:00:02:01 10.0.0.12 0"
  wait_until "vtepd is through a storm" 60 has_remote_mac leaf1 02:00:00:00:02:01 10 10.0.0.12
  say "del 02:00:00:00:02:01 10.0.0.12"
  wait_until "and knows no route" 10 counter_is leaf1 remote_macs 0
  # A frame may come after the last route: what then stands on the port is the kernel's own learning.
  ip -n leaf1 link set h1 down
  wait_until "no residue" 10 no_trace_of 9
  ip -n leaf1 link set h1 up
}
step "A3 1,500 migrations of hosts with addresses"
migrations
storm
check_not "vtepctl shows none of them" grep -E '^02:00:00:01:' <(ctl leaf1 show mac)
check_equal "nothing was refused" "" "$(ctl leaf1 show failures -j | grep -o '"reason":[^,]*')"

step "A7 entries that lead to a nexthop group, as multihoming has them"
group_entry() { on leaf1 bridge fdb add "$1" dev "$device" nhid 2 "${of_vni[@]}" self dynamic "${@:2}"; }
ip -n leaf1 nexthop add id 1 via 10.0.0.19 fdb
ip -n leaf1 nexthop add id 2 group 1 fdb
theirs=02:00:00:00:00:07 former=02:00:00:00:00:08
check "somebody makes one" group_entry "$theirs"
check "a former daemon left one, with extern_learn" group_entry "$former" extern_learn
check "and the bridge's half" on leaf1 bridge fdb add "$former" dev "$device" master vlan 10 dynamic extern_learn
mac=$former
watch_starts
say "add $theirs 10.0.0.12 0"
say "add $former 10.0.0.12 0"
wait_until "the former daemon's gives way" 5 has_remote_mac leaf1 "$former" 10 10.0.0.12
watch_ends "from a nexthop group" halves
check "the other stays as it is" grep -q "^$theirs dev $device .*nhid 2 .*self" <(fdb leaf1)
check "and vtepctl shows it" grep -qE "^$theirs .* nhid 2 .*another's entry" <(ctl leaf1 show mac)
ip -n leaf1 nexthop del id 2
wait_until "with the group it goes, and BGP's stands" 5 has_remote_mac leaf1 "$theirs" 10 10.0.0.12
for host in "$theirs" "$former"; do say "del $host 10.0.0.12"; done
wait_until "nothing is left of either" 5 counter_is leaf1 remote_macs 0

step "what a host says through the tunnel leads its frames, until BGP is asked in vain"
liar=02:00:00:00:00:09
mac=$liar
say "vtep 10.0.0.13"
wait_until "another leaf is in the flood list" 5 has_flood leaf1 10.0.0.13
say "frame h1 $liar"
wait_until "a host is here" 5 only_here swp1
wait_until "and BGP knows" 5 grep -q "told add $liar" "$FABRIC/leaf1/told"
: >"$FABRIC/leaf1/told"
watch_starts
say "tunnel far 10.0.0.13 $liar"
wait_until "it is led where it says it is" 2 behind 10.0.0.13
check "vtepctl says why" grep -qE "^$liar .* remote .*tunnel .*10\.0\.0\.13 .*announced in the tunnel" <(ctl leaf1 show mac)
wait_until "nobody confirms it, and it is back" 6 only_here swp1
watch_ends "there and back"
wait_until "the log says so" 2 grep -q "event=announcement_unconfirmed vni=10010 mac=$liar vtep=10.0.0.13" "$FABRIC/leaf1/vtepd.log"
say "tunnel far 10.0.0.13 $liar"
say "add 02:00:00:00:00:0a 10.0.0.12 0"
wait_until "a second lie is not believed" 5 counter_is leaf1 announcements_limited 1
wait_until "another host is behind the second leaf" 5 has_remote_mac leaf1 02:00:00:00:00:0a 10 10.0.0.12
check "the liar is where it was" only_here swp1
say "tunnel far 10.0.0.99 02:00:00:00:00:0a"
wait_until "a stranger is not heard" 5 counter_is leaf1 announcements_foreign 1
say "tunnel far 10.0.0.13 02:00:00:00:00:0a"
wait_until "the other host is led on" 2 has_remote_mac leaf1 02:00:00:00:00:0a 10 10.0.0.13
say "add 02:00:00:00:00:0a 10.0.0.13 1"
confirmed() { ctl leaf1 show mac | grep -q 'remote 10.0.0.13 seq 1'; }
wait_until "and BGP confirms it" 5 confirmed
say "del 02:00:00:00:00:0a 10.0.0.13"
wait_until "nothing is left of it" 5 has_no_trace leaf1 02:00:00:00:00:0a
check_not "BGP heard nothing of all this" grep -aE "told (add|del) 02:00:00:00:00:0[9a]" "$FABRIC/leaf1/told"
check_equal "one announcement was in vain" 1 "$(counter leaf1 announcements_unconfirmed)"
mac=02:00:00:00:00:01

step "a MAC at two places"
check "the moves counted so far are forgotten" ctl leaf1 clear duplicates
wait_until "vtepctl shows none" 5 nothing_moves
number=100
flap() {
  say "add $mac 10.0.0.12 $((number += 10))"
  wait_until "it is there" 5 behind 10.0.0.12
  say "frame h1 $mac"
  wait_until "it is here" 5 here swp1
}
flap
flap
flap
frozen() { ctl leaf1 show duplicates | grep "$mac" | grep -q frozen; }
wait_until "it is frozen" 5 frozen
check "the log says so" grep -q "event=duplicate_mac .*mac=$mac" "$FABRIC/leaf1/vtepd.log"
: >"$FABRIC/leaf1/told"
say "add $mac 10.0.0.13 $((number += 10))"
say "add 02:00:00:00:00:02 10.0.0.13 0"
wait_until "another MAC is followed as ever" 5 has_remote_mac leaf1 02:00:00:00:00:02 10 10.0.0.13
check "the frozen one stays where it was" here swp1
check_equal "bgpd hears nothing of it" "" "$(<"$FABRIC/leaf1/told")"
wait_until "it is let go by itself" 30 not frozen
wait_until "and follows BGP's best path" 5 behind 10.0.0.13

kill "$speaker"
lab_verdict "moves, recipe $recipe ($device)"
