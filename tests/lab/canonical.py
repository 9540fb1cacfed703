#!/usr/bin/env python3
"""canonical.py DIR: one deterministic JSON document of a namespace's L2 and L3 state.

DIR holds the dumps of `ip -j` and `bridge -j` that dump_state (lab.sh) makes. Left out or replaced is
what differs from run to run or is no one's doing: interface indexes, timers, ids derived from
MACs, counters, random MACs (named after the device that owns them), entries learned from the host
side, the kernel's own FDB entries of port and bridge MACs, and link-local multicast. Ranges
of VLANs and tunnels are expanded and all lists sorted, so that equal state gives equal bytes.
"""
import json
import pathlib
import re
import sys

# MACs that a test has set; any other MAC of a device is random.
CHOSEN_MAC = re.compile(r"00:00:00:(aa|bb):|00:00:5e:|44:38:39:")
MULTICAST = ("33:33", "01:00:5e", "01:80:c2", "01:00:0c")
BRIDGE_VOLATILE = re.compile(
    r"timer|bridge_id|root|topology_change|gc_|_id$|tcn|mcast_querier_state")
PORT_VOLATILE = re.compile(
    r"^id$|timer|_id$|designated|topology|config_pending|^no$|hold|message_age|forward_delay"
    r"|root|flags|state")
LINK_PLAIN = ("master", "link", "ifalias", "inet6_addr_gen_mode", "proto_down")
ADDRESS_PLAIN = ("family", "local", "prefixlen", "scope", "broadcast", "metric", "protocol")


class State:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.names = {}
        self.names = {str(link["ifindex"]): link["ifname"] for link in self.load("ip-link")}
        self.links = self.load("ip-link")
        self.owner = {}
        for link in self.links:
            mac = link.get("address")
            if mac and link["ifname"] != "lo" and not CHOSEN_MAC.match(mac):
                self.owner.setdefault(mac, link["ifname"])

    def load(self, name):
        path = self.directory / f"{name}.json"
        text = path.read_text().strip() if path.exists() else ""
        return json.loads(self.named(text)) if text else []

    def named(self, text):
        """A virtual router's device has an index in its name: here the name of the device it is of."""
        return re.sub(r"\b(vrrp[46]-)(\d+)", lambda m: m[1] + self.names.get(m[2], m[2]), text)

    def mac(self, mac):
        return f"<random:{self.owner[mac]}>" if mac in self.owner else mac

    def link(self, link):
        info = link.get("linkinfo", {})
        kind = info.get("info_kind", "")
        row = {"up": "UP" in link["flags"], "mtu": link["mtu"], "kind": kind}
        if link["ifname"] != "lo":
            row["mac"] = self.mac(link.get("address"))
        row |= {key: link[key] for key in LINK_PLAIN if key in link}
        if info.get("info_data"):
            row["data"] = {key: value for key, value in info["info_data"].items()
                           if kind != "bridge" or not BRIDGE_VOLATILE.search(key)}
        if info.get("info_slave_kind"):
            row["slave_kind"] = info["info_slave_kind"]
            row["slave"] = {key: value for key, value in info.get("info_slave_data", {}).items()
                            if not PORT_VOLATILE.search(key)}
        return row

    def vlans(self):
        return {port["ifname"]: [[vlan] + sorted(row.get("flags", []))
                                 for row in port["vlans"]
                                 for vlan in range(row["vlan"], row.get("vlanEnd", row["vlan"]) + 1)]
                for port in self.load("bridge-vlan")}

    def tunnels(self):
        return {port["ifname"]: sorted([row["vlan"] + n, row["tunid"] + n]
                                       for row in port.get("tunnels", [])
                                       for n in range(row.get("vlanEnd", row["vlan"]) - row["vlan"] + 1))
                for port in self.load("bridge-vlan-tunnel")}

    def fdb_row(self, entry):
        """The entry, or None for what the kernel or a host did by itself."""
        mac, dst = entry["mac"], "dst" in entry
        if mac.startswith(MULTICAST) or entry.get("ifname", "").startswith("h"):
            return None
        if entry.get("state") in ("", "stale") and not dst and mac.startswith("00:00:00:bb"):
            return None
        row = {k: v for k, v in entry.items() if k not in ("used", "updated", "age")}
        row |= {"mac": self.mac(mac), "flags": sorted(entry.get("flags", []))}
        own = row["mac"].startswith(("<random", "00:00:00:aa"))
        return None if own and not dst and entry.get("state") == "permanent" else row

    def addresses(self):
        rows = {}
        for link in self.load("ip-addr"):
            for entry in filter(None, link.get("addr_info", [])):
                if (entry["family"], entry["scope"]) == ("inet6", "link") and entry["local"].startswith("fe80"):
                    row = {"family": "inet6", "scope": "link", "local": "<ll>"}
                else:
                    row = {key: entry[key] for key in ADDRESS_PLAIN if key in entry}
                rows.setdefault(link["ifname"], []).append(row)
        return rows

    def sysctls(self):
        lines = self.named((self.directory / "sysctl.txt").read_text()).splitlines()
        return dict(line.split("=", 1) for line in lines if "bonding_masters" not in line)

    def document(self):
        rules = [[family] + [(key, rule[key]) for key in sorted(rule)]
                 for family, name in ((4, "ip-rule"), (6, "ip-rule6")) for rule in self.load(name)]
        fdb = [row for row in map(self.fdb_row, self.load("bridge-fdb")) if row]
        return {
            "links": {link["ifname"]: self.link(link) for link in self.links},
            "vlan": self.vlans(),
            "tunnel": self.tunnels(),
            "fdb": sorted(fdb, key=lambda row: json.dumps(row, sort_keys=True)),
            "addr": self.addresses(),
            "sysctl": self.sysctls(),
            "rules": rules,
            "vni": {row["ifname"]: row.get("vnis") for row in self.load("bridge-vni")},
        }


if len(sys.argv) != 2:
    sys.exit(__doc__)
json.dump(State(sys.argv[1]).document(), sys.stdout, indent=1, sort_keys=True)
print()
