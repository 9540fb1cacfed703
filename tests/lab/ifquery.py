#!/usr/bin/env python3
"""ifquery.py IFQUERY PRINT_INTERFACES FILE...: whether both read the same stanzas out of each file.

A line of FILE, `#~ ifquery: REASON`, says that they must differ, and why (see DIFFERENT, too).
"""
import json
import pathlib
import re
import subprocess
import sys

# Files of tests/data, which stay as they are, that ifupdown2 3.0 reads wrongly.
DIFFERENT = {
    "03-squash.eni": "`auto` behind its stanza is lost",
    "05-auto-late.eni": "`auto` behind its stanza is lost",
    "11-noname.eni": "`iface` without a name ends ifquery with a Python error",
}


def output_of(program, *arguments, folder):
    """The programs find relative names of `source` from where they are started."""
    text = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True,
                          check=False).stdout
    return json.loads(text) if text.strip() else None


def by_name(rows):
    """Stanzas of each link in their order. Which link is first is no matter to either program."""
    found = {}
    for row in rows or []:
        found.setdefault(row["name"], []).append(row)
    return found


def main(ifquery, printer, *files):
    failed = 0
    for name in files:
        path = pathlib.Path(name).resolve()
        theirs = by_name(output_of(ifquery, "-a", "-o", "json", "-i", path, folder=path.parent))
        ours = by_name(output_of(printer, path, folder=path.parent))
        said = re.search(r"^#~ ifquery: (.*)$", path.read_text(), re.MULTILINE)
        reason = said[1] if said else DIFFERENT.get(path.name)
        if not theirs and not reason:
            failed += 1
            print(f"FAILED {path.name}: ifquery reads nothing out of it")
            continue
        same = theirs == ours
        if same == (reason is None):
            print(f"ok {path.name}: {'the same' if same else 'differs: ' + reason}")
            continue
        failed += 1
        print(f"FAILED {path.name}: {'same, though ' + reason if same else 'differs'}")
        for link in sorted(theirs.keys() | ours.keys()):
            if theirs.get(link) != ours.get(link):
                print(f"  ifupdown2 {theirs.get(link)}\n  vtepd     {ours.get(link)}")
    return failed


sys.exit(1 if main(*sys.argv[1:]) else 0)
