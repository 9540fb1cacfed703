"""What the benchmarks of remote MACs are made of: a switch in namespaces of its own, bgpd's end of the
zebra API, the kernel's tables, and the daemons with what they use.

The kernel needs bridges and vxlan devices, no VLAN filtering: one device and one bridge for each VNI.
"""
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

NETLINK_ROUTE, RTM_GETNEIGH, NLM_F_REQUEST = 0, 30, 1
NTF_SELF, NTF_MASTER = 2, 4
NDA_DST, NDA_LLADDR = 1, 2
VTEPS = ("10.0.0.2", "10.0.0.3")
LIMIT = 600  # seconds until a peer is called stuck
FRR8 = "/usr/lib/frr"


def fail(why):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {why}")


def wait_until(what, is_so, seconds=LIMIT, pause=0.001):
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            fail(f"{what}: not within {seconds} s")
        time.sleep(pause)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        fail(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


# ---- the switch ---------------------------------------------------------------------------------


def own_namespaces():
    """Network and mounts of our own; what FRR keeps in /run is ours alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000 | 0x00020000) != 0:  # CLONE_NEWNET | CLONE_NEWNS
        fail(f"unshare: {os.strerror(ctypes.get_errno())} (root is needed)")
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    os.makedirs("/run/frr")
    shutil.chown("/run/frr", "frr", "frr")


def vni(index):
    return 10001 + index


def build_switch(vnis):
    # A dummy device would do where the kernel has one; veth is everywhere.
    run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "far")
    run("ip", "address", "add", "10.0.0.1/24", "dev", "uplink")
    for name in ("lo", "uplink", "far"):
        run("ip", "link", "set", name, "up")
    lines = []
    for i in range(vnis):
        # Else a kernel with VLANs makes of each entry without one two, the other for VLAN 1.
        bridge = ["ip", "link", "add", f"br{i}", "type", "bridge"]
        if subprocess.run([*bridge, "vlan_default_pvid", "0"], capture_output=True).returncode != 0:
            run(*bridge)
        lines += [
            f"link set br{i} addrgenmode none up",
            f"address add 10.{100 + i // 200}.{i % 200}.1/16 dev br{i}" if i == 0 else f"link set br{i} up",
            f"link add vx{i} master br{i} type vxlan id {vni(i)} local 10.0.0.1 dstport 4789 nolearning",
            f"link set vx{i} addrgenmode none up type bridge_slave learning off neigh_suppress on",
        ]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)
    for table, size in (("gc_thresh1", 1 << 20), ("gc_thresh2", 1 << 21), ("gc_thresh3", 1 << 22)):
        path = f"/proc/sys/net/ipv4/neigh/default/{table}"
        if os.path.exists(path):
            with open(path, "w", encoding="ascii") as file:
                file.write(str(size))


# ---- the stream ---------------------------------------------------------------------------------

COMMANDS = {  # lib/zclient.h: HELLO, CAPABILITIES, ADVERTISE_ALL_VNI, VNI_ADD, REMOTE_VTEP_ADD, MACIP_ADD, REMOTE_MACIP_ADD, REMOTE_MACIP_DEL
    "8.4": {"hello": 18, "capabilities": 19, "advertise": 60, "vni": 67, "vtep": 71, "local": 73, "add": 77, "del": 78},
    "10.3": {"hello": 19, "advertise": 59, "vni": 66, "vtep": 70, "local": 72, "add": 76, "del": 77},
}


def frame(command, body):
    return struct.pack("!HBBIH", 10 + len(body), 254, 6, 0, command) + body


def mac(index):
    return struct.pack("!HI", 0x0200, index)


def ip(index):
    return struct.pack("!I", (10 << 24 | 100 << 16) + 256 + index)


class Stream:
    def __init__(self, release, count, vnis, hosts):
        self.numbers = COMMANDS[release]
        self.count, self.vnis, self.hosts = count, vnis, hosts

    def frame(self, name, body):
        return frame(self.numbers[name], body)

    def key(self, index):
        address = ip(index) if self.hosts else b""
        return struct.pack("!I", vni(index % self.vnis)) + mac(index) + struct.pack("!H", len(address)) + address

    def add(self, index, vtep, sequence):
        return self.frame("add", self.key(index) + socket.inet_aton(vtep) + struct.pack("!BI10x", 0, sequence))

    def adds(self, vtep, sequence):
        return b"".join(self.add(i, vtep, sequence) for i in range(self.count))

    def deletes(self, vtep):
        tail = socket.inet_aton(vtep)
        return b"".join(self.frame("del", self.key(i) + tail) for i in range(self.count))

    def vtep(self, index, vtep):
        """A member of the flood list of the VNI of that index."""
        return self.frame("vtep", struct.pack("!I", vni(index)) + socket.inet_aton(vtep) + bytes(4))

    def vteps(self):
        return b"".join(self.vtep(i, vtep) for i in range(self.vnis) for vtep in VTEPS)

    def hello(self):
        # 10.0 has another number for BGP, and no field receive_notify.
        of_84 = self.numbers is COMMANDS["8.4"]
        return self.frame("hello", struct.pack("!BHIBB", 9, 0, 0, 0, 0) if of_84 else struct.pack("!BHIB", 10, 0, 0, 0))


class Speaker:
    """bgpd's end: says the stream, reads what comes, and notes VNIs and when it was told of local MACs."""

    def __init__(self, path, stream):
        self.stream = stream
        self.vnis = set()
        self.locals = {}  # MAC: when
        self.addresses = {}  # MAC that was told with an IP address: when
        self.socket = socket.socket(socket.AF_UNIX)
        wait_until(f"{path} listens", lambda: self.socket.connect_ex(path) == 0, 20)
        threading.Thread(target=self.read, daemon=True).start()
        self.socket.sendall(stream.hello())
        self.socket.sendall(stream.frame("advertise", b"\x01\x00"))

    def read(self):
        buffer = bytearray()
        while data := self.socket.recv(1 << 16):
            buffer += data
            while len(buffer) >= 10 and len(buffer) >= (size := struct.unpack_from("!H", buffer)[0]):
                command = struct.unpack_from("!H", buffer, 8)[0]
                if command == self.stream.numbers["vni"]:
                    self.came(struct.unpack_from("!I", buffer, 10)[0])
                elif command == self.stream.numbers["vni"] + 1:
                    self.went(struct.unpack_from("!I", buffer, 10)[0])
                elif command == self.stream.numbers["local"]:
                    self.locals.setdefault(bytes(buffer[14:20]), time.monotonic())
                    if buffer[20:24] != bytes(4):
                        self.addresses.setdefault(bytes(buffer[14:20]), time.monotonic())
                del buffer[:size]

    def came(self, number):
        self.vnis.add(number)

    def went(self, number):
        self.vnis.discard(number)


# ---- the kernel's tables ------------------------------------------------------------------------


class Tables:
    def __init__(self, vnis):
        self.vnis = vnis
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
        self.indexes = {name: socket.if_nametoindex(name) for i in range(vnis) for name in (f"vx{i}", f"br{i}")}

    def ask(self, family, ifindex, flags, attribute, value):
        body = struct.pack("=BxxxiHBB", family, ifindex, 0, flags, 0)
        body += struct.pack("=HH", 4 + len(value), attribute) + value + bytes(-len(value) % 4)
        self.socket.send(struct.pack("=IHHII", 16 + len(body), RTM_GETNEIGH, NLM_F_REQUEST, 1, 0) + body)
        answer = self.socket.recv(65536)
        return None if struct.unpack_from("=H", answer, 4)[0] == 2 else answer  # NLMSG_ERROR

    def bridge_has(self, index):
        device = self.indexes[f"vx{index % self.vnis}"]
        return self.ask(socket.AF_BRIDGE, device, NTF_MASTER, NDA_LLADDR, mac(index)) is not None

    def vtep_of(self, index):
        device = self.indexes[f"vx{index % self.vnis}"]
        answer = self.ask(socket.AF_BRIDGE, device, NTF_SELF, NDA_LLADDR, mac(index))
        return answer and next((v for v in VTEPS if socket.inet_aton(v) in answer), None)

    def neighbor(self, index):
        return self.ask(socket.AF_INET, self.indexes[f"br{index % self.vnis}"], 0, NDA_DST, ip(index)) is not None


def count_of():
    """MACs of the stream: (in bridges, in vxlan devices by VTEP, neighbours)."""
    lines = [line.split() for line in run("bridge", "fdb", "show").splitlines() if line.startswith("02:00:")]
    vteps = {vtep: 0 for vtep in VTEPS}
    bridge = 0
    for words in lines:
        if "dst" in words:
            vteps[words[words.index("dst") + 1]] += 1
        elif "master" in words and "extern_learn" in words:
            bridge += 1
    neighbors = sum("lladdr 02:00:" in line for line in run("ip", "-4", "neigh", "show").splitlines())
    return bridge, vteps, neighbors


# ---- the peers ----------------------------------------------------------------------------------


class Processes:
    def __init__(self, at_rest=0.0):
        """at_rest: the share of a processor that they use when they have nothing to do."""
        self.children, self.at_rest = {}, at_rest

    def start(self, name, *command, **environment):
        with open(f"/run/{name}.log", "wb") as log:
            self.children[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **environment}
            )

    def kill(self, name):
        child = self.children.pop(name)
        child.kill()
        child.wait()

    def processor_seconds(self):
        ticks = {}
        for name, child in self.children.items():
            with open(f"/proc/{child.pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            ticks[name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return ticks

    def wait_quiet(self):
        """Until nobody has used the processor for a while: what the last change set off is done."""
        self.quiet_since()
        return self.processor_seconds()

    def quiet_since(self, seconds=0.3):
        """Waits until nobody has used the processor for so long, and tells since when."""
        used, since = sum(self.processor_seconds().values()), time.monotonic()
        while time.monotonic() - since < seconds:
            time.sleep(0.01)
            if (now := sum(self.processor_seconds().values())) - used > 2 * self.at_rest * seconds:
                used, since = now, time.monotonic()
        return since

    def resident(self):
        sizes = {}
        for name, child in self.children.items():
            with open(f"/proc/{child.pid}/status", encoding="ascii") as file:
                found = [int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS")]
            if not found:
                fail(f"{name} ended ({child.wait()})")
            sizes[name] = found[0]
        return sizes

    def last_words(self):
        """The end of each daemon's log, for a run that failed."""
        for name in self.children:
            with open(f"/run/{name}.log", encoding="utf-8", errors="replace") as log:
                print(f"{name}:\n{log.read()[-3000:]}", file=sys.stderr)

    def stop(self):
        for child in self.children.values():
            child.terminate()
        for child in self.children.values():
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def is_listening(path):
    """10.3 binds its socket a while before it listens."""
    with socket.socket(socket.AF_UNIX) as knock:
        return knock.connect_ex(path) == 0


def start_zebra(processes, folder=FRR8):
    processes.start("zebra", f"{folder}/zebra", "-A", "127.0.0.1", "-s", "90000000", "-P", "0",
                    "-f", "/dev/null",
                    "-i", "/run/frr/zebra.pid", "-z", "/run/frr/zserv.api", "--vty_socket", "/run/frr")  # fmt: skip
    wait_until("zebra listens", lambda: is_listening("/run/frr/zserv.api"), 20)


def start_vtepd(processes, build, environment={}, **options):
    chosen = {"interfaces": "none", "relay": "/run/evpn.sock", "sai_library": "none", "control": "/run/vtepd.sock",
              "state_dir": "/run", "snoop": "no", "audit_interval": 0, **options}  # fmt: skip
    words = [word for key, value in chosen.items() for word in (f"--{key.replace('_', '-')}", str(value))]
    words += os.environ.get("VTEPD_BENCH_OPTIONS", "").split()
    processes.start("vtepd", *os.environ.get("VTEPD_BENCH_WRAP", "").split(), f"{build}/agent/vtepd", *words, **environment)


def start_peer(peer, processes, build, **options):
    """Starts it, vtepd with `options`, and returns where bgpd speaks with it."""
    folder = f"{build}/frr10" if peer.endswith("10") else FRR8
    start_zebra(processes, folder)
    if peer.startswith("zebra"):
        return "/run/frr/zserv.api"
    processes.start("relay", f"{build}/evpn/vtepd-relay", "--listen", "/run/relay.api", "--zebra", "/run/frr/zserv.api",
                    "--agent", "/run/evpn.sock")  # fmt: skip
    wait_until("the relay listens", lambda: os.path.exists("/run/relay.api"), 20)
    start_vtepd(processes, build, **options)
    return "/run/relay.api"
