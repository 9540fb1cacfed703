#!/usr/bin/env python3
"""asic_differential.py make SEED FOLDER | run SEED: one switch from a seed, as a kernel and as an ASIC.

`make` writes what both get alike: `interfaces` for vtepd, `ports` (their names), `links` (ip -batch, in `wires`),
`addresses` (ip -batch, in the switch), `entries` (bridge -batch) and `profile` (lines for the ASIC alone). `run`, in the namespace with
the wires' other ends, sends the same frames to both and compares what comes out of each port, frame by frame. Each
frame carries its number, so that what comes late or twice is found, too. Prints what differs; exit status 1 if
anything does.

What is no difference: an encapsulated frame's UDP source port, UDP checksum and IP id, which of several equal
next hops it takes, and which port of its bond. What is a known one stands in `excused` and `as_rfc6040`, each with its reason.
"""
import errno
import ipaddress
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

PORTS = ["swp1", "swp2", "swp3", "swp4"]  # of the bridge: each by itself, or in a bond
MORE_PORTS = ["swp5", "swp6", "swp7", "swp8"]  # for bonds
UPLINKS = ["uplink1", "uplink2"]
SIDES = ("kernel", "asic")
VXLAN_PORT = 4789
MARK = b"frame-no"
TAG, SERVICE_TAG, IPV4, IPV6, ARP, EXPERIMENTAL = 0x8100, 0x88A8, 0x0800, 0x86DD, 0x0806, 0x88B5
UNKNOWN = "06:00:00:00:00:99"
BROADCAST = "ff:ff:ff:ff:ff:ff"
RESERVED = "01:80:c2:00:00:0"
CE, ECT0, ECT1 = 3, 2, 1
GROUPS = ("239.1.1.1", "ff05::1:3", "239.9.9.9", "ff05::9", "224.0.0.5", "ff02::1")  # two may be joined
LONGER_THAN_IT_IS = struct.pack("!HBBHI", IPV4, 0x45, 0, 9999, 0)
PATIENCE = 1.5  # seconds until what one side has sent must have come from the other as well


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def text(address):
    return address.hex(":")


# ---- the switch ---------------------------------------------------------------------------------


class Port:
    def __init__(self, name, dice, vlans):
        self.name = name
        self.mtu = dice.choice((1500, 9000))
        kind = dice.choice(("access", "trunk", "trunk", "tagged"))
        self.pvid = dice.choice(vlans) if kind != "tagged" else None
        self.tagged = [] if kind == "access" else sorted(dice.sample(vlans, dice.randint(1, len(vlans))))
        self.kind = kind
        self.members = sorted({*self.tagged, *([self.pvid] if self.pvid else [])})
        self.learns = dice.random() < 0.85
        self.isolated = dice.random() < 0.3  # by `bridge link set`: ifupdown2 has no line for it
        self.flags = [] if self.learns else ["bridge-learning off"]
        for flag in ("unicast", "multicast", "broadcast"):
            self.flags += [f"bridge-{flag}-flood off"] if dice.random() < 0.15 else []
        self.stp = "forwarding"
        self.bond_mode, self.slaves = None, [name]

    def bond(self, mode, slaves):
        """The port, and these, become one."""
        self.name = f"bond{self.name[-1]}"
        self.bond_mode = mode
        self.slaves += slaves

    def in_use(self):
        """The ports that the bridge hears, and sends by one of."""
        return self.slaves[:1] if self.bond_mode == "active-backup" else self.slaves

    def bond_lines(self):
        if not self.bond_mode:
            return []
        lines = [f"bond-slaves {' '.join(self.slaves)}", f"bond-mode {self.bond_mode}", "bond-miimon 50"]
        return lines + ([f"bond-primary {self.slaves[0]}"] if self.bond_mode == "active-backup" else [])

    def enters(self):
        """Whether a MAC that speaks here is learned."""
        return self.learns and self.stp in ("learning", "forwarding")

    def interfaces(self):
        lines = [*self.bond_lines(), f"mtu {self.mtu}", f"hwaddress 00:00:00:aa:00:0{self.name[-1]}", *self.flags]
        if self.kind == "access":
            return lines + [f"bridge-access {self.pvid}"]
        lines.append(f"bridge-vids {' '.join(map(str, self.tagged))}")
        lines.append(f"bridge-pvid {self.pvid}" if self.pvid else "bridge-allow-untagged no")
        return lines

    def tag_for(self, vlan):
        return None if vlan == self.pvid else vlan


