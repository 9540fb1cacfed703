#!/usr/bin/env python3
"""check_as_ifquery.py IFQUERY VTEPCTL: where `vtepctl check -j` says otherwise than `ifquery`.

IFQUERY is the output of `ifquery -c -a -o json`, VTEPCTL that of `vtepctl check -j`, of the same
interface file and the same state. Compared is the status of each interface, and of each attribute
that both name. Prints the differences; the exit status is 0 if there are none.
"""
import json
import pathlib
import sys


def statuses(path):
    """By LINK and LINK/ATTRIBUTE; of a stanza given twice, and of a repeated attribute, the worst."""
    found = {}
    for interface in json.loads(pathlib.Path(path).read_text()):
        name = interface["name"]
        rows = [(name, interface.get("status", ""))]
        for attribute, values in interface.get("config_status", {}).items():
            for value in values if isinstance(values, list) else [values]:
                rows.append((f"{name}/{attribute}", value))
        for key, value in rows:
            if value in ("pass", "fail"):  # "": ifquery has not looked
                found[key] = "fail" if "fail" in (value, found.get(key)) else "pass"
    return found


def main(theirs, ours):
    theirs, ours = statuses(theirs), statuses(ours)
    differing = [f"{key}: ifquery says {theirs[key]}, vtepctl {ours.get(key)}"
                 for key in sorted(theirs)
                 if theirs[key] != ours.get(key) and ("/" not in key or key in ours)]
    print("\n".join(differing))
    return 0 if theirs and not differing else 1


if len(sys.argv) != 3:
    sys.exit(__doc__)
sys.exit(main(*sys.argv[1:]))
