#!/usr/bin/env python3
"""crash.py KILLS BUILD [SEED]: vtepd is killed (SIGKILL) at so many random instants.

Two switches hear the same: routes that come, move and go, hosts that move here and away, flood lists, reloads of
changed interface files. On one of them vtepd is killed in the midst of it, at times while it still starts, and is
started again. After each kill both switches must come to the same tables. Nothing is ever written on hosts that
nothing happened to, and no ping of theirs is lost; a kill with nothing under way is followed by no write at all.
"""
import random
import sys
import time

from churn import Churn
from switch import Ping, Switch, fabric, fail, settle


def killed(a, churn, dice):
    """Churn, a kill in its midst, perhaps more of them while it starts; what was said until it lives again."""
    began, length = time.monotonic(), dice.uniform(0.0, 0.25)
    while time.monotonic() - began < length:
        churn.step()
    kills = 0
    while True:
        a.kill()
        kills += 1
        for _ in range(dice.randrange(6)):
            churn.step()
        a.start_vtepd()
        if dice.random() < 0.7:
            return kills
        began, length = time.monotonic(), dice.uniform(0.0, 0.15)
        while time.monotonic() - began < length:
            churn.step()


def idle_kill(a):
    a.kill()
    a.start_vtepd()
    a.wait("it has taken over", a.settled)
    writes = a.stats()["kernel_writes"]
    if writes != 0:
        fail(f"a kill with nothing under way: {writes} writes\n{a.last_words()}")


def main():
    count, build = int(sys.argv[1]), sys.argv[2]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    dice = random.Random(seed)
    fabric.own_namespaces()
    processes = fabric.Processes()
    try:
        a, b = Switch("a", build, processes), Switch("b", build, processes)
        churn = Churn((a, b), dice)
        churn.begin()
        settle(a, b, "at the start")
        kills = idle = sent = 0
        began = time.monotonic()
        slowest = 0.0
        while kills < count:
            a.steady_news()
            ping = Ping(a)
            for _ in range(min(10, count - kills)):
                kills += killed(a, churn, dice)
                restarted = time.monotonic()
                a.wait("it serves", a.stats)
                churn.finish()
                settle(a, b, f"after kill {kills}")
                slowest = max(slowest, time.monotonic() - restarted)
            idle_kill(a)
            kills, idle = kills + 1, idle + 1
            settle(a, b, f"after kill {kills}")
            said = a.steady_news()
            if said:
                fail(f"after kill {kills}: {len(said)} changes of hosts that nothing happened to: {said[:3]}\n{a.last_words()}")
            now_sent, lost = ping.lost()
            sent += now_sent
            if lost:
                fail(f"after kill {kills}: {lost} of {now_sent} pings were lost")
            print(f"{kills} kills, {churn.steps} changes, {sent} pings, {time.monotonic() - began:.0f} s", flush=True)
        print(f"{kills} kills at random instants ({idle} of them with nothing under way), {churn.steps} changes: the same tables "
              f"each time (at most {slowest:.1f} s), no write on hosts that nothing happened to, 0 of {sent} pings lost")  # fmt: skip
    finally:
        processes.stop()


if __name__ == "__main__":
    main()