class Switch:
    """Everything that a seed decides of a switch; the frames are decided by the same dice after it."""

    def __init__(self, seed):
        self.seed = seed
        self.dice = dice = random.Random(seed)
        self.single = dice.random() < 0.5
        self.v6 = dice.random() < 0.3
        self.suppress = dice.random() < 0.5
        self.vlans = [1, 10, 20, 30]
        self.vni_of = {10: 10010, 20: dice.choice((10020, 16777000, 7))}  # VLAN 30 and 1: of this switch alone
        self.ports = [Port(name, dice, self.vlans) for name in PORTS]
        self.ttl = dice.choice((None, None, 10, 255))
        self.tos = dice.choice((None, None, "inherit", 0x28))
        self.snooping = dice.random() < 0.5
        self.peer_modes = dice.choice(("both", "p2p", "p2mp"))
        self.local = "2001:db8::11" if self.v6 else "10.0.0.11"
        self.vteps = [f"2001:db8::2{n}" if self.v6 else f"10.0.0.2{n}" for n in range(4)]
        # The last has no route; some have two equal ones, or one over an IPv6 link-local next hop.
        self.paths = {vtep: dice.choice(((0,), (1,), (0, 1), ("link-local",))) for vtep in self.vteps[:-1]}
        self.flood = {vlan: sorted(dice.sample(self.vteps, dice.randint(0, 4))) for vlan in self.vni_of}
        # Where entries of hosts lead: (vlan, MAC) -> VTEP, and (vlan, MAC) -> (port, sticky).
        self.remote = {}
        for vlan, members in self.flood.items():
            for number in range(dice.randint(0, 4) if members else 0):
                self.remote[vlan, f"02:00:00:ff:{vlan:02x}:{number:02x}"] = dice.choice(members)
        self.static = {}
        for port in self.ports:
            for vlan in port.members:
                if dice.random() < 0.3:
                    where = f"02:00:00:ee:{vlan:02x}:0{port.name[-1]}"
                    self.static[vlan, where] = (port, dice.random() < 0.5)
        self.bonds(random.Random(f"bonds of {seed}"))
        self.by_hand(random.Random(f"by hand {seed}"))

    def bonds(self, dice):
        """Some ports are bonds of one to three. Dice of its own, as below."""
        free = list(MORE_PORTS)
        for port in self.ports:
            if dice.random() < 0.4:
                more = dice.randint(0, min(2, len(free)))
                port.bond(dice.choice(("active-backup", "balance-xor")), [free.pop(0) for _ in range(more)])
        self.place_of = {slave: port.name for port in self.ports for slave in port.slaves}

    def all_ports(self):
        return [*self.place_of, *UPLINKS]

    def by_hand(self, dice):
        """What is done beside the interface files. Dice of its own: what a seed decides else is as it was.

        A port's state stays as it is set, with `bridge-fd 0`: else a timer that runs since the port came up takes it
        a step further, to learning and forwarding."""
        for port in self.ports:
            if dice.random() < 0.2:
                # "blocking" does not last: where no STP runs, Linux makes it forwarding again at once.
                port.stp = dice.choice(("listening", "learning"))
        devices = [*(port.name for port in self.ports), *dict.fromkeys(self.vxlan(vlan) for vlan in self.vni_of)]
        self.hand_flags = [(device, flag) for device in devices for flag in ("flood", "mcast_flood", "bcast_flood")
                           if dice.random() < 0.1]  # fmt: skip
        # The bridge's own MACs, in VLANs that it is in itself.
        self.own = {(vlan, f"02:00:00:cc:{vlan:02x}:01") for vlan in (1, *(self.vni_of if self.suppress else ()))
                    if dice.random() < 0.5}  # fmt: skip
        # Groups that hosts have joined, and routers: they count where there is a querier.
        self.querier = self.snooping and dice.random() < 0.6
        self.joined, self.routers = [], []
        if not self.querier:
            return
        self.routers = [device for device in devices if dice.random() < 0.15]
        for vlan in self.vlans:
            outlets = [port.name for port in self.ports if vlan in port.members]
            outlets += [self.vxlan(vlan)] if vlan in self.vni_of else []
            for group in GROUPS[:2]:
                self.joined += [(vlan, group, outlet) for outlet in outlets if dice.random() < 0.25]

    def gateway(self, uplink):
        return f"2001:db8:{uplink + 1}::1" if self.v6 else f"192.0.2.{2 * uplink + 1}"

    def vxlan(self, vlan):
        return "vxlan0" if self.single else f"vxlan-{vlan}"

    def of_vlan(self, vlan):
        return f" src_vni {self.vni_of[vlan]}" if self.single else ""

    def interfaces(self):
        stanzas = [("lo", [f"address {self.local}/{128 if self.v6 else 32}"])]
        for number, uplink in enumerate(UPLINKS):
            own = f"2001:db8:{number + 1}::/127" if self.v6 else f"192.0.2.{2 * number}/31"
            stanzas.append((uplink, ["mtu 9216", f"hwaddress 00:00:00:aa:00:1{number}", f"address {own}"]))
        common = [f"vxlan-local-tunnelip {self.local}", "bridge-learning off", "mtu 9000",
                  f"bridge-arp-nd-suppress {'on' if self.suppress else 'off'}"]  # fmt: skip
        common += [f"vxlan-ttl {self.ttl}"] if self.ttl else []
        common += [f"vxlan-tos {self.tos}"] if self.tos else []
        if self.single:
            pairs = " ".join(f"{vlan}={vni}" for vlan, vni in self.vni_of.items())
            stanzas.append(("vxlan0", [*common, f"bridge-vlan-vni-map {pairs}"]))
        else:
            for vlan, vni in self.vni_of.items():
                stanzas.append((f"vxlan-{vlan}", [f"vxlan-id {vni}", f"bridge-access {vlan}", *common]))
        vxlans = dict.fromkeys(self.vxlan(vlan) for vlan in self.vni_of)
        stanzas += [(port.name, port.interfaces()) for port in self.ports]
        bridged = " ".join([*(port.name for port in self.ports), *vxlans])
        stanzas.append(("bridge", ["bridge-vlan-aware yes", f"bridge-ports {bridged}",
                                   f"bridge-vids {' '.join(map(str, self.vlans[1:]))}", "bridge-pvid 1", "bridge-stp off", "bridge-fd 0",
                                   f"bridge-mcsnoop {'yes' if self.snooping else 'no'}"]))  # fmt: skip
        if self.suppress:
            stanzas += [(f"bridge.{vlan}", []) for vlan in self.vni_of]
        return "".join(f"auto {name}\niface {name}\n" + "".join(f"    {line}\n" for line in lines) for name, lines in stanzas)

    def addresses(self):
        """Routes to the other tunnel ends, their next hops' MACs, and hosts for which the bridge answers."""
        lines = []
        for number, uplink in enumerate(UPLINKS):
            for address in (self.gateway(number), "fe80::1"):
                lines.append(f"neigh replace {address} lladdr {self.hop_mac(number)} dev {uplink} nud permanent")
        for vtep, path in self.paths.items():
            via = "" if self.v6 else "inet6 "
            hops = [f"nexthop via {self.gateway(number)} dev {UPLINKS[number]}" for number in path if number != "link-local"]
            hops = hops or [f"via {via}fe80::1 dev uplink2"]
            lines.append(f"route add {vtep}/{128 if self.v6 else 32} {' '.join(hops)}")
        if self.suppress:
            for number, (vlan, where) in enumerate(self.remote):
                lines.append(f"neigh replace 172.30.{vlan}.{number} lladdr {where} dev bridge.{vlan} nud permanent")
                lines.append(f"neigh replace fd30::{vlan}:{number} lladdr {where} dev bridge.{vlan} nud permanent")
        if self.querier:
            # A querier counts once the answers to its first question had their time: none.
            lines += ["link set bridge type bridge mcast_query_response_interval 0", "link set bridge type bridge mcast_querier 1"]
        lines += [f"link set {device} type bridge_slave mcast_router 2" for device in self.routers]
        return lines

    @staticmethod
    def hop_mac(uplink):
        return f"00:00:00:cc:00:0{uplink}"

    def entries(self):
        lines = []
        for vlan, vteps in self.flood.items():
            lines += [f"fdb append 00:00:00:00:00:00 dev {self.vxlan(vlan)} dst {vtep} self permanent{self.of_vlan(vlan)}"
                      for vtep in vteps]  # fmt: skip
        for (vlan, where), vtep in self.remote.items():
            device = self.vxlan(vlan)
            lines.append(f"fdb replace {where} dev {device} dst {vtep} self extern_learn dynamic{self.of_vlan(vlan)}")
            lines.append(f"fdb replace {where} dev {device} master extern_learn dynamic vlan {vlan}")
        lines += [f"link set dev {port.name} isolated on" for port in self.ports if port.isolated]
        for (vlan, where), (port, sticky) in self.static.items():
            lines.append(f"fdb replace {where} dev {port.name} master static {'sticky ' if sticky else ''}vlan {vlan}")
        lines += [f"fdb replace {where} dev bridge self permanent vlan {vlan}" for vlan, where in sorted(self.own)]
        lines += [f"link set dev {device} {flag} off" for device, flag in self.hand_flags]
        lines += [f"mdb add dev bridge port {outlet} grp {group} permanent vid {vlan}" for vlan, group, outlet in self.joined]
        lines += [f"link set dev {port.name} state {port.stp}" for port in self.ports if port.stp != "forwarding"]
        return lines

    def links(self):
        lines = []
        for port in self.all_ports():
            lines.append(f"link add k-{port} mtu 9216 type veth peer name {port} mtu 9216 netns kernel")
            lines.append(f"link add a-{port} mtu 9216 type veth peer name wire-{port} mtu 9216 netns asic")
            lines += [f"link set {side}-{port} up" for side in "ka"]
        return lines


