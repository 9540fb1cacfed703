#!/usr/bin/env python3
"""soak.py SECONDS BUILD [TWIN-BUILD] [--operations N]: churn without end, and nothing may pile up.

As crash.py, but vtepd lives: routes, moves, flood lists, reloads, ports that fall and come back. Each minute it is
stopped as systemd stops it, and started again; a sanitizer's or leak check's report is then an exit status. At the
end of each round both switches have the same tables and an audit of kernel and bgpd's side finds nothing.
--operations N: after N changes instead, without a restart: vtepd's memory after a half of them, and at the end, is
the same (5 % and 1 MB are allowed).
BUILD is the build that is looked at (build/asan, say, which has no vtepctl: TWIN-BUILD's is taken).
"""
import json
import random
import sys
import time

from churn import Churn
from switch import Switch, fabric, fail, settle

ROUND, LONG_ROUND = 400, 4000  # changes
LIFE = 60  # seconds


def check(a, b, churn):
    churn.finish()
    a.wait("it serves", a.stats)
    settle(a, b, f"after {churn.steps} changes", 120)
    audit = json.loads(a.ctl("audit", "-j", "--vtysh", "none", "--repair") or "{}")
    if not audit.get("ok") or audit.get("rows"):
        fail(f"after {churn.steps} changes an audit finds: {audit}\n{a.last_words()}")


def some(churn, dice, count):
    for _ in range(count):
        churn.step()
        if dice.random() < 4 / count:
            churn.flap()
        time.sleep(0.001)


def live(seconds, a, b, churn, dice):
    """Lives of a minute each."""
    end, lives = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        born = time.monotonic()
        while time.monotonic() - born < LIFE and time.monotonic() < end:
            some(churn, dice, ROUND)
            check(a, b, churn)
        resident = a.resident()
        a.stop()
        for _ in range(10):
            churn.step()
        a.start_vtepd()
        lives += 1
        check(a, b, churn)
        print(f"{lives} lives, {churn.steps} changes, {resident / 1e6:.1f} MB at the end of this one", flush=True)
    return f"{seconds} s, {lives} restarts"


def grow(count, a, b, churn, dice):
    """One life, and what it holds."""
    half = None
    while churn.steps < count:
        some(churn, dice, LONG_ROUND)
        check(a, b, churn)
        resident = a.resident()
        if half is None and churn.steps >= count / 2:
            half = resident
        print(f"{churn.steps} changes, {resident / 1e6:.1f} MB", flush=True)
    if resident > half * 1.05 + 1e6:
        fail(f"memory grew from {half / 1e6:.1f} MB after {count // 2} changes to {resident / 1e6:.1f} MB")
    return f"{half / 1e6:.1f} MB after half of them, {resident / 1e6:.1f} MB at the end"


def main():
    words = sys.argv[1:]
    operations = int(words.pop(words.index("--operations") + 1)) if "--operations" in words else 0
    seconds, build, *twin = [word for word in words if word != "--operations"]
    seed = random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    dice = random.Random(seed)
    fabric.own_namespaces()
    processes = fabric.Processes()
    # Freed memory that AddressSanitizer keeps back would look like growth.
    careful = {"ASAN_OPTIONS": "quarantine_size_mb=4:malloc_context_size=8:detect_leaks=1"}
    try:
        a = Switch("a", build, processes, control=(twin or [build])[0], **careful)
        b = Switch("b", (twin or [build])[0], processes)
        churn = Churn((a, b), dice, 0.002 if operations else 0.03)
        churn.begin()
        check(a, b, churn)
        told = grow(operations, a, b, churn, dice) if operations else live(int(seconds), a, b, churn, dice)
        a.stop()
        print(f"{churn.steps} changes, {told}: the same tables after each round, and no audit found anything")
    finally:
        processes.stop()


if __name__ == "__main__":
    main()
