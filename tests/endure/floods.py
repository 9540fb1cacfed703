#!/usr/bin/env python3
"""floods.py [--asic] SECONDS BUILD [INPUT...]: a flood on one input, and how long all the others wait.

Inputs: netlink (somebody adds and deletes bridge entries), arp (a host says that it has ever other addresses), hosts (frames
of ever other hosts and addresses on a port), zapi (bgpd moves MACs), control (questions, half questions and rubbish at
vtepd's socket) and, with an ASIC (libsoftsai, which forwards; it wants a kernel whose bridges have VLANs), sai (MACs that
move from port to port, of which the ASIC tells). Each is flooded for SECONDS by a process of its own, as fast as it can;
meanwhile, again and again, one thing comes by each of the others:
  route    bgpd adds a MAC: until the kernel tells of its vxlan entry
  host     a frame of a new host on a port: until bgpd is told of it
  address  a host's gratuitous ARP: until bgpd is told of the address
  beside   the same of a host behind the very port that arp and hosts flood; it says it again each AGAIN
  ask      vtepctl's question for the counters, answered
Each must be over within LIMIT at the worst, or PATIENCE times what it takes on this machine with nothing flooded. Prints
the table: floods by line, the worst wait in ms, how much was sent and vtepd's memory after it.
"""
import json
import multiprocessing
import os
import random
import socket
import struct
import sys
import time

from switch import RTM_NEWNEIGH, VNIS, VTEPS, Inside, Switch, fabric, fail, mac_of

THINGS = ("route", "host", "address", "beside", "ask")
LIMIT = 2.0  # seconds; the machine may be busy with other things
PATIENCE = 50
AGAIN = 0.5
ROW = "{:9}" + "{:>10}" * 5 + "{:>14}{:>10}"


def netlink(switch, _):
    """Learned entries of a local port come and go, in batches of 100."""
    with Inside(switch.name):
        kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, fabric.NETLINK_ROUTE)
        port = socket.if_nametoindex("p1")
    count = 0
    while True:
        for kind, flags in ((28, 0x400), (29, 0)):
            batch = b""
            for i in range(100):
                address = struct.pack("!HHH", 0x0200, 0x7000, count % 4000 + i)
                body = struct.pack("=BxxxiHBB", socket.AF_BRIDGE, port, 2, 4 | (1 if kind == 28 else 0), 0)
                body += struct.pack("=HH", 10, 2) + address + b"\0\0"
                batch += struct.pack("=IHHII", 16 + len(body), kind, 1 | flags, 1, 0) + body
            kernel.send(batch)
        count += 200
        yield count


def arp_frame(mac, ip):
    return b"\xff" * 6 + mac + b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" + mac + ip + bytes(6) + ip + bytes(18)


def arp(switch, _):
    mac = struct.pack("!HHH", 0x0200, 0x7100, 0)
    for count in range(1 << 30):
        try:
            switch.wires[1].send(arp_frame(mac, struct.pack("!I", 0x0A640000 + count % 60000)))
        except OSError:  # the queue is full: as much as there can be
            pass
        yield count


def hosts(switch, _):
    for count in range(1 << 30):
        mac = struct.pack("!HHH", 0x0200, 0x7100 + (count >> 16 & 0xFF), count & 0xFFFF)
        switch.wires[1].send(arp_frame(mac, struct.pack("!I", 0x0A640000 + count % 60000)))
        yield count


