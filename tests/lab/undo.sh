#!/bin/bash
# A line taken out of the interface file is undone: with the lines and without them again, the state is
# what it was before they came. The same where the devices were made with the lines.
# lab:
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
files=$FABRIC/files
install -d "$files"

# Lines behind "#+ " come and go.
cat >"$files/marked" <<'FILE'
auto lo
iface lo inet loopback
    address 10.0.0.11/32
#+     mtu 9000

auto swp1
iface swp1
#+     mtu 9000
#+     alias to the roof
#+     hwaddress 00:00:00:aa:00:71
#+     ip-forward on
#+     ip6-forward on
#+     arp-accept on
#+     ipv6-addrgen off
    address 192.0.2.1/24
#+     broadcast 192.0.2.255
#+     scope link
#+     gateway 192.0.2.254
    address 2001:db8::1/64
#+     preferred-lifetime 0

auto red
iface red
    vrf-table 1010
#+     mtu 9000

auto swp2.20
iface swp2.20
#+     vrf red
#+     mtu 1400
#+     hwaddress 00:00:00:aa:00:72
    address 198.51.100.1/24

auto dummy1
iface dummy1
    link-type dummy
    hwaddress 00:00:00:aa:00:d1
#+     ipv6-addrgen off
#+     disable-ipv6 on

auto vni10
iface vni10
    vxlan-id 10010
    vxlan-local-tunnelip 10.0.0.11
    bridge-access 10
#+     bridge-learning off
#+     bridge-arp-nd-suppress on
#+     bridge-pathcosts 9
#+     vxlan-ageing 60
#+     vxlan-ttl 9
#+     vxlan-tos 9
#+     vxlan-remoteip 10.0.0.12

auto bridge
iface bridge
    bridge-vlan-aware yes
    bridge-ports swp3 vni10
    bridge-vids 10 20
#+     hwaddress 00:00:00:aa:00:79
#+     bridge-hashmax 1024
#+     bridge-ageing 60
#+     bridge-mcsnoop no
#+     bridge-pathcosts swp3=4
#+     bridge-portprios swp3=8
#+     alias the one

auto bridge.10
iface bridge.10
#+     vrf red
#+     hwaddress 00:00:00:aa:00:73
#+     mtu 1280
#+     alias tenants
#+     ipv6-addrgen off
#+     address-virtual 00:00:5e:00:01:0a 10.1.0.1/24
    address 10.1.0.2/24
FILE
sed '/^#+/d' "$files/marked" >"$files/without"
sed 's/^#+ //' "$files/marked" >"$files/with"
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
    on leaf1 sh -c "cd /proc/sys/net && grep -H . ipv4/conf/$port/{forwarding,arp_accept} ipv6/conf/$port/{forwarding,disable_ipv6}"
  done
}

lone_switch "$files/marked"
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
lab_verdict undo
