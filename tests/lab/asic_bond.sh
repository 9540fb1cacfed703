#!/bin/bash
# A server with two bonded ports at a switch whose traffic libsoftsai forwards: LACP is the kernel's, by the ASIC's
# traps, and the frames pass through the LAG, by those ports that the kernel's bond uses.
# lab: 802.3ad
# lab: active-backup
ASIC=1
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
ASIC_PORTS=(swp1 swp2 swp3)
mode=$1

install_programs "$BUILD"
chmod 666 /dev/net/tun
for namespace in leaf1 server host; do
  ip netns add "$namespace"
  ip -n "$namespace" link set lo up
done
make_run_folder leaf1
# wire_port PORT NAMESPACE DEVICE
wire_port() {
  ip link add "wire-$1" netns leaf1 type veth peer name "$3" netns "$2"
  quiet_wire leaf1 "$1" "$2" "$3"
}
wire_port swp1 server eth0
wire_port swp2 server eth1
wire_port swp3 host eth0
if [[ $mode == 802.3ad ]]; then
  server_option=(lacp_rate fast) leaf_option="bond-lacp-rate fast"
else
  server_option=() leaf_option="bond-primary swp1"
fi
ip -n server link add bond0 type bond mode "$mode" miimon 50 "${server_option[@]}"
ip -n server link set eth0 master bond0
ip -n server link set eth1 master bond0
[[ $mode == 802.3ad ]] || ip -n server link set bond0 type bond primary eth0
ip -n server address add 10.0.10.1/24 dev bond0
ip -n server link set bond0 up
ip -n host address add 10.0.10.2/24 dev eth0
ip -n host link set eth0 up

cat >"$FABRIC/leaf1/interfaces" <<FILE
auto bond0
iface bond0
    bond-slaves swp1 swp2
    bond-mode $mode
    bond-miimon 50
    $leaf_option
    bridge-access 10
auto swp3
iface swp3
    bridge-access 10
auto bridge
iface bridge
    bridge-ports bond0 swp3
    bridge-vlan-aware yes
    bridge-vids 10
FILE

objects() { ctl leaf1 show asic; }
passes() { objects | grep "^ *lag-member $1 " | grep -q 'egress_disable=false.*ingress_disable=false'; }
stands() { objects | grep "^ *lag-member $1 " | grep -q 'egress_disable=true.*ingress_disable=true'; }
server_mac=$(ip -n server -br link show bond0 | awk '{ print $3 }')
learned() { fdb leaf1 | grep -q "^$server_mac dev bond0 vlan 10 extern_learn master bridge"; }
reach() { # once each, and nothing twice
  local said
  said=$(on server ping -c 5 -i 0.2 -W 2 10.0.10.2) && [[ $said == *" 5 received, 0% packet loss"* ]]
}
counted() { ctl leaf1 -j show counters key "bridge-port bond0" dir in | grep -q '"packets": *[1-9]'; }
all_is_well() { [[ $(ctl leaf1 show failures | tail -n +2) == "" ]] && ctl leaf1 audit; }

step "the bond comes up"
start_vtepd leaf1 --evpn kernel --relay none --sai-library "$BIN/libsoftsai.so"
wait_until "swp1 passes frames" 30 passes swp1 || { objects; ctl leaf1 show failures; on leaf1 ip -d link show; }
if [[ $mode == 802.3ad ]]; then
  wait_until "and so does swp2" 10 passes swp2
else
  wait_until "swp2 is the backup" 10 stands swp2
fi
wait_until "server and host reach one another" 10 reach
wait_until "the server is an entry of the bond" 5 learned
check "the LAG's frames are counted" counted
wait_until "kernel and ASIC agree" 10 all_is_well

step "a port of the bond falls"
ip -n server link set eth0 down
wait_until "swp1 passes none" 5 stands swp1
wait_until "swp2 does" 5 passes swp2
wait_until "server and host reach one another" 10 reach
check "the server is an entry of the bond" learned
ip -n server link set eth0 up
wait_until "swp1 passes frames again" 15 passes swp1
wait_until "server and host reach one another" 10 reach

if [[ $mode == 802.3ad ]]; then
  step "a port of the bond is up, and its other end is of no bond"
  ip -n server link set eth1 nomaster
  ip -n server link set eth1 up
  wait_until "swp2 passes none" 15 stands swp2
  wait_until "server and host reach one another" 10 reach
  ip -n server link set eth1 down
  ip -n server link set eth1 master bond0
  wait_until "swp2 passes frames again" 15 passes swp2
fi

step "a port leaves the bond"
sed -i 's/bond-slaves swp1 swp2/bond-slaves swp1/' "$FABRIC/leaf1/interfaces"
ctl leaf1 reload
gone() { ! objects | grep -q 'lag-member swp2'; }
wait_until "swp2 is no member" 10 gone
wait_until "server and host reach one another" 20 reach
wait_until "kernel and ASIC agree" 10 all_is_well
lab_verdict "libsoftsai forwards for a bond, $mode"
