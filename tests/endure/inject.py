#!/usr/bin/env python3
"""inject.py [--asic] FAULTS BUILD [SEED]: so many random faults behind a running vtepd's back, in the kernel's tables (B6).

Two switches hear the same. In one of them entries of vtepd's are deleted, changed, put elsewhere or lose a flag,
entries that look like vtepd's are added, and its devices' settings are turned. After each batch it must come to its
twin's tables by itself, an audit then finds nothing, and what others have made (an operator's entries, addresses,
flood members) is as it was. With --asic (a kernel whose bridges have VLANs) each has an ASIC, which must follow, and
whose objects are harmed, too: the audit must find just those, and repair them. Of the kernel the audit's own eyes are
put to the test where nothing heals before it looks: unit tests, with 10,000 faults each for kernel and ASIC.
"""
import collections
import json
import random
import subprocess
import sys
import time

from switch import STEADY, VNIS, VTEPS, Switch, address_of, fabric, fail, mac_of, settle, svi, vlan, vni

BATCH = 50
OTHERS_MAC = "06:00:00:00:00:{:02x}"


def words_of(mac):
    return ":".join(f"{byte:02x}" for byte in mac)


# A line for `bridge -batch` or `ip -batch` each, of a host {mac}, {ip} behind {vtep} in VNI {i}, whose device with
# addresses is {svi}, its bridge half {master}; {n}, {byte}, {host} and {mtu} are any such numbers.
BOGUS = "02:00:0f:00"
FAULTS = {
    "bridge half deleted": "bridge fdb del {mac} dev vx{i} {master}",
    "vxlan half deleted": "bridge fdb del {mac} dev vx{i} dst {vtep} self",
    "to another VTEP": "bridge fdb replace {mac} dev vx{i} dst 10.0.0.{n} self extern_learn dynamic",
    "with another VNI": "bridge fdb replace {mac} dev vx{i} dst {vtep} vni {n} self extern_learn dynamic",
    "to another UDP port": "bridge fdb replace {mac} dev vx{i} dst {vtep} port {mtu} self extern_learn dynamic",
    "vxlan flags lost": "bridge fdb replace {mac} dev vx{i} dst {vtep} self dynamic",
    "bridge flags lost": "bridge fdb replace {mac} dev vx{i} {master} dynamic",
    "bogus bridge half": "bridge fdb replace " + BOGUS + ":00:{byte:02x} dev vx{i} {master} dynamic extern_learn",
    "bogus vxlan half": "bridge fdb replace " + BOGUS + ":00:{byte:02x} dev vx{i} dst 10.0.0.2 self dynamic extern_learn",
    "flood member deleted": "bridge fdb del 00:00:00:00:00:00 dev vx{i} dst 10.0.0.2 self",
    "neighbour deleted": "ip neigh del {ip} dev {svi}",
    "neighbour changed": "ip neigh replace {ip} lladdr " + BOGUS + ":01:{byte:02x} dev {svi} nud noarp extern_learn proto 94",
    "neighbour flags lost": "ip neigh replace {ip} lladdr {mac} dev {svi} nud stale",
    "bogus neighbour": "ip neigh replace 172.19.{i}.{host} lladdr " + BOGUS + ":02:{i:02x} dev {svi} nud noarp extern_learn proto 94",
    "learning on": "bridge link set dev vx{i} learning on",
    "suppression off": "bridge link set dev vx{i} neigh_suppress off",
    "mtu": "ip link set p{i} mtu {mtu}",
}


def master(switch, i):
    """The words for a bridge half of the VNI."""
    return f"master vlan {vlan(i)}" if switch.asic else "master"


def fault(switch, dice, made):
    """(program, line), of any kind, which is counted."""
    kind = dice.choice(list(FAULTS))
    made[kind] += 1
    i, host = dice.randrange(VNIS), dice.choice(STEADY)
    line = FAULTS[kind].format(i=i, svi=svi(i, switch.asic), master=master(switch, i), mac=words_of(mac_of(i, host)), ip=address_of(i, host), vtep=VTEPS[host % 2],
                               n=dice.randrange(4, 200), byte=dice.randrange(256), host=dice.randrange(1, 255), mtu=dice.randrange(1300, 1390))  # fmt: skip
    return line.split(" ", 1)


