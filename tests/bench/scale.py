#!/usr/bin/env python3
"""scale.py NAME COUNT PEER BUILD: one peer in one situation of a full switch, in namespaces of its own.

  start     COUNT MACs in 4,000 VNIs behind 512 VTEPs stand in the kernel; the peer starts again
  start_asic the same with the software SAI library, all VNIs on one device and a bridge with VLANs; the
            library ends and begins warm (a guest's kernel has what it takes); the peer, no-asic, is vtepd
            without the library
  overrun   somebody deletes all of COUNT MACs while the peer hears through a buffer of 212,992 bytes
  moves     COUNT hosts move, 1,000 a second: to a local port, then to another VTEP
  show      COUNT MACs are shown, and audited, while bgpd moves one each 2 ms
  floods    128 VTEPs in the flood list of each VNI, COUNT entries in all
  rest      COUNT MACs: nothing happens; then 100 MACs a second come and go on a local port
  relay     COUNT messages of 80 bytes each way, and one in each millisecond, between two stand-ins for
            bgpd and zebra: through vtepd-relay, or (direct) without it
  bgpd      COUNT MACs from a real bgpd of another switch, to ours, and into the kernel
  bgpd_asic the same over a bridge with VLANs, and into the software SAI library (not with zebra, no-asic)
  tiny      each of them with a few
PEER is vtepd (with vtepd-relay and an idle zebra), zebra, bare (a loop that only writes) or direct.
Writes one JSON object of figures (of tiny, one for each).
"""
import argparse
import json
import os
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import fabric
from fabric import VTEPS, Processes, Speaker, Stream, Tables, build_switch, fail, frame, mac, run, start_peer, vni, wait_until

FEW_VTEPS = 4  # of each VNI, where there are 512 in all


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def latencies(name, seconds, wanted):
    if len(seconds) < wanted:
        fail(f"{name}: {wanted - len(seconds)} of {wanted} never arrived")
    return {f"{name} p50 ms": percentile(seconds, 0.5) * 1e3, f"{name} p99 ms": percentile(seconds, 0.99) * 1e3}


def stats_of(build):
    rows = json.loads(run(f"{build}/agent/vtepctl", "--socket", "/run/vtepd.sock", "show", "stats", "-j"))["rows"]
    return {row["counter"]: row.get("value") for row in rows}


def fdb_lines(is_one):
    return sum(is_one(line) for line in run("bridge", "fdb", "show").splitlines())


def connect(peer, processes, arguments, stream, **options):
    speaker = Speaker(start_peer(peer, processes, arguments.build, **options), stream)
    wait_until("bgpd hears of every VNI", lambda: len(speaker.vnis) == stream.vnis, 120)
    return speaker


def load(speaker, processes, stream):
    """All MACs of the stream, into the kernel."""
    speaker.socket.sendall(stream.vteps() + stream.adds(VTEPS[0], 0))
    tables = Tables(stream.vnis)
    wait_until("the kernel has all MACs", lambda: tables.bridge_has(stream.count - 1))
    processes.quiet_since()
    return tables


# ---- start --------------------------------------------------------------------------------------


def some_vtep(number):
    return f"10.1.{number // 256}.{number % 256}"


