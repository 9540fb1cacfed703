#!/usr/bin/env python3
"""Plays bgpd and zebra to vtepd-relay, so that a lab test decides what BGP says and when.

  speaker.py RELAY ZEBRA [FRR]  listens on ZEBRA, connects to RELAY, then obeys standard input.
                                FRR is 8.4 (unless told) or 10.6, whose tunnel ends may be IPv6

  vtep VTEP                     a type-3 route; the VNI is always 10010
  add MAC VTEP SEQUENCE [IP]    a type-2 route
  del MAC VTEP [IP]             it is withdrawn
  frame PORT MAC                a broadcast frame of that host goes out of PORT
  tunnel PORT VTEP MAC          its gratuitous ARP, as VTEP's leaf sends it through the tunnel, goes out of PORT

Prints "told add MAC SEQUENCE" and "told del MAC" for what vtepd tells of its own hosts, and "told vni VTEP".
Messages: FRR lib/zclient.h (numbers), zebra_vxlan.c and bgp_evpn.c (bodies) of these releases.
"""
import ipaddress
import os
import selectors
import socket
import struct
import sys

VNI = struct.pack("!I", 10010)
UPLINK, TUNNEL_END = bytes.fromhex("020000000f01"), socket.inet_aton("10.0.0.11")


class Frr84:
    HELLO, CAPABILITIES, ADVERTISE_ALL_VNI, VNI_ADD = 18, 19, 60, 67
    REMOTE_VTEP_ADD, REMOTE_MACIP_ADD, REMOTE_MACIP_DEL, MACIP_ADD, MACIP_DEL = 71, 77, 78, 73, 74
    hello = struct.pack("!BHIBB", 9, 0, 0, 0, 0)
    capabilities = struct.pack("!IBIB", 0, 0, 64, 0)

    @staticmethod
    def vtep(text):
        return socket.inet_aton(text)

    @staticmethod
    def read_vtep(body):
        return socket.inet_ntoa(body[:4])


class Frr106:
    HELLO, CAPABILITIES, ADVERTISE_ALL_VNI, VNI_ADD = 19, 20, 59, 66
    REMOTE_VTEP_ADD, REMOTE_MACIP_ADD, REMOTE_MACIP_DEL, MACIP_ADD, MACIP_DEL = 70, 76, 77, 72, 73
    hello = struct.pack("!BHIB", 10, 0, 0, 0)
    capabilities = struct.pack("!BBIBBB", 0, 0, 64, 0, 0, 0)

    @staticmethod
    def vtep(text):
        address = ipaddress.ip_address(text)
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        return struct.pack("!H", family) + address.packed

    @staticmethod
    def read_vtep(body):
        size = 4 if struct.unpack_from("!H", body)[0] == socket.AF_INET else 16
        return str(ipaddress.ip_address(body[2 : 2 + size]))


def frame(command, body):
    return struct.pack("!HBBIH", 10 + len(body), 254, 6, 0, command) + body


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def route(words, address):
    ip = ipaddress.ip_address(address[0]).packed if address else b""
    return VNI + mac_bytes(words[1]) + struct.pack("!H", len(ip)) + ip


def announcement(mac, vtep):
    """The kernel drops it for its checksum, behind the ears of those who only listen."""
    ip = socket.inet_aton("172.17.0.99")
    arp = b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" + mac + ip + b"\xff" * 6 + ip
    vxlan = b"\x08" + bytes(3) + VNI[1:] + b"\x00" + b"\xff" * 6 + mac + arp
    udp = struct.pack("!HHHH", 50000, 4789, 8 + len(vxlan), 0) + vxlan
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + socket.inet_aton(vtep) + TUNNEL_END
    return UPLINK + b"\x02" + bytes(5) + b"\x08\x00" + header + udp


def send(port, frame):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((port, 0))
        wire.send(frame)


def obey(frr, words, bgpd):
    if words[0] == "vtep":
        bgpd.sendall(frame(frr.REMOTE_VTEP_ADD, VNI + frr.vtep(words[1]) + bytes(4)))
    elif words[0] == "frame":
        send(words[1], b"\xff" * 6 + mac_bytes(words[2]) + b"\x88\xb5" + bytes(46))
    elif words[0] == "tunnel":
        send(words[1], announcement(mac_bytes(words[3]), words[2]))
    elif words[0] == "add":
        body = route(words, words[4:]) + frr.vtep(words[2])
        bgpd.sendall(frame(frr.REMOTE_MACIP_ADD, body + struct.pack("!BI10x", 0, int(words[3]))))
    elif words[0] == "del":
        bgpd.sendall(frame(frr.REMOTE_MACIP_DEL, route(words, words[3:]) + frr.vtep(words[2])))


def hear(frr, buffer):
    while len(buffer) >= 10 and len(buffer) >= (length := struct.unpack_from("!H", buffer)[0]):
        command, body = struct.unpack_from("!H", buffer, 8)[0], bytes(buffer[10:length])
        del buffer[:length]
        mac = ":".join(f"{byte:02x}" for byte in body[4:10])
        if command == frr.MACIP_ADD:
            # The number stands before the ten bytes of the Ethernet segment.
            print("told add", mac, struct.unpack_from("!I", body, len(body) - 14)[0], flush=True)
        elif command == frr.MACIP_DEL and body[-1] == 1:
            print("told del", mac, flush=True)
        elif command == frr.VNI_ADD:
            print("told vni", frr.read_vtep(body[4:]), flush=True)


def main():
    relay, zebra_path = sys.argv[1:3]
    frr = Frr106 if sys.argv[3:] == ["10.6"] else Frr84
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(zebra_path)
    os.chmod(zebra_path, 0o666)
    listener.listen()
    bgpd = socket.socket(socket.AF_UNIX)
    bgpd.connect(relay)
    bgpd.sendall(frame(frr.HELLO, frr.hello))
    zebra, _ = listener.accept()
    zebra.recv(4096)
    zebra.sendall(frame(frr.CAPABILITIES, frr.capabilities))
    bgpd.sendall(frame(frr.ADVERTISE_ALL_VNI, b"\x01\x00"))
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
                hear(frr, buffer)
            else:
                # A pipe gives what it has: the last line may be half of one.
                *lines, orders = (orders + os.read(sys.stdin.fileno(), 4096)).split(b"\n")
                for line in lines:
                    obey(frr, line.decode().split(), bgpd)


main()
