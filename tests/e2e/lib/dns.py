#!/usr/bin/env python3
"""A name server of one line: "v4.test" is 127.0.0.1, "v6.test" is ::1, nothing else is known.

Usage: dns.py [--silent] ADDRESS      port 53 there, UDP and TCP; says "listening"

--silent: it reads questions by UDP, and never answers.

By UDP every answer is cut short, so that resolvers ask again by TCP. Each question is printed.
"""
import socket
import socketserver
import sys
import threading

A, AAAA = 1, 28
KNOWN = {(b"v4.test", A): socket.inet_aton("127.0.0.1"),
         (b"v6.test", AAAA): socket.inet_pton(socket.AF_INET6, "::1")}


def question(message):
    """The name and type that are asked for, and where the question ends."""
    at, labels = 12, []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]])
        at += 1 + message[at]
    return b".".join(labels).lower(), int.from_bytes(message[at + 1:at + 3], "big"), at + 5


def reply(message, cut):
    name, kind, end = question(message)
    address = KNOWN.get((name, kind))
    print("UDP" if cut else "TCP", name.decode(), kind, flush=True)
    answer = b""
    if address and not cut:
        answer = b"\xc0\x0c" + message[end - 4:end] + (60).to_bytes(4, "big") + len(address).to_bytes(2, "big") + address
    unknown = name not in (n for n, _ in KNOWN)
    flags = 0x8180 | (0x0200 if cut else 0) | (3 if unknown else 0)
    counts = b"\0\1" + (b"\0\1" if answer else b"\0\0") + b"\0\0\0\0"
    return message[:2] + flags.to_bytes(2, "big") + counts + message[12:end] + answer


class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        message, sock = self.request
        if silent:
            print("UDP", question(message)[0].decode(), "unanswered", flush=True)
            return
        sock.sendto(reply(message, True), self.client_address)


class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        while head := self.rfile.read(2):
            answer = reply(self.rfile.read(int.from_bytes(head, "big")), False)
            self.wfile.write(len(answer).to_bytes(2, "big") + answer)


class TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


silent = sys.argv[1] == "--silent"
here = (sys.argv[-1], 53)
tcp = TcpServer(here, Tcp)
threading.Thread(target=tcp.serve_forever, daemon=True).start()
with socketserver.UDPServer(here, Udp) as udp:
    print("listening", flush=True)
    udp.serve_forever()