def spread_stream(stream):
    """Each VNI's few VTEPs of the 512, and the MACs behind them."""
    vteps = [[some_vtep((i * FEW_VTEPS + k) % 512 + 1) for k in range(FEW_VTEPS)] for i in range(stream.vnis)]
    lists = b"".join(stream.vtep(i, vtep) for i in range(stream.vnis) for vtep in vteps[i])
    macs = b"".join(
        stream.add(i, vteps[i % stream.vnis][i // stream.vnis % FEW_VTEPS], 0) for i in range(stream.count)
    )
    return lists + macs


class Ready:
    """sd_notify()'s other end."""

    def __init__(self):
        self.path = "/run/ready.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def wait(self):
        self.socket.settimeout(fabric.LIMIT)
        while b"READY=1" not in self.socket.recv(4096):
            pass


def start(arguments, processes):
    vnis = min(4000, arguments.count // 10)
    build_switch(vnis)
    stream = Stream("8.4", arguments.count, vnis, False)
    data = spread_stream(stream)
    speaker = connect(arguments.peer, processes, arguments, stream)
    speaker.socket.sendall(data)
    tables = Tables(vnis)
    wait_until("the kernel has all MACs", lambda: tables.bridge_has(arguments.count - 1))
    processes.quiet_since()
    before = run("bridge", "fdb", "show")
    news = watch_fdb()
    if arguments.peer == "zebra":
        processes.kill("zebra")
        os.unlink("/run/frr/zserv.api")
        began = time.monotonic()
        fabric.start_zebra(processes)
        speaker = Speaker("/run/frr/zserv.api", stream)
        speaker.socket.sendall(data)
        seconds = processes.quiet_since() - began
    else:
        processes.kill("vtepd")
        ready = Ready()
        began = time.monotonic()
        fabric.start_vtepd(processes, arguments.build, {"NOTIFY_SOCKET": ready.path})
        ready.wait()
        seconds = time.monotonic() - began
        processes.quiet_since()
    changes = count_waiting(news)
    if run("bridge", "fdb", "show") != before:
        fail(f"{arguments.peer}: the kernel's tables are others after the start")
    return {"ready s": seconds, "changes told by the kernel": changes, "MB": sum(processes.resident().values()) / 1e6}


# ---- start_asic ---------------------------------------------------------------------------------

ASIC_FILES = {
    "interfaces": """auto uplink
iface uplink
 address 10.0.0.1/24
auto vxlan48
iface vxlan48
 vxlan-local-tunnelip 10.0.0.1
 bridge-vlan-vni-map 2-{last}=10001-{last_vni}
 bridge-learning off
auto br0
iface br0
 bridge-vlan-aware yes
 bridge-ports p0 vxlan48
 bridge-vids 2-{last}
""",
    "profile": """SAI_FDB_TABLE_SIZE=262144
SAI_WARM_BOOT_WRITE_FILE=/run/warm
SAI_WARM_BOOT_READ_FILE=/run/warm
SOFTSAI_COMPLAINTS=/run/complaints
""",
}


def check_complaints():
    """SAI's metadata allowed every call of vtepd."""
    with open("/run/complaints", encoding="ascii") as file:
        complaints = file.read()
    if complaints:
        fail(f"libsoftsai: {complaints}")


def start_asic(arguments, processes):
    vnis = min(4000, arguments.count // 10)
    for name, peer in (("uplink", "far"), ("p0", "p0far")):
        run("ip", "link", "add", name, "type", "veth", "peer", "name", peer)
    library = "none" if arguments.peer == "no-asic" else f"{arguments.build}/hwsync/libsoftsai.so"
    options = {"sai_library": library, "sai_profile": "/run/profile", "interfaces": "/run/interfaces"}
    for name, text in ASIC_FILES.items():
        with open(f"/run/{name}", "w", encoding="ascii") as file:
            file.write(text.format(last=vnis + 1, last_vni=vni(vnis - 1)))
    stream = Stream("8.4", arguments.count, vnis, False)
    connect("vtepd", processes, arguments, stream, **options).socket.sendall(spread_stream(stream))

    def has_all():
        stats = stats_of(arguments.build)
        return stats["remote_macs"] == arguments.count and stats["synced"] == 1 and stats.get("asic_synced", 1) == 1

    wait_until("kernel and ASIC have all MACs", has_all, pause=0.5)
    vtepd = processes.children.pop("vtepd")
    vtepd.terminate()
    vtepd.wait(fabric.LIMIT)
    ready = Ready()
    began = time.monotonic()
    fabric.start_vtepd(processes, arguments.build, {"NOTIFY_SOCKET": ready.path}, **options)
    ready.wait()
    seconds = time.monotonic() - began
    wait_until("all is known again", has_all)
    if library != "none":
        check_complaints()
    stats = stats_of(arguments.build)
    return {
        "ready s": seconds,
        "kernel writes": stats["kernel_writes"],
        "ASIC writes": sum(stats.get(f"asic_{kind}", 0) for kind in ("creates", "sets", "removes")),
        "ASIC objects": stats.get("asic_objects", 0),
        "MB": sum(processes.resident().values()) / 1e6,
    }


# ---- the kernel's news --------------------------------------------------------------------------


def watch_fdb():
    news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, fabric.NETLINK_ROUTE)
    news.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)  # SO_RCVBUFFORCE
    news.bind((0, 1 << 2))  # RTMGRP_NEIGH
    news.setblocking(False)
    return news


def count_waiting(news):
    count = 0
    try:
        while message := news.recv(65536):
            count += message[16] == socket.AF_BRIDGE
    except BlockingIOError:
        return count


def attributes(message):
    """{type: value} of a RTM_NEWNEIGH."""
    found, at = {}, 28
    while at + 4 <= len(message):
        size, kind = struct.unpack_from("=HH", message, at)
        found[kind & 0x3FFF] = message[at + 4 : at + size]
        at += size + 3 & ~3
    return found


# ---- overrun ------------------------------------------------------------------------------------


def overrun(arguments, processes):
    build_switch(1)
    stream = Stream("8.4", arguments.count, 1, False)
    speaker = connect(arguments.peer, processes, arguments, stream, netlink_buffer=212992)
    load(speaker, processes, stream)
    before = stats_of(arguments.build)
    run(f"{arguments.build}/tests/bench_floor", "del", str(arguments.count), "1")
    began = time.monotonic()
    seconds = processes.quiet_since(1) - began
    after = stats_of(arguments.build)
    there = fabric.count_of()
    if there[0] != arguments.count or there[1][VTEPS[0]] != arguments.count:
        fail(f"{arguments.peer}: after the overrun the kernel has {there}")
    return {"equal again s": seconds, "resyncs": after["resyncs"] - before["resyncs"],
            "overruns": after["overruns"] - before["overruns"]}  # fmt: skip


# ---- moves --------------------------------------------------------------------------------------

RTM_NEWNEIGH, NTF_USE, NUD_REACHABLE = 28, 1, 2


def add_local_port():
    run("ip", "link", "add", "p0", "type", "veth", "peer", "name", "p0far")
    run("ip", "link", "set", "p0", "master", "br0")
    run("ip", "link", "set", "p0far", "up")
    run("ip", "link", "set", "p0", "up")
    wait_until("p0 forwards", lambda: "state forwarding" in run("bridge", "link", "show", "dev", "p0"), 60)


class Host:
    """Hosts on p0, as the bridge would learn them from their frames."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, fabric.NETLINK_ROUTE)
        self.port = socket.if_nametoindex("p0")

    def say(self, address, kind=RTM_NEWNEIGH, flags=0x400):
        use = NTF_USE if kind == RTM_NEWNEIGH else 0
        body = struct.pack("=BxxxiHBB", socket.AF_BRIDGE, self.port, NUD_REACHABLE, fabric.NTF_MASTER | use, 0)
        body += struct.pack("=HH", 4 + len(address), fabric.NDA_LLADDR) + address + b"\0\0"
        self.socket.send(struct.pack("=IHHII", 16 + len(body), kind, fabric.NLM_F_REQUEST | flags, 1, 0) + body)

    def leave(self, address):
        self.say(address, 29, 0)


def at_rate(count, rate, act, poll):
    """act(i) at its time; poll() meanwhile."""
    began = time.monotonic()
    for i in range(count):
        while (left := began + i / rate - time.monotonic()) > 0:
            poll(min(left, 0.0005))
        act(i)


class RemoteMoves:
    """MACs that bgpd moves to the second VTEP, and when the kernel told that they are there."""

    def __init__(self, speaker):
        self.speaker, self.said, self.seen = speaker, {}, {}
        self.news, self.tunnel = watch_fdb(), socket.if_nametoindex("vx0")
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.news, selectors.EVENT_READ)

    def say(self, index):
        self.said[mac(index)] = time.monotonic()
        self.speaker.socket.sendall(self.speaker.stream.add(index, VTEPS[1], 9))

    def read(self, seconds):
        if not self.selector.select(seconds):
            return
        message = self.news.recv(65536)
        now = time.monotonic()
        kind, index = struct.unpack_from("=H", message, 4)[0], struct.unpack_from("=i", message, 20)[0]
        if kind != RTM_NEWNEIGH or index != self.tunnel:
            return
        row = attributes(message)
        if row.get(fabric.NDA_DST) == socket.inet_aton(VTEPS[1]):
            self.seen.setdefault(row[fabric.NDA_LLADDR], now)

    def seconds(self):
        end = time.monotonic() + 60
        while len(self.seen) < len(self.said) and time.monotonic() < end:
            self.read(0.1)
        return [self.seen[address] - when for address, when in self.said.items() if address in self.seen]


def moves(arguments, processes):
    build_switch(1)
    add_local_port()
    count = arguments.count
    stream = Stream("8.4", count, 1, False)
    speaker = connect(arguments.peer, processes, arguments, stream)
    load(speaker, processes, stream)
    host, said = Host(), {}

    def appear(index):
        said[mac(index)] = time.monotonic()
        host.say(mac(index))

    at_rate(count, 1000, appear, time.sleep)
    wait_until("bgpd hears of every move", lambda: said.keys() <= speaker.locals.keys(), 60)
    to_bgp = [speaker.locals[address] - when for address, when in said.items()]
    processes.quiet_since()
    remote = RemoteMoves(speaker)
    at_rate(count, 1000, remote.say, remote.read)
    return {**latencies("kernel to bgpd", to_bgp, count), **latencies("bgpd to kernel", remote.seconds(), count)}


# ---- show ---------------------------------------------------------------------------------------


def answer_of(command, remote):
    """Seconds until a program's first row and its end, while bgpd moves a MAC each 2 ms."""
    began = due = time.monotonic()
    first, start, index = None, b"", len(remote.said)
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    os.set_blocking(child.stdout.fileno(), False)
    while True:
        try:
            data = os.read(child.stdout.fileno(), 1 << 20)
            if not data:
                break
            if first is None and b"02:00:" in (start := start + data):
                first = time.monotonic() - began
        except BlockingIOError:
            pass
        if time.monotonic() >= due:
            remote.say(index)
            index, due = index + 1, due + 0.002
        remote.read(0.0005)
    if child.wait() not in (0, 1):
        fail(f"{' '.join(command)}: exit status {child.returncode}")
    return first or 0, time.monotonic() - began


def show(arguments, processes):
    build_switch(1)
    stream = Stream("8.4", arguments.count, 1, False)
    speaker = connect(arguments.peer, processes, arguments, stream)
    load(speaker, processes, stream)
    remote = RemoteMoves(speaker)
    vtepctl = [f"{arguments.build}/agent/vtepctl", "--socket", "/run/vtepd.sock"]
    is_zebra = arguments.peer == "zebra"
    vtysh = ["vtysh", "--vty_socket", "/run/frr", "-c", "show evpn mac vni all json"]
    first, whole = answer_of(vtysh if is_zebra else [*vtepctl, "show", "mac", "-j"], remote)
    figures = {"first row ms": first * 1e3, "whole s": whole, "longest wait ms": max(remote.seconds()) * 1e3}
    if not is_zebra:
        _, figures["audit s"] = answer_of([*vtepctl, "audit", "--vtysh", "none"], remote)
        figures["longest wait in both ms"] = max(remote.seconds()) * 1e3
    return figures


# ---- floods -------------------------------------------------------------------------------------


def floods(arguments, processes):
    vnis = max(1, arguments.count // 128)
    build_switch(vnis)
    count = vnis * 128

    def in_kernel():
        found = fdb_lines(lambda line: line.startswith("00:00:00:00:00:00"))
        if found != count:
            fail(f"{arguments.peer}: {found} flood entries of {count}")

    if arguments.peer == "bare":
        began = time.monotonic()
        run(f"{arguments.build}/tests/bench_floor", "floods", str(count), str(vnis))
        seconds = time.monotonic() - began
        in_kernel()
        return {"add us": seconds * 1e6 / count}
    stream = Stream("8.4", 0, vnis, False)
    # As bgpd tells it at the start: a VTEP's routes, one after the other.
    data = b"".join(stream.vtep(i, some_vtep(k + 1)) for k in range(128) for i in range(vnis))
    speaker = connect(arguments.peer, processes, arguments, stream)
    processes.quiet_since()
    used, began = sum(processes.processor_seconds().values()), time.monotonic()
    speaker.socket.sendall(data)
    seconds = processes.quiet_since() - began
    used = sum(processes.processor_seconds().values()) - used
    in_kernel()
    return {"add us": seconds * 1e6 / count, "processor us": used * 1e6 / count}


# ---- rest ---------------------------------------------------------------------------------------

def share_of(processes, act):
    """The share of a processor that the peer's daemons use while act() lasts."""
    used, began = processes.processor_seconds(), time.monotonic()
    act()
    now, took = processes.processor_seconds(), time.monotonic() - began
    return 100 * sum(now[name] - used[name] for name in now) / took


def rest(arguments, processes):
    build_switch(100)
    add_local_port()
    stream = Stream("8.4", arguments.count, 100, False)
    speaker = connect(arguments.peer, processes, arguments, stream, snoop="yes")
    load(speaker, processes, stream)
    host = Host()
    seconds = 20 if arguments.count > 1000 else 1

    def come_or_go(index):
        address = struct.pack("!HI", 0x0600, index // 2 % 50)
        return host.leave(address) if index % 2 else host.say(address)

    figures = {"at rest %": share_of(processes, lambda: time.sleep(seconds)),
               "100 events/s %": share_of(processes, lambda: at_rate(100 * seconds, 100, come_or_go, time.sleep))}  # fmt: skip
    if arguments.peer == "vtepd":
        before, began = processes.processor_seconds()["vtepd"], time.monotonic()
        run(f"{arguments.build}/agent/vtepctl", "--socket", "/run/vtepd.sock", "audit", "--layer", "kernel")
        figures["audit s"] = time.monotonic() - began
        # One in ten minutes, unless told otherwise.
        figures["at rest %"] += 100 * (processes.processor_seconds()["vtepd"] - before) / 600
    return figures


# ---- relay --------------------------------------------------------------------------------------

OPAQUE = 200  # a command that neither FRR's daemons nor the relay have
MESSAGE = 80


class Zebra:
    """A stand-in that listens where zebra does and answers nothing but the greeting."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()

    def accept(self):
        self.socket, _ = self.listener.accept()
        self.socket.sendall(frame(fabric.COMMANDS["8.4"]["capabilities"], struct.pack("!IBIB", 0, 0, 64, 0)))


def skip_to_opaque(connection):
    """What came before the first message of ours is read and forgotten; its first bytes are given back."""
    buffer = bytearray()
    while True:
        buffer += connection.recv(1 << 16)
        while len(buffer) >= 10 and len(buffer) >= (size := struct.unpack_from("!H", buffer)[0]):
            if struct.unpack_from("!H", buffer, 8)[0] == OPAQUE:
                return len(buffer)
            del buffer[:size]


def opaque(index=0, when=0.0):
    return frame(OPAQUE, struct.pack("!Id", index, when).ljust(MESSAGE - 10, b"\0"))


def stream_through(sender, receiver, count):
    data = opaque() * count
    got = []

    def read():
        size = skip_to_opaque(receiver)
        while size < len(data):
            size += len(receiver.recv(1 << 20))
        got.append(time.monotonic())

    reader = threading.Thread(target=read)
    reader.start()
    began = time.monotonic()
    sender.sendall(data)
    reader.join(60)
    if not got:
        fail("relay: a message was lost")
    return count / (got[0] - began)


def one_by_one(sender, receiver, count):
    took = []

    def read():
        buffer = bytearray()
        while len(took) < count:
            buffer += receiver.recv(1 << 16)
            while len(buffer) >= MESSAGE:
                took.append(time.monotonic() - struct.unpack_from("!d", buffer, 14)[0])
                del buffer[:MESSAGE]

    reader = threading.Thread(target=read)
    reader.start()
    for index in range(count):
        sender.sendall(opaque(index, time.monotonic()))
        time.sleep(0.001)
    reader.join(60)
    return took


def relay(arguments, processes):
    zebra = Zebra("/run/frr/zserv.api")
    path = "/run/frr/zserv.api"
    if arguments.peer != "direct":
        processes.start("relay", f"{arguments.build}/evpn/vtepd-relay", "--listen", "/run/relay.api", "--zebra", path,
                        "--agent", "/run/evpn.sock")  # fmt: skip
        path = "/run/relay.api"
    bgpd = socket.socket(socket.AF_UNIX)
    wait_until("somebody listens", lambda: bgpd.connect_ex(path) == 0, 20)
    bgpd.sendall(Stream("8.4", 0, 0, False).hello())
    zebra.accept()
    figures = {"to zebra /s": stream_through(bgpd, zebra.socket, arguments.count),
               "to bgpd /s": stream_through(zebra.socket, bgpd, arguments.count)}  # fmt: skip
    few = min(5000, arguments.count)
    figures.update(latencies("to zebra", one_by_one(bgpd, zebra.socket, few), few))
    figures.update(latencies("to bgpd", one_by_one(zebra.socket, bgpd, few), few))
    return figures


# ---- bgpd ---------------------------------------------------------------------------------------

BGPD = """hostname {name}
router bgp 65000
 bgp router-id {own}
 no bgp default ipv4-unicast
 neighbor {other} remote-as 65000
 neighbor {other} timers connect 1
 address-family l2vpn evpn
  neighbor {other} activate
  advertise-all-vni
 exit-address-family
"""


def start_bgpd(processes, name, own, other, zebra, *namespace):
    folder = f"/run/frr-{name}"
    os.makedirs(folder)
    shutil.chown(folder, "frr", "frr")
    with open(f"{folder}/bgpd.conf", "w", encoding="ascii") as file:
        file.write(BGPD.format(name=name, own=own, other=other))
    processes.start(f"bgpd-{name}", *namespace, f"{fabric.FRR8}/bgpd", "-A", "127.0.0.1", "-P", "0", "-l", own,
                    "-f", f"{folder}/bgpd.conf", "-i", f"{folder}/bgpd.pid", "-z", zebra, "--vty_socket", folder)  # fmt: skip


def start_far(processes, count):
    """Another switch with COUNT local hosts, all of it FRR's."""
    own = "/run/frr-zebra"
    os.makedirs(own)
    shutil.chown(own, "frr", "frr")
    far = ("ip", "netns", "exec", "other")
    processes.start("zebra-far", *far, f"{fabric.FRR8}/zebra", "-A", "127.0.0.1", "-s", "90000000", "-P", "0", "-f", "/dev/null",
                    "-i", f"{own}/zebra.pid", "-z", f"{own}/zserv.api", "--vty_socket", own)  # fmt: skip
    wait_until("the other zebra listens", lambda: os.path.exists(f"{own}/zserv.api"), 20)
    start_bgpd(processes, "far", "10.0.0.2", "10.0.0.1", f"{own}/zserv.api", *far)
    show = (*far, "vtysh", "--vty_socket", "/run/frr-far", "-c", "show bgp l2vpn evpn route type 2 json")
    wait_until("the other bgpd listens", lambda: subprocess.run(show, capture_output=True).returncode == 0, 20)
    wait_until("the other bgpd has all MACs", lambda: json.loads(run(*show)).get("numPrefix", 0) >= count, pause=1)


def build_far(build, count):
    run("ip", "netns", "add", "other")
    run("ip", "link", "set", "far", "netns", "other")
    lines = ["link set lo up", "address add 10.0.0.2/24 dev far", "link set far up",
             "link add br0 type bridge ageing_time 1000000", "link set br0 up",
             f"link add vx0 master br0 type vxlan id {vni(0)} local 10.0.0.2 dstport 4789 nolearning",
             "link add p0 master br0 type veth peer name p0far", "link set p0 up", "link set p0far up", "link set vx0 up"]  # fmt: skip
    subprocess.run(["ip", "-n", "other", "-batch", "-"], input="\n".join(lines), text=True, check=True)
    run("ip", "netns", "exec", "other", f"{build}/tests/bench_floor", "local", str(count), "1")


def bgpd(arguments, processes, **options):
    """`options`: vtepd's."""
    build_switch(1)
    if options:
        filter_vlans()
    build_far(arguments.build, arguments.count)
    start_far(processes, arguments.count)
    zebra = start_peer(arguments.peer, processes, arguments.build, **options)
    watcher = subprocess.Popen([f"{arguments.build}/tests/bench_floor", "watch", str(arguments.count), "1"], stdout=subprocess.PIPE, text=True)
    processes.quiet_since()
    used = processes.processor_seconds()
    start_bgpd(processes, "near", "10.0.0.1", "10.0.0.2", zebra)
    seconds = watcher.communicate(timeout=fabric.LIMIT)[0]
    if watcher.returncode != 0:
        fail(f"{arguments.peer}: the kernel's news of the MACs were not whole")
    in_kernel = time.monotonic()
    if options.get("sai_library", "none") != "none":
        wait_until("the ASIC has all MACs", lambda: asic_has_all(arguments), pause=0.05)
        check_complaints()
    in_asic = time.monotonic()
    now = processes.wait_quiet()
    there = fabric.count_of()
    if there[0] != arguments.count or there[1][VTEPS[0]] != arguments.count:
        fail(f"{arguments.peer}: the kernel has {there}")
    ours = [name for name in used if not name.endswith("-far")]
    return {"first to last s": float(seconds) + in_asic - in_kernel, "processor s": sum(now[name] - used[name] for name in ours),
            "bgpd's processor s": now["bgpd-near"]}  # fmt: skip


def filter_vlans():
    """The switch's one VNI is VLAN 2, which an ASIC wants."""
    for command in ("ip link add p1 master br0 type veth peer name p1far", "ip link set br0 type bridge vlan_filtering 1",
                    "bridge vlan add dev vx0 vid 2 pvid untagged", "bridge vlan add dev br0 vid 2 pvid untagged self",
                    "bridge vlan add dev p1 vid 2 pvid untagged", "ip link set p1 up", "ip link set p1far up"):  # fmt: skip
        run(*command.split())


def asic_has_all(arguments):
    stats = stats_of(arguments.build)
    return stats["asic_objects"] >= arguments.count and stats["asic_synced"] == 1


def bgpd_asic(arguments, processes):
    with open("/run/profile", "w", encoding="ascii") as file:
        file.write(ASIC_FILES["profile"])
    library = f"{arguments.build}/hwsync/libsoftsai.so" if arguments.peer == "vtepd" else "none"
    return bgpd(arguments, processes, sai_library=library, sai_profile="/run/profile")


# ---- what tests/bench/run makes of it ------------------------------------------------------------


def at_most(figure, limit, of=None):
    """A goal: the figure itself, or its part of a peer's, is not above the limit."""

    def judge(peers):
        mine = peers["vtepd"][figure]["median"]
        if of is None:
            return mine <= limit, f"{mine:.3g}"
        return mine <= limit * peers[of][figure]["median"], f"{mine / peers[of][figure]['median']:.2f} of {of}'s"

    return judge


def added(figure, limit, to):
    def judge(peers):
        more = peers["vtepd"][figure]["median"] - peers[to][figure]["median"]
        return more <= limit, f"{more:.3g}"

    return judge


def times(figure, factor, of):
    """A goal: `factor` times the rate of a peer, whose figure is a time."""

    def judge(peers):
        ratio = peers[of][figure]["median"] / peers["vtepd"][figure]["median"]
        return ratio >= factor, f"{ratio:.2f} times"

    return judge


# Name: (measure, peers, goals).
ROWS = {
    "start": (start, ["vtepd", "zebra"], [
        ("ready within 3 s", at_most("ready s", 3)),
        ("nothing written", at_most("changes told by the kernel", 0))]),
    "start_asic": (start_asic, ["vtepd", "no-asic"], [
        ("ready within 3 s", at_most("ready s", 3)),
        ("nothing written to the kernel", at_most("kernel writes", 0)),
        ("nothing written to the ASIC", at_most("ASIC writes", 0))]),
    "overrun": (overrun, ["vtepd"], [
        ("tables equal again in under 3 s", at_most("equal again s", 3)),
        ("two resyncs at most", at_most("resyncs", 2))]),
    "moves": (moves, ["vtepd", "zebra"], [
        (f"{way}: {text}", judge)
        for way in ("kernel to bgpd", "bgpd to kernel")
        for text, judge in (("p99 under 10 ms", at_most(f"{way} p99 ms", 10)),
                            ("p99 half of zebra's", at_most(f"{way} p99 ms", 0.5, "zebra")))]),
    "show": (show, ["vtepd", "zebra"], [
        ("first row within 50 ms", at_most("first row ms", 50)),
        ("all rows in 2 s", at_most("whole s", 2)),
        ("audit in 5 s", at_most("audit s", 5)),
        ("no move waits more than 20 ms", at_most("longest wait in both ms", 20))]),
    "floods": (floods, ["vtepd", "zebra", "bare"], [("3 times zebra's rate", times("add us", 3, "zebra"))]),
    "rest": (rest, ["vtepd", "zebra"], [
        ("under 1 % of a core at rest", at_most("at rest %", 1)),
        ("under 2 % with 100 events a second", at_most("100 events/s %", 2))]),
    "relay": (relay, ["vtepd", "direct"], [
        (f"{way}: p99 under 200 us more than without", added(f"{way} p99 ms", 0.2, "direct"))
        for way in ("to zebra", "to bgpd")]),
    "bgpd": (bgpd, ["vtepd", "zebra"], [
        ("not slower than bgpd and zebra", times("first to last s", 1, "zebra")),
        ("processor: at most half of zebra's", at_most("processor s", 0.5, "zebra"))]),
    "bgpd_asic": (bgpd_asic, ["vtepd", "no-asic", "zebra"], [
        ("not slower than bgpd and zebra", times("first to last s", 1, "zebra"))]),
}  # fmt: skip


# Of these the work wants a bridge with VLANs.
IN_GUEST = {"start_asic", "bgpd_asic"}
# Does each still work?
TINY = ["start-1000", "start_asic-200", "overrun-2000", "moves-200", "show-1000", "floods-1280", "rest-200", "relay-2000", "bgpd-200",
        "bgpd_asic-200"]


def is_of_scale(case):
    return case.rsplit("-", 1)[0] in ROWS


def summarize(results, summary):
    return {figure: summary([result["figures"][figure] for result in results]) for figure in results[0]["figures"]}


def goals(name, peers):
    return [{"goal": goal, "met": met, "found": found}
            for goal, judge in ROWS[name][2] for met, found in [judge(peers)]]  # fmt: skip


def print_table(case, of):
    print(f"\n{case}: median (range)")
    figures = list(of["peers"]["vtepd"])
    width = max(map(len, figures))
    print(f"  {'':{width}}" + "".join(f"{peer:>34}" for peer in of["peers"]))
    for figure in figures:
        line = f"  {figure:{width}}"
        for rows in of["peers"].values():
            at = rows.get(figure)
            line += f"{at['median']:.4g} ({at['low']:.4g} to {at['high']:.4g})".rjust(34) if at else f"{'-':>34}"
        print(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("name", choices=[*ROWS, "tiny"])
    parser.add_argument("count", type=int)
    parser.add_argument("peer")
    parser.add_argument("build")
    arguments = parser.parse_args()
    if arguments.name == "tiny":
        for case in TINY:
            subprocess.run([sys.argv[0], *case.rsplit("-", 1), arguments.peer, arguments.build], check=True)
        return
    fabric.own_namespaces()
    processes = Processes()
    try:
        figures = ROWS[arguments.name][0](arguments, processes)
    except BaseException:
        processes.last_words()
        raise
    finally:
        processes.stop()
    print(json.dumps({"peer": arguments.peer, "name": arguments.name, "count": arguments.count, "figures": figures}))


if __name__ == "__main__":
    main()
