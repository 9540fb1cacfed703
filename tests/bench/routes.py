#!/usr/bin/env python3
"""routes.py PEER COUNT BUILD [--hosts] [--vnis N]: one peer takes COUNT remote MACs, in namespaces of its own.

PEER is zebra, zebra10 (FRR 10.3), vtepd (with vtepd-relay and an idle zebra) or bare: a loop that only writes.
The same stream of bgpd's messages is played into zebra's socket and into the relay's: every MAC comes,
moves to another VTEP, and goes. A step ends when the kernel has the last of them; then all are counted.
Writes one JSON object: for each step seconds and seconds of processor, for the peer resident bytes.
--hosts   each MAC comes with an IP address, for which the VNI's SVI gets a neighbour
The kernel needs bridges and vxlan devices, no VLAN filtering: one device and one bridge for each VNI.
"""
import argparse
import json
import os
import subprocess
import sys
import time

from fabric import VTEPS, Processes, Speaker, Stream, Tables, build_switch, count_of, fail, own_namespaces, start_peer, wait_until


def bare(arguments):
    """The kernel's own time: a program that only writes, and is gone when all is written."""
    steps = {}
    for name in ("add", "move", "del"):
        began = time.monotonic()
        words = ["hosts"] if arguments.hosts else []
        child = subprocess.Popen([f"{arguments.build}/tests/bench_floor", name, str(arguments.count), str(arguments.vnis), *words])
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            fail(f"bare: {name}: exit status {status}")
        seconds = time.monotonic() - began
        check_tables(name, arguments)
        steps[name] = {"seconds": seconds, "processor": {"bare": usage.ru_utime + usage.ru_stime}}
    return steps


def check_tables(step, arguments):
    """All of it, and nothing else."""
    there = 0 if step == "del" else arguments.count
    vteps = {VTEPS[0]: there if step == "add" else 0, VTEPS[1]: there if step == "move" else 0}
    found = count_of()
    if found != (there, vteps, there if arguments.hosts else 0):
        fail(f"{arguments.peer}: after {step} the kernel has {found}")


def daemons(arguments):
    release = "10.3" if arguments.peer.endswith("10") else "8.4"
    stream = Stream(release, arguments.count, arguments.vnis, arguments.hosts)
    streams = {"add": stream.adds(VTEPS[0], 0), "move": stream.adds(VTEPS[1], 1), "del": stream.deletes(VTEPS[1])}
    # FRR 10.3's zebra, without its mgmtd, is never quite at rest.
    processes = Processes(at_rest=0.1 if release == "10.3" else 0.0)
    steps = {}
    try:
        speaker = Speaker(start_peer(arguments.peer, processes, arguments.build), stream)
        wait_until("bgpd hears of every VNI", lambda: len(speaker.vnis) == arguments.vnis, 30)
        speaker.socket.sendall(stream.vteps())
        tables = Tables(arguments.vnis)
        last = arguments.count - 1
        is_done = {
            "add": lambda: tables.bridge_has(last) and tables.vtep_of(last) == VTEPS[0]
            and (not arguments.hosts or tables.neighbor(last)),
            "move": lambda: tables.vtep_of(last) == VTEPS[1],
            "del": lambda: not tables.bridge_has(last) and tables.vtep_of(last) is None
            and (not arguments.hosts or not tables.neighbor(last)),
        }  # fmt: skip
        processes.wait_quiet()
        before = processes.resident()
        for name, data in streams.items():
            used = processes.processor_seconds()
            began = time.monotonic()
            speaker.socket.sendall(data)
            wait_until(f"{arguments.peer}: {name}", is_done[name])
            seconds = time.monotonic() - began
            now = processes.wait_quiet()
            check_tables(name, arguments)
            resident = processes.resident()
            steps[name] = {
                "seconds": seconds,
                "processor": {who: round(now[who] - used[who], 2) for who in now},
                "resident": {who: resident[who] - before[who] for who in resident},
            }
    except BaseException:
        processes.last_words()
        raise
    finally:
        processes.stop()
    return steps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("peer", choices=["bare", "zebra", "zebra10", "vtepd", "vtepd10"])
    parser.add_argument("count", type=int)
    parser.add_argument("build")
    parser.add_argument("--hosts", action="store_true")
    parser.add_argument("--vnis", type=int, default=1)
    arguments = parser.parse_args()
    own_namespaces()
    build_switch(arguments.vnis)
    steps = bare(arguments) if arguments.peer == "bare" else daemons(arguments)
    print(json.dumps({"peer": arguments.peer, "count": arguments.count, "hosts": arguments.hosts, "steps": steps}))


# ---- what tests/bench/run makes of it ------------------------------------------------------------


def summarize(results, summary):
    """Rows of one peer: microseconds and processor microseconds for each MAC and step, bytes for each MAC."""
    rows = {}
    for step in ("add", "move", "del"):
        of = [(result["steps"][step], result["count"]) for result in results]
        rows[step] = summary([at["seconds"] * 1e6 / count for at, count in of])
        rows[f"{step}_processor"] = summary([sum(at["processor"].values()) * 1e6 / count for at, count in of])
    held = [(max(sum(at["resident"].values()) for at in result["steps"].values()), result["count"])
            for result in results if "resident" in result["steps"]["add"]]  # fmt: skip
    if held:
        rows["memory"] = summary([size / count for size, count in held])
    return rows


def goals(peers):
    """(goal, met, what was found) of one size."""
    vtepd, zebra, floor = (peers.get(name) for name in ("vtepd", "zebra", "bare"))
    found = []
    for step in ("add", "move", "del"):
        mine = vtepd[step]["median"]
        if zebra:
            ratio = zebra[step]["median"] / mine
            found.append((f"{step}: 3 times zebra's rate", ratio >= 3, f"{ratio:.2f} times"))
        if floor:
            ratio = floor[step]["median"] / mine
            found.append((f"{step}: 80 % of the bare loop's rate", ratio >= 0.8, f"{ratio:.0%}"))
    if zebra:
        used = sum(vtepd[f"{step}_processor"]["median"] for step in ("add", "move", "del"))
        ratio = used / sum(zebra[f"{step}_processor"]["median"] for step in ("add", "move", "del"))
        found.append(("processor: at most half of zebra's", ratio <= 0.5, f"{ratio:.2f} of it"))
        ratio = vtepd["memory"]["median"] / zebra["memory"]["median"]
        found.append(("memory: at most zebra's", ratio <= 1, f"{ratio:.2f} of it"))
    return [{"goal": goal, "met": met, "found": what} for goal, met, what in found]


def show(case, of):
    print(f"\n{case}: for each MAC, median (range)")
    print(f"  {'':10}" + "".join(f"{step + ' us':>20}{'processor us':>20}" for step in ("add", "move", "del")) + f"{'bytes':>8}")
    for peer, rows in of["peers"].items():
        line = f"  {peer:10}"
        for row in ("add", "add_processor", "move", "move_processor", "del", "del_processor"):
            at = rows[row]
            line += f"{at['median']:.1f} ({at['low']:.1f}-{at['high']:.1f})".rjust(20)
        print(line + (f"{rows['memory']['median']:.0f}".rjust(8) if "memory" in rows else ""))


if __name__ == "__main__":
    main()