def make(seed, folder):
    switch = Switch(seed)
    files = {"interfaces": switch.interfaces().splitlines(), "links": switch.links(), "addresses": switch.addresses(),
             "entries": switch.entries(), "ports": switch.all_ports(), "profile": [f"SOFTSAI_PEER_MODES={switch.peer_modes}"]}  # fmt: skip
    os.makedirs(folder, exist_ok=True)
    for name, lines in files.items():
        with open(f"{folder}/{name}", "w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines)


# ---- frames -------------------------------------------------------------------------------------


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, destination, protocol, payload, tos=0, ttl=64, identity=0):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(payload), identity, 0, ttl, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(destination))  # fmt: skip
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(source, destination, protocol, payload, tos=0, ttl=64):
    return (struct.pack("!IHBB", 6 << 28 | tos << 20, len(payload), protocol, ttl) +
            ipaddress.IPv6Address(source).packed + ipaddress.IPv6Address(destination).packed + payload)  # fmt: skip


def udp(source, destination, payload):
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def tag(control, kind=TAG):
    return struct.pack("!HH", kind, control)


def arp(operation, sender_mac, sender, target):
    return (struct.pack("!HHBBH", 1, IPV4, 6, 4, operation) + mac(sender_mac) + socket.inet_aton(sender) + bytes(6) +
            socket.inet_aton(target) + bytes(18))  # fmt: skip


