#!/usr/bin/env python3
"""measure.py PEER SHAPE VLANS BUILD IFUPDOWN2: one peer builds one switch, in a guest of its own.

PEER is vtepd, asic (vtepd with the software SAI library), batch (ip and bridge) or ifreload.
Writes one JSON object: seconds, bytes of memory, counts. With VTEPD_BENCH_COUNT set, the peer runs
under strace, and only processes and netlink messages are counted: times would be the tracer's.
Runs as root in a guest (tests/lab/guest), which starts without any device.
"""
import json
import os
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import describe  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = "/run/bench"
STATE = "/run/vtepd"
FILE = f"{WORK}/interfaces"
COUNT = bool(os.environ.get("VTEPD_BENCH_COUNT"))
QUIET = 4  # seconds without a link event after which none is left to come
LIMIT = 900  # seconds until a peer is called stuck


def fail(why):
    sys.exit(f"measure: {why}")


def path(name):
    return f"{WORK}/{name}"


def put(name, text):
    with open(path(name), "w", encoding="ascii") as file:
        file.write(text)
    return path(name)


def run(*command, check=True):
    """Seconds and the most resident bytes of `command`, whose output goes to a log."""
    with open(path("log"), "wb") as log:
        began = time.monotonic()
        child = subprocess.Popen(traced(command), stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - began
    if check and status != 0:
        with open(path("log"), encoding="utf-8", errors="replace") as log:
            fail(f"{' '.join(command)}: exit status {status}\n{log.read()[-2000:]}")
    return seconds, usage.ru_maxrss * 1024


# ---- counting -----------------------------------------------------------------------------------

TRACE = path("trace")


def traced(command):
    if not COUNT:
        return list(command)
    # What is sent is printed whole, so that each message of a batch is seen.
    calls = "execve,sendto,sendmsg"
    return ["strace", "-f", "-v", "-qq", "-s", "0", "-e", f"trace={calls}", "-A", "-o", TRACE, *command]


def counted():
    """Processes started and netlink requests sent since the last call."""
    if not COUNT:
        return {}
    with open(TRACE, encoding="ascii", errors="replace") as trace:
        lines = trace.readlines()
    os.truncate(TRACE, 0)
    return {
        "processes": sum("execve(" in line and line.rstrip().endswith("= 0") for line in lines),
        "messages": sum(len(re.findall(r"nlmsg_len=", line)) for line in lines),
    }


# ---- what everybody sees ------------------------------------------------------------------------


class LinkEvents:
    """`ip monitor` for as long as the block lasts; counts lines that begin a message."""

    def __enter__(self):
        # Without it the kernel cuts the monitor's buffer down to what 100 messages fill.
        subprocess.run(["sysctl", "-q", "-w", "net.core.rmem_max=33554432"], check=True)
        with open(path("events"), "wb") as log:
            command = ["ip", "-rcvbuf", "16777216", "-o", "monitor", "link"]
            self.monitor = subprocess.Popen(command, stdout=log)
        self.reader = open(path("events"), encoding="utf-8", errors="replace")
        self.text = ""
        time.sleep(0.3)  # until it listens; there is nothing to wait for
        self.mark("begin")
        # Carriers of what was built before follow it: 100 links each second (the kernel's linkwatch).
        quiet = 0
        while quiet < QUIET:
            time.sleep(1)
            quiet = 0 if self.read() else quiet + 1
        self.before = self.events()
        return self

    def read(self):
        """What came since the last call."""
        new = self.reader.read()
        self.text += new
        return new

    def events(self):
        lines = [line for line in self.text.splitlines() if line]
        return sum(not re.search(r"\b(begin|end)\b[@:]", line) for line in lines)

    def mark(self, name):
        """Makes an event of our own and waits until the monitor has told it."""
        subprocess.run(["ip", "link", "add", name, "type", "dummy"], check=True)
        subprocess.run(["ip", "link", "delete", name], check=True)
        until = time.monotonic() + 300
        while not re.search(rf"Deleted.*\b{name}\b", self.text):
            if time.monotonic() > until:
                fail("ip monitor does not tell our own events")
            time.sleep(0.1)
            self.read()

    def __exit__(self, *_):
        self.mark("end")
        self.monitor.terminate()
        self.monitor.wait()
        self.count = self.events() - self.before
        self.reader.close()


def devices():
    return len(os.listdir("/sys/class/net"))


# ---- the peers ----------------------------------------------------------------------------------


class Batch:
    def __init__(self, shape, vlans):
        self.steps = []
        for number, (program, lines) in enumerate(describe.batches(shape, vlans)):
            name = put(f"batch{number}", "\n".join(lines) + "\n")
            if program == "sysctl":
                self.steps.append(["sysctl", "-q", "-p", name])
            else:
                self.steps.append([program, "-batch", name])

    def cold(self):
        seconds, memory, counts = 0.0, 0, {}
        for step in self.steps:
            took, most = run(*step)
            seconds, memory = seconds + took, max(memory, most)
            for name, value in counted().items():
                counts[name] = counts.get(name, 0) + value
        return {"cold": seconds, "memory": memory, **counts}


class Ifreload:
    repeat = 1  # it takes its time
    def __init__(self, shape, vlans):
        # With these sysctls ifupdown2 is at its best: it starts no process per device to look.
        subprocess.run(["modprobe", "-d", "/run/uml", "mpls_router"], check=True)
        configuration = f"{IFUPDOWN2}/etc/network/ifupdown2/ifupdown2.conf"
        with open(configuration, encoding="ascii") as file:
            text = file.read()
        setting = f"default_interfaces_configfile={FILE}"
        own = put("ifupdown2.conf", re.sub(r"default_interfaces_configfile=.*", setting, text))
        subprocess.run(["mount", "--bind", own, configuration], check=True)

    def cold(self):
        # 3.0.0 says 1 for a warning of its own, too; what it made is looked at instead.
        seconds, memory = run(f"{IFUPDOWN2}/ifreload", "-a", check=False)
        return {"cold": seconds, "memory": memory, **counted()}

    def again(self):
        seconds, memory = run(f"{IFUPDOWN2}/ifreload", "-a", check=False)
        return {"again": seconds, "memory": memory, **counted()}

    def check(self):
        seconds, memory = run(f"{IFUPDOWN2}/ifquery", "-c", "-a", check=False)
        return {"check": seconds, "memory": memory, **counted()}


class Vtepd:
    """From the start of the daemon until it says that everything is written."""

    repeat = 3
    sai = "none"

    def __init__(self, shape, vlans):
        os.makedirs(STATE, exist_ok=True)
        self.daemon = None

    def start(self):
        command = [f"{BUILD}/agent/vtepd", "--interfaces", FILE, "--relay", "none", "--sai-library",
                   self.sai, "--state-dir", STATE, "--control", f"{STATE}/vtepd.sock"]  # fmt: skip
        began = time.monotonic()
        self.daemon = subprocess.Popen(traced(command), stderr=subprocess.PIPE, text=True)
        said = []
        for line in self.daemon.stderr:
            said.append(line)
            if "event=ready" in line:
                break
        else:
            fail(f"vtepd ended: {''.join(said)[-2000:]}")
        seconds = time.monotonic() - began
        if "failures=0" not in said[-1]:
            fail(f"vtepd was refused something: {self.ctl('show', 'failures')[:2000]}")
        return seconds

    def ctl(self, *words):
        command = [f"{BUILD}/agent/vtepctl", "--socket", f"{STATE}/vtepd.sock", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def counter(self, name):
        """Asked over the socket: a process for each look would be most of what is measured."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(f"{STATE}/vtepd.sock")
            control.sendall(b'{"command":"show","table":"stats"}\n')
            with control.makefile() as answer:
                rows = json.loads(answer.read())["rows"]
        return next(int(row["value"]) for row in rows if row["counter"] == name)

    def memory(self):
        pid = self.daemon.pid
        if COUNT:
            return 0
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) * 1024

    def cold(self):
        seconds = self.start()
        counters = {"writes": self.counter("kernel_writes"), "resyncs": self.counter("resyncs")}
        return {"cold": seconds, "memory": self.memory(), **counters, **counted()}

    def again(self):
        """Reading the files again until everything is compared."""
        before = self.counter("kernel_writes")
        counted()
        began = time.monotonic()
        self.ctl("reload")
        while self.counter("synced") != 1:
            pass
        seconds = time.monotonic() - began
        counts = counted()
        written = self.counter("kernel_writes") - before
        return {"again": seconds, "memory": self.memory(), "writes": written, **counts}

    def check(self):
        """As a person asks; exit status 0 is that all is as the files want it."""
        counted()
        began = time.monotonic()
        self.ctl("check")
        return {"check": time.monotonic() - began, "memory": self.memory(), **counted()}

    def restart(self):
        self.stop()
        seconds = self.start()
        return {"restart": seconds, "memory": self.memory(), "writes": self.counter("kernel_writes"),
                **counted()}  # fmt: skip

    def stop(self):
        self.daemon.kill()
        self.daemon.wait()


class Asic(Vtepd):
    sai = property(lambda self: f"{BUILD}/hwsync/libsoftsai.so")


PEERS = {"vtepd": Vtepd, "asic": Asic, "batch": Batch, "ifreload": Ifreload}


def canonical():
    """The state as the golden tests canonicalise it."""
    folder = path("dump")
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["bash", "-c", ". \"$0\"/lab.sh; on() { \"${@:2}\"; }; cd \"$1\"; dump_state -", f"{HERE}/../lab", folder],
                   check=True)  # fmt: skip
    done = subprocess.run(["python3", f"{HERE}/../lab/canonical.py", folder], check=True,
                          capture_output=True, text=True)  # fmt: skip
    return json.loads(done.stdout)


def settled_state():
    """Carriers and link-local addresses follow a device by up to a second (the kernel's linkwatch)."""
    state, limit = canonical(), time.monotonic() + 20
    while time.monotonic() < limit:
        time.sleep(1)
        before, state = state, canonical()
        if before == state:
            break
    return state


def measure(name, shape, vlans):
    os.makedirs(WORK, exist_ok=True)
    open(FILE, "w", encoding="ascii").write(describe.interfaces(shape, vlans))
    subprocess.run(["ip", "-batch", put("wires", describe.wires())], check=True)
    peer = PEERS[name](shape, vlans)
    result = {"peer": name, "shape": shape, "vlans": vlans, "steps": [peer.cold()]}
    if os.environ.get("VTEPD_BENCH_STATE"):
        result["state"] = settled_state()
    wanted = 1 + 2 * describe.PORTS + 1 + len(describe.vxlan_devices(shape, vlans)) + vlans
    if devices() != wanted:
        fail(f"{name} made {devices()} devices of {wanted}")
    for step in ("again", "check", "restart"):
        if not hasattr(peer, step):
            continue
        for _ in range(1 if COUNT else peer.repeat):
            if COUNT or step == "restart":
                result["steps"].append(getattr(peer, step)())
                continue
            with LinkEvents() as events:
                done = getattr(peer, step)()
            result["steps"].append({**done, "link_events": events.count})
    if hasattr(peer, "stop"):
        peer.stop()
    return result


if __name__ == "__main__":
    BUILD, IFUPDOWN2 = sys.argv[4:6]
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
