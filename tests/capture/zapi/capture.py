#!/usr/bin/env python3
"""Writes down what bgpd and zebra say to each other: the source of the *.hex files beside this.

  capture.py LISTEN ZEBRA OUT     then: bgpd -z LISTEN, with zebra's own socket ZEBRA

Passes bytes on as they are; each frame becomes a line "<pair> bgpd|zebra <hex>" in OUT.
"""
import os
import select
import socket
import struct
import sys


def main():
    listen, zebra, out_path = sys.argv[1:4]
    if os.path.exists(listen):
        os.unlink(listen)
    server = socket.socket(socket.AF_UNIX)
    server.bind(listen)
    os.chmod(listen, 0o666)
    server.listen()
    sources = {}  # socket -> (other socket, "<pair> <name>", bytes not yet written down)
    pairs = 0
    with open(out_path, "w", encoding="ascii", buffering=1) as out:
        while True:
            for ready in select.select([server, *sources], [], [])[0]:
                if ready is server:
                    client, _ = server.accept()
                    upstream = socket.socket(socket.AF_UNIX)
                    upstream.connect(zebra)
                    pairs += 1
                    sources[client] = (upstream, f"{pairs} bgpd", bytearray())
                    sources[upstream] = (client, f"{pairs} zebra", bytearray())
                    continue
                if ready not in sources:
                    continue
                other, name, buffer = sources[ready]
                data = ready.recv(65536)
                if not data:
                    for end in (ready, other):
                        sources.pop(end, None)
                        end.close()
                    continue
                other.sendall(data)
                buffer += data
                while len(buffer) >= 2 and len(buffer) >= struct.unpack_from(">H", buffer)[0]:
                    size = struct.unpack_from(">H", buffer)[0]
                    out.write(f"{name} {buffer[:size].hex()}\n")
                    del buffer[:size]


if __name__ == "__main__":
    main()