def solicitation(sender_mac, sender, target):
    group = f"ff02::1:ff{target.packed[13]:02x}:{target.packed[14]:02x}{target.packed[15]:02x}"
    body = bytes([135, 0, 0, 0]) + bytes(4) + target.packed + bytes([1, 1]) + mac(sender_mac)
    pseudo = ipaddress.IPv6Address(sender).packed + ipaddress.IPv6Address(group).packed + struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return f"33:33:ff:{group[-7:-5]}:{group[-4:-2]}:{group[-2:]}", ipv6(sender, group, 58, body, ttl=255)


def number_of(frame):
    """The number of the frame that this one is, holds, or answers."""
    at = frame.find(MARK)
    if at >= 0 and at + 12 <= len(frame):
        return struct.unpack_from("!I", frame, at + 8)[0]
    for sender in (b"\xac\x1f", b"\xfd\x31" + bytes(12)):  # 172.31.x.y, fd31::x:y of ARP and ND
        at = frame.find(sender)
        if at >= 0 and at + len(sender) + 2 <= len(frame):
            return struct.unpack_from("!H", frame, at + len(sender))[0]
    return None


class Sent:
    """One frame: where it goes in, its bytes, and what is to be known of it to judge what comes out."""

    def __init__(self, port, data, what, inner_tos=None, outer_tos=None, excuse=None):
        self.port, self.data, self.what = port, data, what
        self.inner_tos, self.outer_tos, self.excuse = inner_tos, outer_tos, excuse
        self.number = number_of(data)  # a frame that is cut has none, and nothing may come of it


