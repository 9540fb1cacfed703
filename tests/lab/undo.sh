#!/bin/bash
# A line taken out of the interface file is undone: with the lines and without them again, the state is
# what it was before they came. The same where the devices were made with the lines.
# lab: lines
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
files=$FABRIC/files
install -d "$files"

marked=$LAB/undo/$1.interfaces
sed '/^#+/d' "$marked" >"$files/without"
sed 's/^#+ //' "$marked" >"$files/with"
printf 'auto lo\niface lo inet loopback\n' >"$files/nothing"
chmod 644 "$files"/*

# apply_file NAME: and nothing is refused.
apply_file() { check "vtepctl apply $1" ctl leaf1 apply "$files/$1"; }

# What can be changed of a port.
ports() {
  local port
  for port in swp{1..3} lo; do
    ip -n leaf1 -br link show "$port" | awk '{ print $1, $3 }'
    ip -n leaf1 -j -d link show "$port" | grep -oE '"(mtu|ifalias|master|inet6_addr_gen_mode)":[^,]*'
    on leaf1 bash -c "cd /proc/sys/net && grep -H . ipv4/conf/$port/{forwarding,arp_accept} ipv6/conf/$port/{forwarding,disable_ipv6}"
  done
}

lone_switch "$marked"
before=$(ports)
cp "$files/without" "$FABRIC/leaf1/interfaces"
start_lone_vtepd
wait_until "vtepd has written everything" 30 counter_is leaf1 synced 1
without=$(canonical_state leaf1)

step "lines come and go"
apply_file with
check "the state is another" [ "$(canonical_state leaf1)" != "$without" ]
apply_file without
check_state leaf1 "it is what it was" "$without"
check "diff finds nothing" ctl leaf1 diff "$files/without"

step "they go after vtepd was killed"
apply_file with
cp "$files/with" "$FABRIC/leaf1/interfaces"
kill_daemon leaf1 vtepd
start_lone_vtepd
wait_until "vtepd is back" 30 counter_is leaf1 synced 1
apply_file without
check_state leaf1 "it is what it was" "$without"

step "all goes"
apply_file nothing
check_equal "what vtepd never made is as before it" "$before" "$(ports)"

step "devices are made with the lines"
apply_file with
apply_file without
check_state leaf1 "without them they are as if they never had them" "$without"
lab_verdict "undo $1"
