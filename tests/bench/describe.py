"""The switch that the benchmarks build, told to each peer in its own words.

A description is a shape (one vxlan device per VNI, or a single one) and a number of VLANs; 32 ports
carry all of them, each VLAN has an SVI and a VNI. From it come the interface file that vtepd and
ifupdown2 read, and the batches for `ip`, `bridge` and sysctl that make the same state.
"""

PORTS = 32
FIRST_VLAN = 2
FIRST_VNI = 10000
LOCAL = "10.0.0.1"
SHAPES = ("per-vni", "single")


def vlans(count):
    return range(FIRST_VLAN, FIRST_VLAN + count)


def ports():
    return [f"swp{number}" for number in range(1, PORTS + 1)]


def vxlan_devices(shape, count):
    return ["vxlan0"] if shape == "single" else [f"vni{vlan}" for vlan in vlans(count)]


def span(count):
    ids = vlans(count)
    return f"{ids[0]}-{ids[-1]}"


def interfaces(shape, count):
    """The interface file."""
    text = [f"auto lo\niface lo inet loopback\n    address {LOCAL}/32\n"]
    text += [f"auto {port}\niface {port}\n" for port in ports()]
    common = f"    vxlan-local-tunnelip {LOCAL}\n    bridge-learning off\n    bridge-arp-nd-suppress on\n"
    if shape == "single":
        ids = vlans(count)
        vnis = f"{FIRST_VNI + ids[0]}-{FIRST_VNI + ids[-1]}"
        text.append(f"auto vxlan0\niface vxlan0\n{common}    bridge-vlan-vni-map {span(count)}={vnis}\n")
    else:
        for vlan in vlans(count):
            text.append(
                f"auto vni{vlan}\niface vni{vlan}\n    vxlan-id {FIRST_VNI + vlan}\n"
                f"    bridge-access {vlan}\n{common}"
            )
    text.append(
        "auto bridge\niface bridge\n    bridge-vlan-aware yes\n    bridge-stp off\n"
        f"    bridge-ports {' '.join(ports() + vxlan_devices(shape, count))}\n"
        f"    bridge-vids {span(count)}\n    bridge-pvid 1\n"
    )
    text += [f"auto bridge.{vlan}\niface bridge.{vlan}\n" for vlan in vlans(count)]
    return "\n".join(text)


def wires():
    """`ip -batch`: the ports, as the machine has them before anybody configures it."""
    lines = []
    for number, port in enumerate(ports(), 1):
        mac = f"{number:02x}"
        lines.append(
            f"link add {port} address 00:00:00:aa:00:{mac} type veth "
            f"peer name h{number} address 00:00:00:bb:00:{mac}"
        )
        lines.append(f"link set h{number} up")
    return "\n".join(lines) + "\n"


def batches(shape, count):
    """The shortest way there by hand: (program, lines) one after the other, each one process."""
    vxlans = vxlan_devices(shape, count)
    links = [
        f"address add {LOCAL}/32 dev lo",
        "link add bridge type bridge vlan_filtering 1 stp_state 0",
    ]
    options = f"local {LOCAL} dstport 4789 nolearning"
    if shape == "single":
        links.append(f"link add vxlan0 type vxlan external {options}")
    else:
        for vlan in vlans(count):
            links.append(f"link add vni{vlan} type vxlan id {FIRST_VNI + vlan} {options}")
    # Ports join before there are SVIs, whose MACs follow the bridge's; they come up when their
    # VLANs are right.
    sysctls = ["net.ipv4.conf.bridge.forwarding=1", "net.ipv6.conf.bridge.forwarding=1"]
    without_ipv6 = ports() + (vxlans if shape == "per-vni" else [])
    sysctls += [f"net.ipv6.conf.{port}.disable_ipv6=1" for port in without_ipv6]
    links += [f"link set {port} master bridge" for port in ports() + vxlans]
    members = [f"vlan add dev {port} vid {span(count)}" for port in ports()]
    members.append(f"vlan add dev bridge vid {span(count)} self")
    if shape == "single":
        ids = vlans(count)
        members.append("link set dev vxlan0 learning off neigh_suppress on mcast_router 2 vlan_tunnel on")
        members.append("vlan del dev vxlan0 vid 1")
        members.append(f"vlan add dev vxlan0 vid {span(count)}")
        members.append(
            f"vlan add dev vxlan0 vid {span(count)} "
            f"tunnel_info id {FIRST_VNI + ids[0]}-{FIRST_VNI + ids[-1]}"
        )
    else:
        for vlan, device in zip(vlans(count), vxlans):
            members.append(f"link set dev {device} learning off neigh_suppress on mcast_router 2")
            members.append(f"vlan add dev {device} vid {vlan} pvid untagged")
            members.append(f"vlan del dev {device} vid 1")
    rise = [f"link set {name} up" for name in ports() + vxlans + ["bridge"]]
    rise += [f"link add link bridge name bridge.{vlan} up type vlan id {vlan}" for vlan in vlans(count)]
    return [("ip", links), ("sysctl", sysctls), ("bridge", members), ("ip", rise)]