class Frames:
    """Makes frames by the switch's dice."""

    def __init__(self, switch):
        self.switch, self.dice = switch, switch.dice
        self.bond_dice = random.Random(f"frames of bonds {switch.seed}")
        self.places = {}  # (vlan, MAC) -> port, as taught
        self.fresh = set()  # those of this round: which of two ports speaks first is not known
        self.taught = 0
        self.count = 0

    def mark(self):
        self.count += 1
        return MARK + struct.pack("!I", self.count)

    # -- what tells where a MAC is

    def teach(self):
        """A frame from a MAC that is new, or has been elsewhere."""
        dice, switch = self.dice, self.switch
        # Where nothing is learned, too.
        port = dice.choice(switch.ports)
        vlan = dice.choice(port.members)
        others = [where for (its, where), place in self.places.items() if its == vlan and place is not port]
        others += [where for its, where in switch.remote if its == vlan]
        others += [where for (its, where), (place, sticky) in switch.static.items() if its == vlan and place is not port and not sticky]
        others = [where for where in others if (vlan, where) not in self.fresh]
        if others and dice.random() < 0.4:
            source = dice.choice(others)
        else:
            self.taught += 1
            source = f"02:00:00:{int(port.name[-1]):02x}:{vlan:02x}:{self.taught:02x}"
        if port.enters():
            self.places[vlan, source] = port
        self.fresh.add((vlan, source))
        return self.local(port, switch_tag(port.tag_for(vlan)), source, UNKNOWN, f"teaches {source} in VLAN {vlan}")

    def local(self, port, tags, source, destination, what, payload=None, **known):
        payload = payload or struct.pack("!H", EXPERIMENTAL) + self.mark() + bytes(40)
        if self.is_unreadable(destination, payload):
            known.setdefault("excuse", "snooped")
        return Sent(self.bond_dice.choice(port.in_use()), mac(destination) + mac(source) + tags + payload, what, **known)

    # -- what is only forwarded

    def destinations(self, vlan):
        known = [where for its, where in [*self.places, *self.switch.remote, *self.switch.static] if its == vlan]
        other = [where for its, where in [*self.places, *self.switch.remote] if its != vlan]
        choices = [UNKNOWN, BROADCAST, "01:00:5e:01:02:03", "33:33:00:01:02:03", "01:00:0c:cc:cc:cd"]
        choices += known * 3 + (self.dice.sample(other, 1) if other else [])
        # Not to a port's own MAC: the ASIC has no entry for it, or it would have one in each VLAN of each port.
        return choices + [where for its, where in sorted(self.switch.own) if its == vlan]

    def payload(self, largest):
        """Type and payload, and the traffic class if it is IP."""
        dice = self.dice
        kind = dice.choice(("raw", "raw", "short", "udp4", "udp6", "long", "broken"))
        tos = dice.randrange(256)
        body = self.mark() + bytes(dice.randrange(200))
        ttl = dice.choice((1, 64, 255))
        if kind == "short":
            return struct.pack("!H", EXPERIMENTAL) + self.mark(), None
        if kind == "long":
            # About as long as a frame may be, with and without tags.
            room = largest + dice.choice((-1, 0, 0, 1, 4, 5, 200)) - 14
            return struct.pack("!H", EXPERIMENTAL) + self.mark() + bytes(room - 12), None
        if kind == "udp4":
            return struct.pack("!H", IPV4) + ipv4("198.51.100.1", "198.51.100.2", 17, udp(1, 2, body), tos, ttl), tos
        if kind == "udp6":
            return struct.pack("!H", IPV6) + ipv6("2001:db8:f::1", "2001:db8:f::2", 17, udp(1, 2, body), tos, ttl), tos
        if kind == "broken":
            return LONGER_THAN_IT_IS + body, None
        return struct.pack("!H", EXPERIMENTAL) + body, None

    def is_unreadable(self, destination, payload):
        group = mac(destination)[0] & 1 and destination != BROADCAST
        return self.switch.snooping and group and payload.startswith(LONGER_THAN_IT_IS)

    def known_source(self, port, vlan):
        here = [where for (its, where), place in self.places.items() if its == vlan and place is port]
        here += [where for (its, where), (place, _) in self.switch.static.items()
                 if its == vlan and place is port and (its, where) not in self.places]  # fmt: skip
        return self.dice.choice(here) if here else None

    def from_port(self):
        """A frame from a host whose place is known, or one that no port takes."""
        dice, switch = self.dice, self.switch
        port = dice.choice(switch.ports)
        payload, tos = self.payload(port.mtu + 18)
        strange = dice.random()
        if strange < 0.1:
            source = dice.choice(("01:00:00:00:00:01", "00:00:00:00:00:00", BROADCAST))
            return self.local(port, b"", source, BROADCAST, "no source", payload)
        if strange < 0.2:
            vlan = dice.choice([vlan for vlan in (*switch.vlans, 40, 4094, 4095) if vlan not in port.members])
            return self.local(port, switch_tag(vlan), UNKNOWN[:-1] + "8", BROADCAST, f"VLAN {vlan}, no member", payload)
        vlan = dice.choice(port.members)
        source = self.known_source(port, vlan)
        if source is None and not port.enters():
            source = f"02:00:00:0{port.name[-1]}:dd:dd"
        if source is None:
            return self.from_tunnel()
        if strange < 0.25:
            return self.reserved(port, vlan, source)
        if strange < 0.4:
            return self.asks(port, vlan, source)
        sticky = [where for (its, where), (place, fixed) in switch.static.items() if its == vlan and fixed and place is not port]
        if strange < 0.45 and sticky:
            return self.local(port, switch_tag(port.tag_for(vlan)), dice.choice(sticky), UNKNOWN, "a sticky MAC elsewhere",
                              payload, inner_tos=tos, excuse="sticky")  # fmt: skip
        priority = dice.choice((0, 0, 3, 7)) << 13 | dice.choice((0, 0, 1)) << 12
        tags = switch_tag(port.tag_for(vlan), priority)
        if vlan == port.pvid and dice.random() < 0.3:
            tags = tag(priority)
        what = f"VLAN {vlan}, tags {tags.hex()}"
        if dice.random() < 0.15:
            # A second tag is the customer's own. No IP behind it: for the outer TOS Linux looks behind all tags for
            # the type of the packet, and takes the tag itself for its header (ip_tunnel_get_dsfield).
            tags += tag(dice.randrange(4096)) if tags else tag(dice.randrange(4096), SERVICE_TAG)
            payload, tos = struct.pack("!H", EXPERIMENTAL) + self.mark() + bytes(30), None
        elif switch.querier and dice.random() < 0.4:
            destination, payload, tos = self.to_group()
            return self.local(port, tags, source, destination, f"{what} to {destination}", payload, inner_tos=tos)
        destination = dice.choice(self.destinations(vlan))
        return self.local(port, tags, source, destination, f"{what} to {destination}", payload, inner_tos=tos)

    def to_group(self):
        """A packet to a group that hosts may have joined, or nobody, or that is link-local."""
        group = ipaddress.ip_address(self.dice.choice(GROUPS))
        tos = self.dice.randrange(256)
        body = udp(1, 2, self.mark() + bytes(30))
        if group.version == 4:
            destination = b"\x01\x00\x5e" + bytes([group.packed[1] & 0x7F]) + group.packed[2:]
            return text(destination), struct.pack("!H", IPV4) + ipv4("198.51.100.1", str(group), 17, body, tos), tos
        packet = ipv6("2001:db8:f::1", str(group), 17, body, tos)
        return text(b"\x33\x33" + group.packed[-4:]), struct.pack("!H", IPV6) + packet, tos

    def reserved(self, port, vlan, source):
        destination = RESERVED + self.dice.choice("0123e")
        return self.local(port, b"" if vlan == port.pvid else switch_tag(vlan), source, destination, f"to {destination}")

    def asks(self, port, vlan, source):
        """ARP and neighbour discovery, for a host that the bridge may answer for or nobody knows."""
        tags = switch_tag(port.tag_for(vlan))
        self.count += 1
        sender4, sender6 = f"172.31.{self.count >> 8}.{self.count & 255}", f"fd31::{self.count:x}"
        remote = self.dice.randrange(max(len(self.switch.remote), 1))
        kind = self.dice.choice(("request", "reply", "gratuitous", "solicitation"))
        what = f"VLAN {vlan}: ARP or ND {kind}"
        if kind == "solicitation":
            target = ipaddress.IPv6Address(self.dice.choice((f"fd30::{vlan}:{remote}", "fd30::99")))
            destination, body = solicitation(source, sender6, target)
            return self.local(port, tags, source, destination, what, struct.pack("!H", IPV6) + body)
        target = {"gratuitous": sender4}.get(kind) or self.dice.choice((f"172.30.{vlan}.{remote}", "172.30.0.99"))
        destination = self.dice.choice(self.destinations(vlan)) if kind == "reply" else BROADCAST
        return self.local(port, tags, source, destination, what,
                          struct.pack("!H", ARP) + arp(2 if kind == "reply" else 1, source, sender4, target))  # fmt: skip

    def from_tunnel(self):
        dice, switch = self.dice, self.switch
        vlan = dice.choice(list(switch.vni_of))
        number = dice.randrange(2)
        payload, tos = self.payload(1518)
        source = dice.choice(["06:00:00:00:00:77", *[where for its, where in [*switch.remote, *self.places] if its == vlan]])
        destination = dice.choice(self.destinations(vlan))
        what, excuse, tags = f"from a tunnel into VLAN {vlan} to {destination}", None, b""
        inner_strange = dice.random()
        if inner_strange < 0.08:
            tags, excuse = tag(dice.choice((0, *switch.vlans))), "inner tag"
            payload, tos = struct.pack("!H", EXPERIMENTAL) + self.mark(), None
        elif inner_strange < 0.12:
            destination, excuse = RESERVED + dice.choice("0e"), "reserved"
        elif inner_strange < 0.15:
            source = "01:00:00:00:00:01"
        elif self.is_unreadable(destination, payload):
            excuse = "snooped"
        elif switch.querier and dice.random() < 0.3:
            destination, payload, tos = self.to_group()
            what = f"from a tunnel into VLAN {vlan} to {destination}"
        inner = mac(destination) + mac(source) + tags + payload
        return self.encapsulated(vlan, number, inner, what, tos, excuse)

    def encapsulated(self, vlan, number, inner, what, tos, excuse):
        dice, switch = self.dice, self.switch
        peer = dice.choice([*switch.vteps, "2001:db8::ff" if switch.v6 else "10.0.0.99"])
        vni, flags, spare, to, own = switch.vni_of[vlan], 0x08, 0, switch.local, f"00:00:00:aa:00:1{number}"
        outer_tos, ttl, identity, outer_tag = dice.randrange(256), dice.choice((1, 2, 64, 255)), dice.randrange(65536), b""
        strange = dice.choice((None,) * 8 + ("vni", "flag", "spare", "address", "mac", "tag", "priority", "checksum", "cut"))
        if strange == "vni":
            vni = 4242
        elif strange == "flag":
            flags = 0
        elif strange == "spare":
            spare, excuse = dice.choice((1, 0xFF)), excuse or "spare"
        elif strange == "address":
            to = "2001:db8::fe" if switch.v6 else "10.0.0.98"
        elif strange == "mac":
            own = "00:00:00:aa:00:77"
        elif strange == "tag":
            outer_tag = tag(10)
        elif strange == "priority":
            outer_tag = tag(5 << 13)
        elif strange == "cut":
            inner = inner[:13]
        datagram = udp(dice.randrange(49152, 65536), VXLAN_PORT, struct.pack("!B3xI", flags, vni << 8 | spare) + inner)
        if switch.v6:
            pseudo = ipaddress.IPv6Address(peer).packed + ipaddress.IPv6Address(to).packed + struct.pack("!II", len(datagram), 17)
            datagram = datagram[:6] + struct.pack("!H", checksum(pseudo + datagram) or 0xFFFF) + datagram[8:]
            packet, kind = ipv6(peer, to, 17, datagram, outer_tos, ttl), IPV6
        else:
            packet, kind = ipv4(peer, to, 17, datagram, outer_tos, ttl, identity), IPV4
            if strange == "checksum":
                packet = packet[:10] + bytes([packet[10] ^ 1]) + packet[11:]
        data = mac(own) + mac(switch.hop_mac(number)) + outer_tag + struct.pack("!H", kind) + packet
        what += f" of {peer}" + (f", strange: {strange}" if strange else "")
        return Sent(UPLINKS[number], data, what, inner_tos=tos, outer_tos=outer_tos, excuse=excuse)

    def other(self):
        return self.from_tunnel() if self.dice.random() < 0.4 else self.at_a_backup(self.from_port())

    def at_a_backup(self, sent):
        """Sometimes it comes by a port that its bond does not use, and goes nowhere."""
        backups = [slave for port in self.switch.ports if sent.port in port.slaves for slave in port.slaves if slave not in port.in_use()]
        if backups and self.bond_dice.random() < 0.2:
            sent.port = self.bond_dice.choice(backups)
            sent.what += ", at a backup"
        return sent


