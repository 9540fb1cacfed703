#!/bin/bash
# vtepctl apply, diff, check, confirm: what they print is what they do, and what they do can be undone.
# lab: recipe1-static
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
golden=$LAB/golden/$1
files=$FABRIC/files

# edit NAME SED...: a variant of the golden's file.
edit() {
  sed -E "${@:2}" "$golden/interfaces" >"$files/$1"
  chmod 644 "$files/$1"
  echo "$files/$1"
}
# check_fails "sentence" STATUS COMMAND...
check_status() {
  local sentence=$1 wanted=$2 status=0
  shift 2
  "$@" >/run/output 2>&1 || status=$?
  check_equal "$sentence" "$wanted" "$status"
  ((status == wanted)) || indent </run/output
}
check_says() { check "it says: $1" grep -qE "$1" /run/output || indent </run/output; }
vid_of() { on leaf1 bridge -j vlan show dev "$1" | grep -o '"vlan":[0-9]*' | tr -d '"a-z:' | xargs; }
mtu_of() { ip -n leaf1 -o link show "$1" | grep -oP 'mtu \K[0-9]+'; }
has_mtu() { [[ $(mtu_of "$1") == "$2" ]]; }

step "a switch with one line of interfaces: lo"
install -d "$files"
lone_switch "$golden/interfaces"
printf 'auto lo\niface lo inet loopback\n' >"$FABRIC/leaf1/interfaces"
start_lone_vtepd
wait_until "vtepd is in sync" 30 counter_is leaf1 synced 1

step "the difference, as commands"
file=$(edit whole '')
check_status "diff finds one" 1 ctl leaf1 diff "$file"
ctl leaf1 diff "$file" 2>/dev/null >/run/commands
indent </run/commands
check_status "a dry run is no failure" 0 ctl leaf1 apply --dry-run "$file"
check_status "the bridge is not there" 1 ip -n leaf1 link show bridge
check "a shell takes the commands" on leaf1 bash -euc "$(</run/commands)"
wait_until "vtepd has seen it" 10 counter_is leaf1 synced 1
check_state leaf1 "they make the very state that ifupdown2 makes" "$(<"$golden/expected.state.json")"
check_status "and then there is no difference" 0 ctl leaf1 diff "$file"
check_status "check agrees" 0 ctl leaf1 check "$file"
check_says "4 interfaces are as the files say"
# What a person did stays a person's: it is undone by hand.
for link in bridge vxlan-10; do ip -n leaf1 link del "$link"; done
ip -n leaf1 address del 10.1.1.1/32 dev lo
on leaf1 sysctl -qw net/ipv6/conf/swp1/disable_ipv6=0
ip -n leaf1 link set swp1 down

step "apply"
on leaf1 ip -o monitor link >/run/monitor &
monitor=$!
check_status "apply makes it" 0 ctl leaf1 apply "$file"
check_says "ip link add name vxlan-10 .*local 10.1.1.1 .*id 10"
check_says "[1-9][0-9]* writes to the kernel"
check_state leaf1 "the state is ifupdown2's" "$(<"$golden/expected.state.json")"
: >/run/monitor
check_status "again" 0 ctl leaf1 apply "$file"
check_says "^0 writes to the kernel"
check_equal "without one link event" "" "$(cat /run/monitor)"
kill "$monitor"

step "check against other files"
other=$(edit other 's/^( +)vxlan-id 10/&\n\1mtu 9000\n\1bridge-learning off/; s/bridge-vids 10/bridge-vids 10 30/')
check_status "check finds what differs" 1 ctl leaf1 check "$other"
indent </run/output
check_says "vxlan-10 +mtu +$other:[0-9]+ +9000 +1500"
check_says "vxlan-10 +bridge-learning +$other:[0-9]+ +off +on"
check_says "bridge +bridge-vids +$other:[0-9]+ +10 30 +swp1: 1,10"
ctl leaf1 check -j "$other" 2>/dev/null >/run/json
python3 - /run/json >/run/status <<'PY'
import json, sys
rows = {row["name"]: row for row in json.load(open(sys.argv[1]))}
vxlan = rows["vxlan-10"]
print(rows["lo"]["status"], vxlan["status"], vxlan["config"]["mtu"], vxlan["config_status"]["mtu"],
      vxlan["config_status"]["vxlan-id"])
PY
check_equal "in ifquery's words" "pass fail 1500 fail pass" "$(</run/status)"

step "an error in the file"
broken=$(edit broken 's/bridge-pvid 1/mtu nine/')
check_status "is refused" 1 ctl leaf1 apply "$broken"
check_says "^$broken:[0-9]+: error: bridge: mtu"
check_state leaf1 "and nothing has changed" "$(<"$golden/expected.state.json")"