def inject(switch, lines):
    """Some faults strike what an earlier one has already deleted; those do nothing."""
    for program in ("bridge", "ip"):
        text = "".join(f"{line}\n" for one, line in lines if one == program)
        subprocess.run(["nsenter", f"--net=/run/netns/{switch.name}", program, "-force", "-batch", "-"],
                       input=text, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # fmt: skip


def add_others(switch):
    """An operator's entries, of each kind that vtepd writes, and a device that is no business of its."""
    lines = [f"fdb add {OTHERS_MAC.format(i)} dev p{i % VNIS} {master(switch, i % VNIS)} static" for i in range(20)]
    lines += [f"fdb append 00:00:00:00:00:00 dev vx{i} dst 10.9.9.{i + 1} self permanent" for i in range(VNIS)]
    for line in lines:
        switch.inside("bridge", *line.split())
    for i in range(20):
        switch.ip(switch.name, f"neigh add 172.20.0.{i + 1} lladdr {OTHERS_MAC.format(i)} dev {svi(i % VNIS, switch.asic)} nud permanent")
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


def audit_of(switch, *words):
    return json.loads(switch.ctl("audit", "-j", "--vtysh", "none", *words) or "{}")


def check_audit(switch, faults):
    audit = audit_of(switch)
    if not audit.get("ok") or audit.get("rows"):
        fail(f"after {faults} faults, with the tables of the twin, an audit finds: {audit}\n{switch.last_words()}")


def harm_asic(switch, dice, made):
    """Of what the ASIC lost nobody tells: an audit finds it, all of it and nothing else, and has it written again."""
    harmed = switch.harm_asic(BATCH, dice.randrange(1 << 31))
    made.update(f"ASIC: {kind}" for kind in harmed)
    found = audit_of(switch).get("rows", [])
    if len(found) != len(harmed) or any(row["layer"] != "asic" for row in found):
        fail(f"{len(harmed)} faults in the ASIC ({harmed}), and an audit finds {len(found)}: {found}\n{switch.last_words()}")
    if harmed and not audit_of(switch, "--repair").get("ok"):
        fail(f"{harmed} are not repaired: {switch.ctl('audit', '--vtysh', 'none')}\n{switch.last_words()}")


def main():
    asic = sys.argv[1] == "--asic"
    words = sys.argv[2 if asic else 1 :]
    count, build = int(words[0]), words[1]
    seed = int(words[2]) if len(words) > 2 else random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    fabric.own_namespaces()
    processes = fabric.Processes()
    try:
        a, b = (Switch(name, build, processes, asic=asic) for name in "ab")
        for switch in (a, b):
            if not asic:
                without_vlans(switch)
            for i in range(VNIS):
                for vtep in VTEPS:
                    switch.flood(i, vtep, True)
                for host in STEADY:
                    switch.add(i, host, VTEPS[host % 2], 0)
            add_others(switch)
        settle(a, b, "at the start")
        there = others(a)
        if len(there) != 20 + VNIS + 20 + 1:
            fail(f"the others' entries are not all there: {there}")
        dice, made = random.Random(seed), collections.Counter()
        injected, slowest, written = 0, 0.0, a.stats()["kernel_writes"]
        while injected < count:
            lines = [fault(a, dice, made) for _ in range(min(BATCH, count - injected))]
            injected += len(lines)
            before = a.state()
            inject(a, lines)
            began = time.monotonic()
            settle(a, b, f"after {injected} faults, the last of them {lines}")
            slowest = max(slowest, time.monotonic() - began)
            if asic:
                harm_asic(a, dice, made)
            check_audit(a, injected)
            if others(a) != there:
                fail(f"after {injected} faults others' entries are not as they were:\n" + "\n".join(sorted(set(there) ^ set(others(a)))))
            if before != a.state():
                fail(f"after {injected} faults the tables are not those before them")
            if injected % 1000 == 0:
                print(f"{injected} faults", flush=True)
        if complaints := "".join(switch.complaints() for switch in (a, b)):
            fail(f"calls that SAI does not allow:\n{complaints}")
        written = a.stats()["kernel_writes"] - written
        print(f"{injected} faults ({', '.join(f'{n} {name}' for name, n in sorted(made.items()))}): healed by {written} writes, "
              f"each {BATCH} of them within {slowest:.2f} s; {VNIS * len(STEADY)} MACs of VNIs {vni(0)} to {vni(VNIS - 1)}; "
              "no audit found anything then, and others' entries are as they were")  # fmt: skip
    finally:
        processes.stop()


if __name__ == "__main__":
    main()