def switch_tag(vlan, priority=0):
    return b"" if vlan is None else tag(priority | vlan)


# ---- what comes out -----------------------------------------------------------------------------


class Wire:
    """The other end of one port: a packet socket that gives frames as they were, tags and all."""

    AUXDATA, IGNORE_OUTGOING = 8, 23

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(263, self.AUXDATA, 1)
        self.socket.setsockopt(263, self.IGNORE_OUTGOING, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 1 << 23)  # SO_RCVBUFFORCE
        self.socket.bind((name, 0))
        self.socket.setblocking(False)

    def send(self, frame):
        try:
            self.socket.send(frame)
        except OSError as error:  # the other end did not take it: it is too long
            if error.errno != errno.ENOBUFS:
                raise

    def receive(self):
        try:
            data, aside, _, _ = self.socket.recvmsg(65536, 256)
        except BlockingIOError:
            return None
        for _, kind, content in aside:
            status, _, _, _, _, control, protocol = struct.unpack("!IIIHHHH" if sys.byteorder == "big" else "<IIIHHHH", content[:20])
            if kind == self.AUXDATA and status & 0x10:
                data = data[:12] + struct.pack("!HH", protocol if status & 0x40 else TAG, control) + data[12:]
        return data


def read_vxlan(frame):
    """(addresses, traffic class, TTL, VNI and flags, inner frame) of an encapsulated frame, or None."""
    kind, at = struct.unpack_from("!H", frame, 12)[0], 14
    if kind == IPV4 and len(frame) > 50:
        if frame[at] != 0x45 or frame[at + 9] != 17 or checksum(frame[at : at + 20]):
            return None
        length, _, fragment = struct.unpack_from("!HHH", frame, at + 2)
        rest = (frame[at + 12 : at + 20], frame[at + 1], frame[at + 8], fragment)
        datagram = frame[at + 20 :]
        whole = length == len(frame) - 14
    elif kind == IPV6 and len(frame) > 70:
        first, length, following, hops = struct.unpack_from("!IHBB", frame, at)
        if following != 17:
            return None
        rest = (frame[at + 8 : at + 40], first >> 20 & 0xFF, hops, first & 0xFFFFF)
        datagram = frame[at + 40 :]
        whole = length == len(frame) - 54
    else:
        return None
    _, to, size, _ = struct.unpack_from("!HHHH", datagram)
    if to != VXLAN_PORT or not whole or size != len(datagram):
        return None
    return rest, datagram[8:16], datagram[16:]


