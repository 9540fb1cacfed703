#!/usr/bin/env python3
"""Plays bgpd and zebra (FRR 8.4) to vtepd-relay, so that a lab test decides what BGP says and when.

  speaker.py RELAY ZEBRA    listens on ZEBRA, connects to RELAY, then obeys standard input:

  vtep VTEP                 a type-3 route; the VNI is always 10010
  add MAC VTEP SEQUENCE     a type-2 route, MAC only
  del MAC VTEP              it is withdrawn
  frame PORT MAC            a broadcast frame of that host goes out of PORT

Prints "told add MAC SEQUENCE" and "told del MAC" for what vtepd tells of its own hosts.
Messages: FRR 8.4 lib/zclient.h (numbers), zebra_vxlan.c and bgp_evpn.c (bodies).
"""
import os
import selectors
import socket
import struct
import sys

HELLO, CAPABILITIES, ADVERTISE_ALL_VNI = 18, 19, 60
REMOTE_VTEP_ADD, REMOTE_MACIP_ADD, REMOTE_MACIP_DEL, MACIP_ADD, MACIP_DEL = 71, 77, 78, 73, 74
VNI = struct.pack("!I", 10010)


def frame(command, body):
    return struct.pack("!HBBIH", 10 + len(body), 254, 6, 0, command) + body


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def obey(words, bgpd):
    if words[0] == "vtep":
        bgpd.sendall(frame(REMOTE_VTEP_ADD, VNI + socket.inet_aton(words[1]) + bytes(4)))
    elif words[0] == "frame":
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as port:
            port.bind((words[1], 0))
            port.send(b"\xff" * 6 + mac_bytes(words[2]) + b"\x88\xb5" + bytes(46))
    else:
        body = VNI + mac_bytes(words[1]) + struct.pack("!H", 0) + socket.inet_aton(words[2])
        if words[0] == "add":
            bgpd.sendall(frame(REMOTE_MACIP_ADD, body + struct.pack("!BI10x", 0, int(words[3]))))
        else:
            bgpd.sendall(frame(REMOTE_MACIP_DEL, body))


def hear(buffer):
    while len(buffer) >= 10 and len(buffer) >= (length := struct.unpack_from("!H", buffer)[0]):
        command, body = struct.unpack_from("!H", buffer, 8)[0], bytes(buffer[10:length])
        del buffer[:length]
        mac = ":".join(f"{byte:02x}" for byte in body[4:10])
        if command == MACIP_ADD:
            print("told add", mac, struct.unpack_from("!I", body, 15)[0], flush=True)
        elif command == MACIP_DEL and body[-1] == 1:
            print("told del", mac, flush=True)


def main():
    relay, zebra_path = sys.argv[1:3]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(zebra_path)
    os.chmod(zebra_path, 0o666)
    listener.listen()
    bgpd = socket.socket(socket.AF_UNIX)
    bgpd.connect(relay)
    bgpd.sendall(frame(HELLO, struct.pack("!BHIBB", 9, 0, 0, 0, 0)))
    zebra, _ = listener.accept()
    zebra.recv(4096)
    zebra.sendall(frame(CAPABILITIES, struct.pack("!IBIB", 0, 0, 64, 0)))
    bgpd.sendall(frame(ADVERTISE_ALL_VNI, b"\x01\x00"))
    selector = selectors.DefaultSelector()
    for source in (bgpd, sys.stdin):
        selector.register(source, selectors.EVENT_READ)
    buffer = bytearray()
    orders = b""
    while True:
        for key, _ in selector.select():
            if key.fileobj is bgpd:
                data = bgpd.recv(65536)
                if not data:
                    return
                buffer += data
                hear(buffer)
            else:
                # A pipe gives what it has: the last line may be half of one.
                *lines, orders = (orders + os.read(sys.stdin.fileno(), 4096)).split(b"\n")
                for line in lines:
                    obey(line.decode().split(), bgpd)


main()
