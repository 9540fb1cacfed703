#!/usr/bin/env python3
"""Reads `bridge fdb show`, a line "now:" and `bridge monitor fdb`, and says when a MAC led nowhere.

  always_there.py MAC < LINES     status 1 where at some line the bridge had no entry of it, or one
                                  that points to a vxlan device which had none
"""
import sys


def main():
    mac, ports, remotes, changes, gaps = sys.argv[1], set(), set(), 0, []
    live = False
    for line in sys.stdin:
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
        elif "dst" in words and ("extern_learn" in words or not deleted):
            table, row = remotes, device
        else:
            continue  # a vxlan device's bare second message
        changes += live
        (table.discard if deleted else table.add)(row)
        port = next(iter(ports), None)
        if live and (port is None or (port.startswith("vxlan") and port not in remotes)):
            gaps.append(line.strip())
    print(f"{changes} changes of {mac}, {len(gaps)} of them left it without a way")
    print("\n".join(gaps))
    return 1 if gaps or changes == 0 else 0


sys.exit(main())
