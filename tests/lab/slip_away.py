#!/usr/bin/env python3
"""slip_away.py FROM TO ADDRESS announced|silent: an address changes its interface, then one frame is sent.

In one process, as a host that moves is as fast as that: `announced` sends a gratuitous ARP, `silent` a
frame of a type that nobody knows, which says no more than where its MAC is.
"""
import socket
import subprocess
import sys

old, new, address, word = sys.argv[1:]
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((new, 0))
mac = wire.getsockname()[4]
ip = socket.inet_aton(address)
if word == "announced":
    frame = b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02" + mac + ip + b"\xff" * 6 + ip + bytes(18)
else:
    frame = b"\x88\xb5" + bytes(46)
batch = f"address del {address}/24 dev {old}\naddress add {address}/24 dev {new}\n"
subprocess.run(["ip", "-batch", "-"], input=batch.encode(), check=True)
wire.send(b"\xff" * 6 + mac + frame)
