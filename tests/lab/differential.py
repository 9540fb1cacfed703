#!/usr/bin/env python3
"""differential.py FILE IFUPDOWN2 VTEPD: how the states differ that two programs made of FILE.

IFUPDOWN2 and VTEPD are folders of dumps (see canonical.py). A line of FILE

    #~ PATTERN: REASON

excuses what differs where PATTERN (a regular expression) matches the whole path, as
links/bridge/data/priority; "#?" instead of "#~" is for what differs in some runs only ("#~ ifquery:" is ifquery.py's). Prints the
other differences, and excuses that excuse nothing, which are old. The exit status is 0 if there is
neither.
"""
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
# Numbers the kernel gives in the order of creation, and far ends that nobody configures.
IGNORED = re.compile(r".*/(bcqueuelen|usedbcqueuelen)|(links|addr|sysctl|vlan)/h[0-9].*")


def routes(folder):
    """Default routes: what `gateway` lines make. The kernel makes the others of addresses."""
    rows = {}
    for name in ("routes4", "routes6"):
        text = (folder / f"{name}.json").read_text().strip()
        for route in json.loads(text) if text else []:
            if route["dst"] == "default" and route.get("protocol") != "ra":
                key = f"{name} {route.get('dev')} {route.get('table', 'main')}"
                rows[key] = {k: v for k, v in route.items() if k not in ("dst", "dev", "table")}
    return rows


def state(folder):
    canonical = subprocess.run(["/usr/bin/python3", HERE / "canonical.py", folder], check=True,
                               capture_output=True).stdout
    document = json.loads(canonical)
    document["routes"] = routes(pathlib.Path(folder))
    return document


def leaves(value, path=""):
    """Paths and values; a row of a list is named by its text, so that one more moves no other."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from leaves(part, f"{path}/{key}" if path else key)
    elif isinstance(value, list) and value:
        for part in value:
            yield f"{path}/{json.dumps(part, sort_keys=True)}", "there"
    elif value not in ({}, []):
        yield path, value


def excuses(text):
    """Expressions, and whether each must excuse something."""
    return [(re.compile(pattern), mark == "~")
            for mark, pattern in re.findall(r"^#([~?]) (?!ifquery:)(.*?): .*$", text, re.MULTILINE)]


def main(file, theirs, ours):
    theirs, ours = dict(leaves(state(theirs))), dict(leaves(state(ours)))
    excused, used, failed = excuses(pathlib.Path(file).read_text()), set(), False
    for path in sorted(theirs.keys() | ours.keys()):
        a, b = theirs.get(path), ours.get(path)
        if a == b or IGNORED.fullmatch(path):
            continue
        matching = {i for i, (pattern, _) in enumerate(excused) if pattern.fullmatch(path)}
        used |= matching
        if not matching:
            failed = True
            print(f"{path}: ifupdown2 {json.dumps(a)}, vtepd {json.dumps(b)}")
    for i, (pattern, must) in enumerate(excused):
        if must and i not in used:
            failed = True
            print(f"nothing differs at {pattern.pattern}: the excuse is old")
    return 1 if failed else 0


if len(sys.argv) != 4:
    sys.exit(__doc__)
sys.exit(main(*sys.argv[1:]))