class Judge:
    """Holds what came out of either side against the other."""

    def __init__(self, switch):
        self.switch = switch
        self.hops = {mac(switch.hop_mac(number)): UPLINKS[number] for number in range(2)}
        self.came = {side: {} for side in SIDES}  # number -> what came out

    def take(self, side, port, frame):
        number = number_of(frame)
        if number is not None:
            self.came[side].setdefault(number, []).append(self.plain(port, frame))

    def plain(self, port, frame):
        """(port, frame) without what need not be the same."""
        port = self.switch.place_of.get(port, port)
        outer = read_vxlan(frame) if port in UPLINKS else None
        if outer is None:
            return (port, frame)
        (addresses, tos, ttl, rest), header, inner = outer
        size = len(addresses) // 2
        vtep = str(ipaddress.ip_address(addresses[size:]))
        way = (port, frame[:6], frame[6:12])
        if self.switch.paths.get(vtep) == (0, 1) and self.hops.get(frame[:6]) == port and frame[6:12] == mac(f"00:00:00:aa:00:1{port[-1] == '2':d}"):
            way = ("one of two", b"", b"")
        return (*way, addresses, tos, ttl, rest, header, inner)

    def out_of(self, side, sent):
        return sorted(self.came[side].get(sent.number, []), key=str)

    @staticmethod
    def as_rfc6040(sent, out):
        """Linux marks ECN in tunnels by RFC 3168: an inner CE becomes an outer ECT(0), and an outer ECT(1) is not
        carried into an inner ECT(0). The ASIC does as RFC 6040 has it, which is what SAI's STANDARD modes mean."""
        if sent.inner_tos is None:
            return out
        inner_ecn = sent.inner_tos & 3
        if len(out) > 2 and sent.outer_tos is None and inner_ecn == CE:
            return (*out[:4], out[4] | CE, *out[5:])
        if out[0] not in UPLINKS and sent.outer_tos is not None and sent.outer_tos & 3 == ECT1 and inner_ecn == ECT0:
            return (out[0], with_ecn(out[1], ECT1))
        return out

    def same(self, sent):
        theirs, ours = self.out_of("kernel", sent), self.out_of("asic", sent)
        theirs = sorted((self.as_rfc6040(sent, out) for out in theirs), key=str)
        return theirs == ours or self.excused(sent, theirs, ours)

    @staticmethod
    def excused(sent, kernel, asic):
        """Differences that are to be, and in which direction."""
        if sent.excuse == "inner tag":  # RFC 7348 6.1: dropped; Linux takes an inner tag at its word
            return not asic
        if sent.excuse == "snooped":  # Linux drops a multicast packet that its IGMP snooping cannot read
            return not kernel
        if sent.excuse == "spare":  # RFC 7348 5: reserved bits are ignored; Linux drops the frame
            return not kernel
        if sent.excuse == "reserved":  # IEEE 802.1Q 8.6.3; Linux forwards BPDUs where STP is off, from tunnels, too
            return not asic
        if sent.excuse == "sticky":  # SAI: a static MAC that may not move is dropped elsewhere; Linux forwards it
            return not asic
        return False

    def show(self, sent):
        print(f"   frame {sent.number}, {sent.port}: {sent.what}\n      sent   {sent.data[:90].hex()} ({len(sent.data)})")
        for side in SIDES:
            for out in self.out_of(side, sent) or [("nothing",)]:
                words = [part.hex() if isinstance(part, bytes) else str(part) for part in out]
                print(f"      {side:6} {' '.join(word[:180] for word in words)}")


