"""A switch in a namespace of its own, made and fed twice: one is ill-treated, its twin is left in peace, and
both must come to the same.

Each has a port for each VNI with a bridge and a vxlan device as its interface file says (bridges without VLANs:
any kernel with vxlan will do), vtepd-relay, stand-ins for bgpd and zebra, and behind its uplink another tunnel end
with a host that answers pings. With an ASIC (libsoftsai, which forwards) it is one bridge with VLANs, and VNI 2 has a
second port, q1.
"""
import ctypes
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import fabric  # noqa: E402
from fabric import COMMANDS, VTEPS, Stream, fail, frame, run, vni  # noqa: E402

VNIS = 4
STEADY = range(1, 101)  # hosts of VNI 1 that never change
PING_HOST, PING_FAR = "172.16.0.11", "172.16.0.21"
MAC_HOST, MAC_FAR = "02:00:ff:00:00:11", "02:00:ff:00:00:21"
RTM_NEWNEIGH, RTM_DELNEIGH = 28, 29
PORTS = [f"p{i}" for i in range(VNIS)]
ASIC_PORTS = [*PORTS, "q1", "uplink"]


class Inside:
    """This thread in a network namespace, for as long as it takes to make sockets there."""

    def __init__(self, namespace):
        self.path = f"/run/netns/{namespace}"

    def __enter__(self):
        self.own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.enter(os.open(self.path, os.O_RDONLY))

    def __exit__(self, *_):
        self.enter(self.own)

    @staticmethod
    def enter(namespace):
        if ctypes.CDLL(None, use_errno=True).setns(namespace, 0) != 0:
            fail(f"setns: {os.strerror(ctypes.get_errno())}")
        os.close(namespace)


class Zebra:
    """Listens where zebra does, greets, and answers nothing else."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.read, args=(connection,), daemon=True).start()

    @staticmethod
    def read(connection):
        if connection.recv(1 << 16):  # its greeting
            connection.sendall(frame(COMMANDS["8.4"]["capabilities"], struct.pack("!IBIB", 0, 0, 64, 0)))
        while connection.recv(1 << 16):
            pass


class Bgpd(fabric.Speaker):
    """As bgpd: what it has of a VNI it tells while that VNI is there, and all of it when the VNI comes back; of what
    changes meanwhile it says nothing (FRR, bgp_evpn_local_vni_add() and bgp_evpn_local_vni_del())."""

    def __init__(self, path, stream):
        self.lock = threading.Lock()
        self.routes = {}  # (VNI, key): message
        super().__init__(path, stream)

    def tell(self, number, key, message):
        with self.lock:
            self.routes[number, key] = message
            self.send(number, message)

    def withdraw(self, number, key, message):
        with self.lock:
            self.routes.pop((number, key), None)
            self.send(number, message)

    def send(self, number, message):
        if number in self.vnis:
            self.socket.sendall(message)

    def came(self, number):
        with self.lock:
            if number not in self.vnis:
                self.vnis.add(number)
                self.socket.sendall(b"".join(message for (of, _), message in self.routes.items() if of == number))

    def went(self, number):
        with self.lock:
            self.vnis.discard(number)


def vlan(i):
    return 10 + i


def interface_file(variant, asic=False):
    """The files that are reloaded: some have one VNI more, or say other things of the third."""
    text = "auto uplink\niface uplink\n    address 10.0.0.1/24\n\n"
    there = range(VNIS if variant % 2 == 0 else VNIS - 1)
    for i in there:
        changing = i == 2
        access = f"    bridge-access {vlan(i)}\n" if asic else ""
        text += f"auto p{i}\niface p{i}\n    mtu {1500 if not changing else 1400 + variant // 2 * 10}\n{access}\n"
        text += f"auto vx{i}\niface vx{i}\n    vxlan-id {vni(i)}\n    vxlan-local-tunnelip 10.0.0.1\n{access}"
        text += "    bridge-learning off\n    bridge-arp-nd-suppress on\n    mtu 1500\n\n"
        text += f"auto {svi(i, asic)}\niface {svi(i, asic)}\n"
        if not asic:
            text += f"    bridge-ports vx{i} p{i}\n    bridge-stp off\n    bridge-ageing 60000\n"
        text += f"    address 172.16.{i}.1/24\n"
        if changing and variant // 2 % 2:
            text += f"    address 172.17.{variant}.1/24\n    alias variant {variant}\n"
        text += "\n"
    if asic:
        text += f"auto q1\niface q1\n    bridge-access {vlan(1)}\n\nauto br\niface br\n    bridge-vlan-aware yes\n"
        text += f"    bridge-ports {' '.join(f'vx{i} p{i}' for i in there)} q1\n    bridge-vids {' '.join(str(vlan(i)) for i in there)}\n"
        text += "    bridge-stp off\n    bridge-ageing 60000\n\n"
    return text


def svi(i, asic):
    """The device with the VNI's addresses."""
    return f"br.{vlan(i)}" if asic else f"br{i}"


