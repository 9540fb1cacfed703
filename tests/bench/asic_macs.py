"""Kernel entry to ASIC entry: the ASIC side of vtepd beside a loop that makes the same SAI calls (asic.cpp).

libsoftsai as it is, and slowed to 500 us a call with and without bulk calls; the last with a tenth of the MACs,
because it takes a minute for each hundred thousand.
"""
import json
import os
import subprocess
import sys

# name, microseconds of a call, calls, part of the MACs
LIBRARIES = (("softsai", 0, "bulk", 1), ("500us-bulk", 500, "bulk", 1), ("500us-single", 500, "single", 10))


def measure(peer, count, build, library):
    _, pause, calls, part = library
    command = [f"{build}/tests/bench_asic", f"{build}/hwsync/libsoftsai.so", peer, str(count // part), str(pause), calls]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout)


def bench(count, repeat, build, summary):
    """{library: {peer: {add, del (microseconds for each MAC), bytes}}}, each a summary."""
    of = {}
    for library in LIBRARIES:
        measured = {"vtepd": [], "bare": []}
        for _ in range(repeat):
            for peer, results in measured.items():
                results.append(measure(peer, count, build, library))
        of[library[0]] = {
            peer: {
                "add": summary([result["add"] * 1e6 / result["count"] for result in results]),
                "del": summary([result["del"] * 1e6 / result["count"] for result in results]),
                "bytes": summary([result["bytes"] / result["count"] for result in results]),
            }
            for peer, results in measured.items()
        }
    return of


def goals(libraries):
    found = []
    for name, peers in libraries.items():
        for step in ("add", "del"):
            ratio = peers["bare"][step]["median"] / peers["vtepd"][step]["median"]
            found.append((f"{name} {step}: 95 % of what the library takes", ratio >= 0.95, f"{ratio:.0%}"))
    rate = 1e6 / libraries["softsai"]["vtepd"]["add"]["median"]
    found.append(("softsai add: 10,000 a second", rate >= 10_000, f"{rate:,.0f} a second"))
    return [{"goal": goal, "met": met, "found": what} for goal, met, what in found]


def show(case, libraries):
    print(f"\n{case}: for each MAC, median (range)")
    print(f"  {'':20}{'add us':>26}{'del us':>26}{'bytes':>8}")
    for name, peers in libraries.items():
        for peer, rows in peers.items():
            cells = (f"{at['median']:.2f} ({at['low']:.2f}-{at['high']:.2f})" for at in (rows["add"], rows["del"]))
            print(f"  {name + ' ' + peer:20}{''.join(cell.rjust(26) for cell in cells)}{rows['bytes']['median']:>8.0f}")
