#!/usr/bin/env python3
"""arp_flood.py INTERFACE SECONDS: ARP requests from one MAC, each with another sender address."""
import socket
import sys
import time

interface, seconds = sys.argv[1], float(sys.argv[2])
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((interface, 0))
mac = wire.getsockname()[4]
end = time.monotonic() + seconds
sent = 0
while time.monotonic() < end:
    # A burst, then a breath for the only CPU of a guest.
    for _ in range(50):
        sender = bytes([172, 17, sent >> 8 & 255, sent & 255])
        sent += 1
        try:
            wire.send(b"\xff" * 6 + mac + b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" + mac + sender +
                      bytes(6) + bytes([172, 16, 0, 200]) + bytes(18))
        except OSError:  # the queue is full: as much as there can be
            pass
    time.sleep(0.005)
print(sent)