def with_ecn(frame, ecn):
    at = 12
    while struct.unpack_from("!H", frame, at)[0] in (TAG, SERVICE_TAG):
        at += 4
    kind, at = struct.unpack_from("!H", frame, at)[0], at + 2
    if kind == IPV4:
        header = frame[at : at + 1] + bytes([frame[at + 1] & 0xFC | ecn]) + frame[at + 2 : at + 10] + bytes(2) + frame[at + 12 : at + 20]
        return frame[:at] + header[:10] + struct.pack("!H", checksum(header)) + header[12:] + frame[at + 20 :]
    return frame[: at + 1] + bytes([frame[at + 1] & 0xCF | ecn << 4]) + frame[at + 2 :]


# ---- a run --------------------------------------------------------------------------------------


def ask(namespace, *command):
    done = subprocess.run(["nsenter", f"--net=/run/netns/{namespace}", *command], capture_output=True, text=True, check=True)
    return done.stdout


def learned(namespace):
    """Where the kernel of a side says that hosts are."""
    rows = json.loads(ask(namespace, "bridge", "-j", "fdb", "show", "br", "bridge"))
    return {(row["mac"], row.get("vlan")): row["ifname"] for row in rows if row.get("master") and row["state"] != "permanent"
            and not row["mac"].startswith("00:00:00:aa")}  # fmt: skip


def show(table):
    return ask("asic", os.environ["VTEPCTL"], "--socket", os.environ["VTEPD_CONTROL"], "show", table)


def asic_is_idle():
    return "asic_synced 1" in " ".join(show("stats").split())


def kernel_uses(namespace, port):
    """The kernel's bond has found its ports' links, and the one that it prefers."""
    links = {row["ifname"]: row.get("linkinfo", {}) for row in json.loads(ask(namespace, "ip", "-j", "-d", "link", "show"))}
    active = links[port.name]["info_data"].get("active_slave") if port.bond_mode == "active-backup" else port.slaves[0]
    return active == port.slaves[0] and all(links[slave]["info_slave_data"]["mii_status"] == "UP" for slave in port.slaves)


def asic_uses(port):
    """So has the ASIC's LAG."""
    members = {line.split()[1]: line for line in show("asic").splitlines() if line.split()[:1] == ["lag-member"]}
    return all(f"egress_disable={'false' if slave in port.in_use() else 'true'}" in members.get(slave, "") for slave in port.slaves)


def asic_has_read_all():
    """The frames of several ports are read port by port: one of before would come after what is yet to be sent."""
    sockets = [line.split() for line in ask("asic", "cat", "/proc/net/packet").splitlines()]
    unread = sockets[0].index("Rmem")
    return all(int(socket[unread]) == 0 for socket in sockets[1:])


class Run:
    def __init__(self, seed):
        self.switch = Switch(seed)
        self.frames = Frames(self.switch)
        self.judge = Judge(self.switch)
        self.sent = []
        self.wires = {(side, port): Wire(f"{side[0]}-{port}") for side in SIDES for port in self.switch.all_ports()}
        self.sources = {wire.socket: place for place, wire in self.wires.items()}

    def collect(self, seconds):
        ready, _, _ = select.select(list(self.sources), [], [], seconds)
        for source in ready:
            place = self.sources[source]
            while (frame := self.wires[place].receive()) is not None:
                self.judge.take(*place, frame)

    def send(self, batch):
        """A few at a time, so that no queue runs over."""
        for frame in batch:
            self.sent.append(frame)
            for side in SIDES:
                self.wires[side, frame.port].send(frame.data)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.collect(0.01)
            if all(self.judge.same(frame) for frame in batch):
                break

    def until(self, what, condition):
        end = time.monotonic() + 5
        while not condition():
            if time.monotonic() > end:
                print(f"   {what}: not within 5 s")
                return False
            self.collect(0.02)
        return True

    @staticmethod
    def same_places():
        return learned("kernel") == learned("asic")

    def teach(self, count):
        self.frames.fresh.clear()
        self.until("the ASIC has read what was sent", asic_has_read_all)
        self.send([self.frames.teach() for _ in range(count)])
        if not self.until("both kernels know the same places", self.same_places):
            for side in SIDES:
                print(f"      {side}: {sorted(learned(side).items(), key=str)}")
            return False
        return self.until("the ASIC is idle", asic_is_idle)

    def bonds_are_ready(self):
        bonds = [port for port in self.switch.ports if port.bond_mode]
        return all(kernel_uses("kernel", port) and kernel_uses("asic", port) and asic_uses(port) for port in bonds)

    def all(self):
        """How many frames were not the same."""
        places = not self.until("the bonds use their ports", self.bonds_are_ready)
        for _ in range(3):
            places += not self.teach(6)
            for _ in range(5):
                self.send([self.frames.other() for _ in range(6)])
        self.collect(0.1)
        differ = [frame for frame in self.sent if not self.judge.same(frame)]
        for frame in differ:
            self.judge.show(frame)
        came = sum(bool(self.judge.came["kernel"].get(frame.number)) for frame in self.sent)
        print(f"   {len(self.sent)} frames, of {came} something came out; {len(differ)} differ")
        return len(differ) + places


def main():
    if sys.argv[1] == "make":
        return make(int(sys.argv[2]), sys.argv[3])
    return Run(int(sys.argv[2])).all() > 0


if __name__ == "__main__":
    sys.exit(main())
