#!/usr/bin/env python3
"""inject.py FAULTS BUILD [SEED]: so many random faults behind a running vtepd's back, in the kernel's tables.

Two switches hear the same. In one of them entries of vtepd's are deleted, changed, put elsewhere or lose a flag,
entries that look like vtepd's are added, and its devices' settings are turned. After each batch it must come to its
twin's tables by itself, an audit then finds nothing, and what others have made (an operator's entries, addresses,
flood members) is as it was. The audit's own eyes are put to the test where nothing heals before it looks: unit
tests with 10,000 faults each for kernel and ASIC.
"""
import collections
import json
import random
import subprocess
import sys
import time

from switch import STEADY, VNIS, VTEPS, Switch, address_of, fabric, fail, mac_of, settle, vni

BATCH = 50
OTHERS_MAC = "06:00:00:00:00:{:02x}"


def words_of(mac):
    return ":".join(f"{byte:02x}" for byte in mac)


class Faults:
    """Lines for `bridge -batch` and `ip -batch`, each of them one fault."""

    def __init__(self, dice):
        self.dice, self.made = dice, collections.Counter()
        self.hosts = [(i, host) for i in range(VNIS) for host in STEADY]
        self.kinds = [getattr(self, name) for name in sorted(dir(self)) if name.startswith("fault_")]

    def next(self):
        """(program, line)"""
        kind = self.dice.choice(self.kinds)
        self.made[kind.__name__[len("fault_"):]] += 1
        i, host = self.dice.choice(self.hosts)
        return kind(i, words_of(mac_of(i, host)), address_of(i, host), VTEPS[host % 2])

    def fault_bridge_half_deleted(self, i, mac, *_):
        return "bridge", f"fdb del {mac} dev vx{i} master"

    def fault_vxlan_half_deleted(self, i, mac, _, vtep):
        return "bridge", f"fdb del {mac} dev vx{i} dst {vtep} self"

    def fault_to_another_vtep(self, i, mac, *_):
        return "bridge", f"fdb replace {mac} dev vx{i} dst 10.0.0.{self.dice.randrange(4, 200)} self extern_learn dynamic"

    def fault_vxlan_flags_lost(self, i, mac, _, vtep):
        return "bridge", f"fdb replace {mac} dev vx{i} dst {vtep} self dynamic"

    def fault_bridge_flags_lost(self, i, mac, *_):
        return "bridge", f"fdb replace {mac} dev vx{i} master dynamic"

    def fault_bogus_bridge_half(self, i, *_):
        return "bridge", f"fdb replace 02:00:0f:00:00:{self.dice.randrange(256):02x} dev vx{i} master dynamic extern_learn"

    def fault_bogus_vxlan_half(self, i, *_):
        return "bridge", f"fdb replace 02:00:0f:00:00:{self.dice.randrange(256):02x} dev vx{i} dst {VTEPS[0]} self dynamic extern_learn"

    def fault_flood_member_deleted(self, i, *_):
        return "bridge", f"fdb del 00:00:00:00:00:00 dev vx{i} dst {VTEPS[0]} self"

    def fault_neighbour_deleted(self, i, _, ip, *__):
        return "ip", f"neigh del {ip} dev br{i}"

    def fault_neighbour_changed(self, i, _, ip, *__):
        return "ip", f"neigh replace {ip} lladdr 02:00:0f:00:01:{self.dice.randrange(256):02x} dev br{i} nud noarp extern_learn proto 94"

    def fault_neighbour_flags_lost(self, i, mac, ip, *_):
        return "ip", f"neigh replace {ip} lladdr {mac} dev br{i} nud stale"

    def fault_bogus_neighbour(self, i, *_):
        return "ip", f"neigh replace 172.19.{i}.{self.dice.randrange(1, 255)} lladdr 02:00:0f:00:02:{i:02x} dev br{i} nud noarp extern_learn proto 94"

    def fault_learning_on(self, i, *_):
        return "bridge", f"link set dev vx{i} learning on"

    def fault_suppression_off(self, i, *_):
        return "bridge", f"link set dev vx{i} neigh_suppress off"

    def fault_mtu(self, i, *_):
        return "ip", f"link set p{i} mtu {self.dice.randrange(1300, 1390)}"


