#!/usr/bin/env python3
"""Reads `bridge fdb show`, a line "now:" and `bridge -timestamp monitor fdb`, and says when a MAC led nowhere.

  always_there.py MAC [halves] < LINES   status 1 where at some line the bridge had no entry of it, or one
                                         that points to a vxlan device which had none. With `halves` a vxlan
                                         device may be without for a moment (it floods then, and tells how
                                         long): one of the two tables must have the MAC
"""
import sys
from datetime import datetime


def time_of(words):
    """Timestamp: Sun Nov 22 07:05:09 2026 123456 usec"""
    return datetime.strptime(" ".join(words[1:6]), "%a %b %d %H:%M:%S %Y").timestamp() + int(words[6]) / 1e6


def main():
    mac, halves, ports, remotes, changes, gaps = sys.argv[1], "halves" in sys.argv[2:], set(), set(), 0, []
    live, now, since, longest = False, 0.0, None, 0.0
    for line in sys.stdin:
        if line.startswith("Timestamp:"):
            now = time_of(line.split())
            continue
        deleted = line.startswith("Deleted ")
        words = line.removeprefix("Deleted ").split()
        live = live or words == ["now:"]
        if not words or words[0] != mac:
            continue
        device = words[words.index("dev") + 1]
        if "master" in words:
            table, row = ports, device
            if not deleted:
                ports.clear()  # the bridge moves an entry in place: one message for the new port
        elif {"dst", "nhid"} & set(words):
            table, row = remotes, device
        else:
            continue  # a vxlan device's bare second message
        changes += live
        (table.discard if deleted else table.add)(row)
        port = next(iter(ports), None)
        nowhere = port is not None and port.startswith("vxlan") and port not in remotes
        if live and (port is None or nowhere) and not (halves and (ports or remotes)):
            gaps.append(line.strip())
        if nowhere and since is None:
            since = now
        elif since is not None and not nowhere:
            longest, since = max(longest, now - since), None
    print(f"{changes} changes of {mac}, {len(gaps)} of them left it without a way")
    if halves:
        print(f"the tunnel's half was away for {longest * 1000:.3f} ms at most")
    for gap in gaps:
        print(gap)
    return 1 if gaps or changes == 0 else 0


sys.exit(main())