step "a change that must be confirmed"
check_status "apply --confirm" 0 ctl leaf1 apply --confirm 3 "$other"
check_equal "is made" "9000" "$(mtu_of vxlan-10)"
check_status "a second change must wait for it" 1 ctl leaf1 apply "$file"
wait_until "and is taken back when nobody confirms" 10 has_mtu vxlan-10 1500
wait_until "whole" 10 counter_is leaf1 synced 1
check_state leaf1 "the state is what it was" "$(<"$golden/expected.state.json")"
check_status "confirmed" 0 ctl leaf1 apply --confirm 30 "$other"
check_status "in time" 0 ctl leaf1 confirm
check_status "there is nothing more to confirm" 1 ctl leaf1 confirm
check_status "it stays" 0 ctl leaf1 diff "$other"
check_status "back" 0 ctl leaf1 apply "$file"
check_status "a vtepd that dies while a change waits" 0 ctl leaf1 apply --confirm 600 "$other"
kill_daemon leaf1 vtepd
start_lone_vtepd
wait_until "starts with what ran before" 20 counter_is leaf1 synced 1
check_state leaf1 "with all of it" "$(<"$golden/expected.state.json")"

step "what cannot be changed on a live device"
renumbered=$(edit renumbered 's/vxlan-id 10/vxlan-id 20/')
check_status "is refused" 1 ctl leaf1 apply "$renumbered"
check_says "vxlan-10: vxlan-id is 10 and would be 20: the kernel cannot change that on a live device"
check_state leaf1 "and nothing has changed" "$(<"$golden/expected.state.json")"
check_status "unless it is said" 0 ctl leaf1 apply --disruptive "$renumbered"
check "the device has the new number" bash -c "ip -n leaf1 -d link show vxlan-10 | grep -q 'vxlan id 20 '"
check_equal "and is in its VLAN" 10 "$(vid_of vxlan-10)"
check_status "and back" 0 ctl leaf1 apply --disruptive "$file"
check_state leaf1 "the state is ifupdown2's again" "$(<"$golden/expected.state.json")"

step "what others made stays"
ip -n leaf1 link add foreign0 type dummy
ip -n leaf1 link set foreign0 master bridge up
ip -n leaf1 link add theirs type vxlan id 20 dstport 4789 dev swp1
ip -n leaf1 address add 192.0.2.77/24 dev bridge
on leaf1 bridge vlan add dev swp1 vid 77
check_status "an apply over it" 0 ctl leaf1 apply "$(edit more 's/bridge-vids 10/bridge-vids 10 30/')"
check_equal "a foreign port is in the bridge" bridge "$(ip -n leaf1 -j link show foreign0 | grep -o '"master":"[a-z]*"' | cut -d'"' -f4)"
check "and up" bash -c "ip -n leaf1 link show up | grep -q foreign0"
check "a foreign address is there" bash -c "ip -n leaf1 address show bridge | grep -q 192.0.2.77"
check_equal "a foreign VLAN is on the port" "1 10 30 77" "$(vid_of swp1)"

step "a device that the kernel refuses"
check_status "its reason is told" 1 ctl leaf1 apply --disruptive "$renumbered"
check_says "vxlan-10 +.*(exist|specified VNI)"
check_status "back" 0 ctl leaf1 apply --disruptive "$file"

step "larger MTUs, from the bottom up"
jumbo=$(edit jumbo 's/bridge-pvid 1/&\n    mtu 9000/; s/^iface swp1/&\n    mtu 9000/')
printf '\nauto %s\niface %s\n    vlan-raw-device %s\n    vlan-id 10\n    mtu 9000\n' svi10 svi10 bridge a20 a20 svi10 >>"$jumbo"
small=$(edit small '')
sed 's/ 9000/ 1500/' "$jumbo" >"$small"
check_status "with an SVI of the usual MTU, and a device on it" 0 ctl leaf1 apply "$small"
refused=$(counter leaf1 kernel_refused)
check_status "all grow at once" 0 ctl leaf1 apply "$jumbo"
for link in swp1 bridge svi10 a20; do check_equal "$link" 9000 "$(mtu_of "$link")"; done
check_equal "and nothing was refused" "$refused" "$(counter leaf1 kernel_refused)"
check_status "back" 0 ctl leaf1 apply "$small"
for link in swp1 bridge svi10 a20; do check_equal "$link" 1500 "$(mtu_of "$link")"; done
ip -n leaf1 link del bridge
check_status "a new bridge, of a tunnel with a smaller MTU" 0 ctl leaf1 apply "$jumbo"
for link in bridge svi10 a20; do check_equal "$link" 9000 "$(mtu_of "$link")"; done
check_status "as the file says" 0 ctl leaf1 check "$jumbo"
check_status "back to the golden" 0 ctl leaf1 apply "$file"

step "lines taken out of the file"
check_status "all of them" 0 ctl leaf1 apply "$FABRIC/leaf1/interfaces"
check_equal "a port that vtepd enslaved is free" "" "$(ip -n leaf1 -j link show swp1 | grep -o '"master":"[a-z]*"')"
check_equal "and has its IPv6 again" 0 "$(on leaf1 cat /proc/sys/net/ipv6/conf/swp1/disable_ipv6)"
check_status "the bridge is gone" 1 ip -n leaf1 link show bridge
check "the foreign device is not" ip -n leaf1 link show foreign0
lab_verdict "apply $1"