class Switch:
    def __init__(self, name, build, processes, control=None, asic=False, **environment):
        self.name, self.build, self.processes, self.environment = name, build, processes, environment
        self.asic = asic
        self.vtepctl = f"{control or build}/agent/vtepctl"
        self.folder = f"/run/{name}"
        os.makedirs(self.folder)
        self.stream = Stream("8.4", 0, VNIS, True)
        self.wire()
        self.wires = []
        self.hosts = [f"h{i}" for i in range(VNIS)] + (["g1"] if asic else [])
        with Inside(f"{name}-hosts"):
            for i, host in enumerate(self.hosts):
                self.wires.append(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
                self.wires[i].bind((host, 0))
        with Inside(name):
            self.news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, fabric.NETLINK_ROUTE)
            self.news.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
            self.news.bind((0, 1 << 2))  # RTMGRP_NEIGH
            self.news.setblocking(False)
        self.write_file(0)
        self.zebra = Zebra(f"{self.folder}/zserv.api")
        self.start("relay", f"{build}/evpn/vtepd-relay", "--listen", f"{self.folder}/relay.api", "--zebra",
                   f"{self.folder}/zserv.api", "--agent", f"{self.folder}/evpn.sock", "--revive", "none")  # fmt: skip
        self.start_vtepd()
        self.bgpd = Bgpd(f"{self.folder}/relay.api", self.stream)
        self.wait("bgpd hears of every VNI", lambda: len(self.bgpd.vnis) == VNIS)

    def wait(self, what, is_so, seconds=60):
        end = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > end:
                fail(f"{self.name}: {what}: not within {seconds} s\n{self.last_words()}\n{self.last_words('relay')}")
            time.sleep(0.01)

    # ---- its surroundings

    def wire(self):
        far, hosts = f"{self.name}-far", f"{self.name}-hosts"
        for namespace in (self.name, far, hosts):
            run("ip", "netns", "add", namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        self.ip(self.name, f"link add {self.wire_name('uplink')} address 02:00:ff:01:00:01 type veth peer name uplink netns {far} address 02:00:ff:01:00:02")
        for i in range(VNIS):
            self.ip(self.name, f"link add {self.wire_name(f'p{i}')} address 02:00:ff:02:00:{i:02x} type veth peer name h{i} netns {hosts} address {MAC_HOST if i == 0 else f'02:00:ff:03:00:{i:02x}'}")
            self.ip(hosts, f"link set h{i} up")
        if self.asic:
            self.ip(self.name, f"link add {self.wire_name('q1')} type veth peer name g1 netns {hosts}")
            self.ip(hosts, "link set g1 up")
            self.write_profile()
        self.ip(hosts, f"address add {PING_HOST}/24 dev h0")
        self.ip(hosts, f"neigh add {PING_FAR} lladdr {MAC_FAR} dev h0 nud permanent")
        self.ip(far, "address add 10.0.0.2/24 dev uplink")
        self.ip(far, "link set uplink up")
        self.ip(far, f"link add vx0 address {MAC_FAR} type vxlan id {vni(0)} local 10.0.0.2 remote 10.0.0.1 dstport 4789 nolearning")
        self.ip(far, "link set vx0 up")
        self.ip(far, f"address add {PING_FAR}/24 dev vx0")
        self.ip(far, f"neigh add {PING_HOST} lladdr {MAC_HOST} dev vx0 nud permanent")

    def wire_name(self, port):
        """With an ASIC the wire is its own, and the port what it makes of it."""
        return f"wire-{port}" if self.asic else port

    def write_profile(self):
        for port in ASIC_PORTS:  # what the kernel itself would say on a wire
            self.inside("sysctl", "-qw", f"net.ipv6.conf.{self.wire_name(port)}.disable_ipv6=1")
        lines = [f"SOFTSAI_COMPLAINTS={self.folder}/complaints", f"SOFTSAI_PORTS={len(ASIC_PORTS)}", "vtepd.host-interfaces=1"]
        for number, port in enumerate(ASIC_PORTS):
            lane = 1 + 4 * number
            lines += [f"SOFTSAI_WIRE_{lane}={self.wire_name(port)}", f"vtepd.port.{port}={lane}"]
        with open(f"{self.folder}/profile", "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")

    @staticmethod
    def ip(namespace, words):
        run("ip", "-n", namespace, *words.split())

    def inside(self, *command):
        return run("nsenter", f"--net=/run/netns/{self.name}", *command)

    # ---- its daemons

    def start(self, name, *command, **environment):
        # With us they end, too.
        self.processes.start(f"{self.name}-{name}", "setpriv", "--pdeathsig", "KILL", "nsenter", f"--net=/run/netns/{self.name}", *command, **environment)

    def start_vtepd(self):
        library = ["--sai-library", f"{self.build}/tests/libasic_vandal.so", "--sai-profile", f"{self.folder}/profile"] if self.asic else ["--sai-library", "none"]
        self.start("vtepd", f"{self.build}/agent/vtepd", "--interfaces", f"{self.folder}/interfaces", "--relay",
                   f"{self.folder}/evpn.sock", *library, "--control", f"{self.folder}/vtepd.sock",
                   "--state-dir", self.folder, "--audit-interval", "0", "--duplicate-moves", "0",
                   "--stale-time", "2", "--quiet-time", "1", VTEPD_VANDAL=f"{self.folder}/vandal", **self.environment)  # fmt: skip

    def child(self):
        return self.processes.children[f"{self.name}-vtepd"]

    def kill(self):
        self.processes.kill(f"{self.name}-vtepd")

    def stop(self):
        """As systemd stops it. A sanitizer's report is an exit status, too."""
        child = self.processes.children.pop(f"{self.name}-vtepd")
        child.terminate()
        status = child.wait(60)
        if status != 0:
            fail(f"{self.name}: vtepd ended with status {status}: {self.last_words()}")

    def complaints(self):
        """What vtepd's calls got wrong of SAI's metadata."""
        if not os.path.exists(f"{self.folder}/complaints"):
            return ""
        with open(f"{self.folder}/complaints", encoding="utf-8") as file:
            return file.read()

    def last_words(self, daemon="vtepd"):
        with open(f"/run/{self.name}-{daemon}.log", encoding="utf-8", errors="replace") as log:
            return log.read()[-6000:]

    def resident(self):
        with open(f"/proc/{self.child().pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s*(\d+)", file.read()).group(1)) * 1024

    def ctl(self, *words):
        done = subprocess.run([self.vtepctl, "--socket", f"{self.folder}/vtepd.sock", *words], capture_output=True, text=True)
        return done.stdout if done.returncode in (0, 1) else ""

    def stats(self):
        text = self.ctl("show", "stats", "-j")
        return {row["counter"]: row.get("value") for row in json.loads(text)["rows"]} if text else {}

    def is_at_rest(self):
        """The relay has told all that came before: else a host's frame and a route may be taken in another order."""
        stats = self.stats()
        return stats.get("synced") == 1 and stats.get("bgp_session") == 1 and stats.get("relay") == 1

    def settled(self):
        stats = self.stats()
        in_asic = not self.asic or stats.get("asic_synced") == 1
        return stats.get("synced") == 1 and stats.get("stale_routes") == 0 and stats.get("unclaimed_entries") == 0 and in_asic

    # ---- what it is told

    def write_file(self, variant):
        with open(f"{self.folder}/new", "w", encoding="ascii") as file:
            file.write(interface_file(variant, self.asic))
        os.rename(f"{self.folder}/new", f"{self.folder}/interfaces")

    def reload(self, variant):
        self.write_file(variant)
        subprocess.Popen([self.vtepctl, "--socket", f"{self.folder}/vtepd.sock", "reload"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip

    def add(self, i, host, vtep, sequence):
        self.route(vni(i), mac_of(i, host), socket.inet_aton(address_of(i, host)), vtep, sequence)

    def route(self, number, mac, address, vtep, sequence):
        key = struct.pack("!I", number) + mac + struct.pack("!H", len(address)) + address
        self.bgpd.tell(number, key, self.stream.frame("add", key + socket.inet_aton(vtep) + struct.pack("!BI10x", 0, sequence)))

    def withdraw(self, i, host, vtep):
        address = socket.inet_aton(address_of(i, host))
        key = struct.pack("!I", vni(i)) + mac_of(i, host) + struct.pack("!H", len(address)) + address
        self.bgpd.withdraw(vni(i), key, self.stream.frame("del", key + socket.inet_aton(vtep)))

    def flood(self, i, vtep, there):
        command = COMMANDS["8.4"]["vtep"] + (0 if there else 1)
        message = frame(command, struct.pack("!I", vni(i)) + socket.inet_aton(vtep) + bytes(4))
        (self.bgpd.tell if there else self.bgpd.withdraw)(vni(i), vtep, message)

    def say(self, i, host):
        """A frame of a host on our own port of that VNI."""
        self.wires[i].send(b"\xff" * 6 + mac_of(i, host) + b"\x88\xb5" + bytes(46))

    def flap(self, i):
        self.ip(f"{self.name}-hosts", f"link set h{i} down")
        self.ip(f"{self.name}-hosts", f"link set h{i} up")

    def harm_asic(self, tries, seed):
        """So many tries at random objects of the ASIC's, behind vtepd's back; what became of them."""
        with socket.socket(socket.AF_UNIX) as vandal:
            vandal.connect(f"{self.folder}/vandal")
            vandal.sendall(f"{tries} {seed}\n".encode())
            return vandal.makefile().read().splitlines()

    # ---- what it has

    def state(self):
        """What vtepd answers for, as sorted lines: equal states are equal texts."""
        lines = [line.rstrip() for line in self.inside("bridge", "fdb", "show").splitlines() if line.startswith(("02:00:0", "00:00:00:00:00:00"))]
        lines += [line.rstrip() for line in self.inside("ip", "neigh", "show", "proto", "94").splitlines() if "NOARP" in line]
        for link in json.loads(self.inside("ip", "-j", "-d", "addr", "show")):
            if link["ifname"] == "lo":
                continue
            info = link.get("linkinfo", {})
            data, port = info.get("info_data", {}), info.get("info_slave_data", {})
            lines.append(" ".join(str(word) for word in (
                "link", link["ifname"], link["mtu"], "UP" in link["flags"], link.get("master"), link.get("ifalias"),
                info.get("info_kind"), [data.get(name) for name in ("id", "local", "learning", "port", "ageing_time", "stp_state")],
                [port.get(name) for name in ("learning", "neigh_suppress", "isolated", "cost")],
                sorted(a["local"] for a in link["addr_info"] if a["family"] == "inet"))))  # fmt: skip
        return sorted(lines)

    def steady_news(self):
        """What the kernel told of hosts that nothing should happen to, since the last time."""
        told = []
        while True:
            try:
                message = self.news.recv(65536)
            except BlockingIOError:
                return told
            at = message.find(b"\x0a\x00\x02\x00\x02\x00\x00\x00")  # NDA_LLADDR of VNI 1
            if at < 0 or message[16] not in (socket.AF_BRIDGE, socket.AF_INET):
                continue
            if struct.unpack_from("!H", message, at + 8)[0] in STEADY:
                told.append(message.hex())


def mac_of(i, host):
    return struct.pack("!HHH", 0x0200, i, host)


def address_of(i, host):
    return f"172.16.{i}.{host}" if host < 255 else f"172.18.{i}.{host % 256}"


class Ping:
    """A hundred a second, from a host here to one behind the far tunnel end."""

    def __init__(self, switch):
        self.child = subprocess.Popen(["nsenter", f"--net=/run/netns/{switch.name}-hosts", "ping", "-q", "-i", "0.01", PING_FAR],
                                      stdout=subprocess.PIPE, text=True)  # fmt: skip

    def lost(self):
        """(sent, lost); the last one has its time to come back."""
        self.child.send_signal(2)
        text = self.child.communicate(timeout=20)[0]
        sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", text).groups())
        return sent, sent - received


def difference(a, b):
    return "\n".join([f"  only {a.name}: {line}" for line in sorted(set(a.state()) - set(b.state()))] +
                     [f"  only {b.name}: {line}" for line in sorted(set(b.state()) - set(a.state()))])  # fmt: skip


def settle(a, b, what, seconds=60):
    end = time.monotonic() + seconds
    while not (a.state() == b.state() and a.settled()):
        if time.monotonic() > end:
            fail(f"{what}: not the same within {seconds} s:\n{difference(a, b)}\n{a.stats()}\n{a.ctl('show', 'failures')}\n{a.last_words()}")
        time.sleep(0.02)