def zapi(switch, _):
    """The same thousand MACs from one VTEP to the other and back."""
    for count in range(0, 1 << 30, 1000):
        vtep = socket.inet_aton(VTEPS[count // 1000 % 2])
        switch.bgpd.socket.sendall(b"".join(
            switch.stream.frame("add", struct.pack("!I", fabric.vni(1)) + struct.pack("!HHH", 0x0200, 0x7200, i) + b"\0\0" + vtep + struct.pack("!BI10x", 0, count))
            for i in range(1000)))  # fmt: skip
        yield count


def sai(switch, _):
    """Four thousand hosts speak on one port of a VLAN, and then on the other: the ASIC learns them, and tells of each move."""
    for count in range(1 << 30):
        mac = struct.pack("!HHH", 0x0200, 0x7300, count % 4000)
        switch.wires[(1, VNIS)[count // 4000 % 2]].send(b"\xff" * 6 + mac + b"\x88\xb5" + bytes(46))
        yield count


def control(switch, dice):
    """Questions that are answered, given up, never ended, or make no sense. A few idle ones stay open."""
    idle = []
    for count in range(1 << 30):
        one = socket.socket(socket.AF_UNIX)
        one.setblocking(False)
        try:
            one.connect(f"{switch.folder}/vtepd.sock")
            one.send(dice.choice((b'{"command":"show","table":"mac"}\n', b'{"command":"show","table":"stats"}\n', b'{"comm', b"\0" * 3000, b"[" * 4000 + b"\n", b"")))
        except OSError:  # its queue is full
            time.sleep(0.001)
        idle.append(one)
        if len(idle) > 200:
            idle.pop(0).close()
        yield count


FLOODS = {"netlink": netlink, "arp": arp, "hosts": hosts, "zapi": zapi, "control": control}
WITH_ASIC = {"sai": sai}
# What comes by the flooded input itself has to wait for its turn.
OWN = {"netlink": {"host"}, "arp": set(), "hosts": {"host", "address", "beside"}, "zapi": {"route"}, "control": {"ask"},
       "sai": {"host", "address", "beside"}, None: set()}


def flood(act, switch, sent, stop):
    for count in act(switch, random.Random(1)):
        sent.value = count
        if stop.is_set():
            return


class Probe:
    """One thing at a time by each of the other inputs, and how long it took."""

    def __init__(self, switch):
        self.switch, self.number, self.began = switch, 0, 0.0
        with Inside(switch.name):
            self.news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, fabric.NETLINK_ROUTE)
            self.news.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)  # SO_RCVBUFFORCE
            self.news.bind((0, 1 << 2))  # RTMGRP_NEIGH
            self.tunnel = socket.if_nametoindex("vx0")
        self.news.settimeout(fabric.LIMIT)

    def new_mac(self):
        self.number += 1
        return struct.pack("!HHH", 0x0200, 0x0099, self.number)

    def route(self):
        mac = self.new_mac()
        self.switch.bgpd.socket.sendall(self.switch.stream.frame("add", struct.pack("!I", fabric.vni(0)) + mac + b"\0\0" + socket.inet_aton(VTEPS[0]) + bytes(15)))
        while True:
            try:
                message = self.news.recv(65536)
            except OSError:  # more news than even this queue holds: ask
                if self.has(mac):
                    return
                continue
            kind, index = struct.unpack_from("=H", message, 4)[0], struct.unpack_from("=i", message, 20)[0]
            if kind == RTM_NEWNEIGH and index == self.tunnel and mac in message and socket.inet_aton(VTEPS[0]) in message:
                return

    def has(self, mac):
        text = ":".join(f"{byte:02x}" for byte in mac)
        return any(line.startswith(text) and "dst" in line for line in self.switch.inside("bridge", "fdb", "show", "dev", "vx0").splitlines())

    def host(self):
        mac = self.new_mac()
        self.switch.wires[0].send(b"\xff" * 6 + mac + b"\x88\xb5" + bytes(46))
        self.until(lambda: mac in self.switch.bgpd.locals)

    def address(self):
        time.sleep(0.05)  # a port that says more in a second than hosts do is limited
        self.began = time.monotonic()
        mac = self.new_mac()
        # An address of its own: one that many claim in turn is held as a duplicate.
        self.switch.wires[0].send(arp_frame(mac, struct.pack("!I", 0xAC120000 + self.number)))
        self.until(lambda: mac in self.switch.bgpd.addresses)

    def beside(self):
        time.sleep(0.05)
        self.began = time.monotonic()
        mac = self.new_mac()
        said = 0.0
        while mac not in self.switch.bgpd.addresses and time.monotonic() < self.began + 10 * LIMIT:
            if time.monotonic() > said + AGAIN:
                said = time.monotonic()
                self.switch.wires[1].send(arp_frame(mac, struct.pack("!I", 0xAC120000 + self.number)))
            time.sleep(0.0005)

    def ask(self):
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(fabric.LIMIT)
        one.connect(f"{self.switch.folder}/vtepd.sock")
        one.sendall(b'{"command":"show","table":"stats"}\n')
        answer = b""
        while data := one.recv(65536):
            answer += data
        json.loads(answer)

    @staticmethod
    def until(is_so):
        end = time.monotonic() + 10 * LIMIT
        while not is_so() and time.monotonic() < end:
            time.sleep(0.0005)

    def drain(self):
        self.news.setblocking(False)
        try:
            while True:
                try:
                    self.news.recv(65536)
                except BlockingIOError:
                    return
                except OSError:
                    pass
        finally:
            self.news.settimeout(fabric.LIMIT)

    def worst(self, seconds, own):
        worst = {name: 0.0 for name in THINGS if name not in own}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for name in worst:
                if name == "route":
                    self.drain()
                self.began = time.monotonic()
                getattr(self, name)()
                worst[name] = max(worst[name], time.monotonic() - self.began)
        return worst


def main():
    asic = sys.argv[1] == "--asic"
    seconds, build, *names = sys.argv[2 if asic else 1 :]
    floods = FLOODS | (WITH_ASIC if asic else {})
    fabric.own_namespaces()
    processes = fabric.Processes()
    failed = []
    try:
        switch = Switch("a", build, processes, asic=asic)
        switch.flood(0, VTEPS[0], True)
        for host in range(1, 100):
            switch.add(0, host, VTEPS[0], 0)
        switch.wait("all is written", switch.settled)
        probe = Probe(switch)
        print(ROW.format("flood of", *THINGS, "sent /s", "MB"))
        usual = None
        for name in [None, *(names or floods)]:
            sent, stop = multiprocessing.Value("l", 0), multiprocessing.Event()
            child = name and multiprocessing.Process(target=flood, args=(floods[name], switch, sent, stop), daemon=True)
            if child:
                child.start()
            worst = probe.worst(float(seconds), OWN[name])
            rate = sent.value / float(seconds)
            stop.set()
            if child:
                child.join(10)
                child.kill()
            print(ROW.format(name or "nothing", *(f"{worst[thing] * 1e3:.1f}" if thing in worst else "-" for thing in THINGS), f"{rate:.0f}", switch.resident() >> 20), flush=True)
            usual = usual or worst  # the first time there is no flood
            failed += [f"{name}: {other} waited {value:.2f} s" for other, value in worst.items() if value > max(LIMIT, PATIENCE * usual[other])]
            switch.wait("it has come to rest", lambda: switch.stats().get("synced") == 1, 300)
        if os.getenv("VTEPD_ENDURE_STATS"):
            print(switch.stats())
    finally:
        processes.stop()
    if failed:
        fail("\n".join(failed))
    if complaints := switch.complaints():
        fail(f"calls that SAI does not allow:\n{complaints}")
    print(f"each input flooded, nothing else waited longer than {LIMIT} s, or {PATIENCE} times as long as without")


if __name__ == "__main__":
    main()
