#!/bin/bash
# Two leaves whose tunnel ends are IPv6 addresses: routes, flood lists and both halves of a MAC are IPv6, hosts
# reach each other, and one moves. BGP is a script on each leaf (speaker.py), because this machine's FRR takes no IPv6
# tunnel ends (overlay6.sh has one that does).
# lab: 1
# long: 2
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
recipe=$1
HOSTS=(
  "host11 leaf1 swp1 10 172.16.0.11"
  "host12 leaf1 swp2 10 172.16.0.12"
  "host21 leaf2 swp1 10 172.16.0.21"
  "host22 leaf2 swp2 10 172.16.0.22"
)
loopback_of() { echo "2001:db8::1${1#leaf}"; }
vtysh_of() { echo none; }
other_of() { if [[ $1 == leaf1 ]]; then echo leaf2; else echo leaf1; fi; }

step "two leaves over an IPv6 network (recipe $recipe)"
install_programs "$BUILD" && wire_fabric
declare -A orders
for leaf in "${LEAVES[@]}"; do
  number=${leaf#leaf} dir=$FABRIC/$leaf
  sed -E -e '/bridge-ports/s/ swp3//; /^auto swp3$/,/^$/d' -e "s/10\.0\.0\.1[12]/$(loopback_of "$leaf")/; /^ *address/s,/32,/128," \
    "$HERE/recipe$recipe/$leaf.interfaces" >"$dir/interfaces"
  ip -n "$leaf" address add "2001:db8:$number::1/64" dev uplink nodad
  ip -n spine address add "2001:db8:$number::2/64" dev "to-$leaf" nodad
  ip -n "$leaf" link set uplink up
  ip -n "$leaf" -6 route add 2001:db8::/64 via "2001:db8:$number::2"
  ip -n spine -6 route add "$(loopback_of "$leaf")" via "2001:db8:$number::1"
  start_vtepd "$leaf"
  background "$leaf" vtepd-relay setpriv --reuid frr --regid nogroup --groups frr,frrvty \
    bash -c 'umask 007; exec "$@"' relay "$BIN/vtepd-relay" --listen "$dir/zserv.api" \
    --zebra "$dir/zebra.api" --agent "$dir/evpn.sock"
  wait_until "$leaf: the relay listens" 20 test -S "$dir/zserv.api"
  mkfifo "$dir/orders"
  nsenter --net="/run/netns/$leaf" python3 "$LAB/speaker.py" "$dir/zserv.api" "$dir/zebra.api" 10.6 \
    <>"$dir/orders" >"$dir/told" 2>"$dir/speaker.log" &
  # Open for good: a speaker that died fails the checks, and hangs nobody.
  exec {pipe}<>"$dir/orders"
  orders[$leaf]=$pipe
done
say() { echo "${*:2}" >&"${orders[$1]}"; }
told() { grep -qx "told ${*:2}" "$FABRIC/$1/told"; }
knows() { on "$1" ip neigh show "$(address_of "$2")" dev bridge.10 proto 94 | grep -q "$(mac_of "$2").*NOARP"; }

for leaf in "${LEAVES[@]}"; do
  wait_until "$leaf tells its VNI with an IPv6 tunnel end" 20 told "$leaf" vni "$(loopback_of "$leaf")"
  say "$(other_of "$leaf")" "vtep $(loopback_of "$leaf")"
done
for leaf in "${LEAVES[@]}"; do
  wait_until "$leaf: the other is in the flood list" 10 has_flood "$leaf" "$(loopback_of "$(other_of "$leaf")")"
done
check "host11 reaches host21 by the flood lists" ping_from host11 host21
for row in "${HOSTS[@]}"; do
  read -r host leaf port vlan address <<<"$row"
  on "$host" arping -q -c 1 -A -I eth0 "$address"
  wait_until "$leaf tells of $host" 10 told "$leaf" add "$(mac_of "$host")" 0
  say "$(other_of "$leaf")" "add $(mac_of "$host") $(loopback_of "$leaf") 0 $address"
done
for row in "${HOSTS[@]}"; do
  read -r host leaf port vlan address <<<"$row"
  other=$(other_of "$leaf")
  wait_until "$other: $host is behind $(loopback_of "$leaf")" 10 \
    has_remote_mac "$other" "$(mac_of "$host")" 10 "$(loopback_of "$leaf")"
  wait_until "$other: and its address" 10 knows "$other" "$host"
done
check_pings

step "a host moves"
mac=02:00:00:00:00:01
say leaf1 "add $mac 2001:db8::12 0"
wait_until "it is behind leaf2" 10 has_remote_mac leaf1 "$mac" 10 2001:db8::12
say leaf1 "add $mac 2001:db8::13 1"
wait_until "it moves to a third leaf" 10 has_remote_mac leaf1 "$mac" 10 2001:db8::13
say leaf1 "del $mac 2001:db8::13"
wait_until "and is gone" 10 has_no_trace leaf1 "$mac"
for leaf in "${LEAVES[@]}"; do check_in_sync "$leaf"; done
lab_verdict "IPv6 underlay, recipe $recipe"