def inject(switch, lines):
    """Some faults strike what an earlier one has already deleted; those do nothing."""
    for program in ("bridge", "ip"):
        text = "".join(f"{line}\n" for one, line in lines if one == program)
        subprocess.run(["nsenter", f"--net=/run/netns/{switch.name}", program, "-force", "-batch", "-"],
                       input=text, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # fmt: skip


def add_others(switch):
    """An operator's entries, of each kind that vtepd writes, and a device that is no business of its."""
    lines = [f"fdb add {OTHERS_MAC.format(i)} dev p{i % VNIS} master static" for i in range(20)]
    lines += [f"fdb append 00:00:00:00:00:00 dev vx{i} dst 10.9.9.{i + 1} self permanent" for i in range(VNIS)]
    for line in lines:
        switch.inside("bridge", *line.split())
    for i in range(20):
        switch.ip(switch.name, f"neigh add 172.20.0.{i + 1} lladdr {OTHERS_MAC.format(i)} dev br{i % VNIS} nud permanent")
    switch.ip(switch.name, "link add others0 type veth peer name others1")
    switch.ip(switch.name, "address add 192.0.2.1/24 dev others0")


def without_vlans(switch):
    """A kernel with VLANs makes of an entry without one two, the other for VLAN 1, in which all ports are."""
    for i in range(VNIS):
        for port in (f"p{i}", f"vx{i}", f"br{i}"):
            words = ["vlan", "del", "vid", "1", "dev", port] + (["self"] if port[0] == "b" else [])
            subprocess.run(["bridge", "-n", switch.name, *words], capture_output=True, check=False)


def others(switch):
    """What add_others() has made, as the kernel shows it."""
    text = switch.inside("bridge", "fdb", "show") + switch.inside("ip", "neigh", "show", "nud", "permanent")
    text += switch.inside("ip", "-o", "address", "show", "dev", "others0")
    return sorted(line for line in text.splitlines() if "06:00:00" in line or "10.9.9." in line or "192.0.2.1" in line)


def check_audit(switch, faults):
    audit = json.loads(switch.ctl("audit", "-j") or "{}")
    if not audit.get("ok") or audit.get("rows"):
        fail(f"after {faults} faults, with the tables of the twin, an audit finds: {audit}\n{switch.last_words()}")


def main():
    count, build = int(sys.argv[1]), sys.argv[2]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    fabric.own_namespaces()
    processes = fabric.Processes()
    try:
        a, b = Switch("a", build, processes), Switch("b", build, processes)
        for switch in (a, b):
            without_vlans(switch)
            for i in range(VNIS):
                switch.flood(i, VTEPS[0], True)
                for host in STEADY:
                    switch.add(i, host, VTEPS[host % 2], 0)
            add_others(switch)
        settle(a, b, "at the start")
        there = others(a)
        if len(there) != 20 + VNIS + 20 + 1:
            fail(f"the others' entries are not all there: {there}")
        faults, injected, slowest, written = Faults(random.Random(seed)), 0, 0.0, a.stats()["kernel_writes"]
        while injected < count:
            lines = [faults.next() for _ in range(min(BATCH, count - injected))]
            injected += len(lines)
            before = a.state()
            inject(a, lines)
            began = time.monotonic()
            settle(a, b, f"after {injected} faults, the last of them {lines}")
            slowest = max(slowest, time.monotonic() - began)
            check_audit(a, injected)
            if others(a) != there:
                fail(f"after {injected} faults others' entries are not as they were:\n" + "\n".join(sorted(set(there) ^ set(others(a)))))
            if before != a.state():
                fail(f"after {injected} faults the tables are not those before them")
            if injected % 1000 == 0:
                print(f"{injected} faults", flush=True)
        written = a.stats()["kernel_writes"] - written
        print(f"{injected} faults ({', '.join(f'{n} {name}' for name, n in sorted(faults.made.items()))}): healed by {written} writes, "
              f"each {BATCH} of them within {slowest:.2f} s; {VNIS * len(STEADY)} MACs of VNIs {vni(0)} to {vni(VNIS - 1)}; "
              "no audit found anything then, and others' entries are as they were")  # fmt: skip
    finally:
        processes.stop()


if __name__ == "__main__":
    main()
