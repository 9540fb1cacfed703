#!/usr/bin/env python3
"""Plays systemd's part for vtepd-relay where there is no systemd: readiness, fd store, restart.

  fd_keeper.py [--socket PATH] [--restarts N] -- COMMAND [ARGS...]

Binds NOTIFY_SOCKET for the command, keeps the descriptors it stores (FDSTORE=1, FDNAME=...) until
it takes them back (FDSTOREREMOVE=1), and starts the command again when it dies, with them as
LISTEN_FDS. Prints "ready" when the command has said READY=1. SIGTERM, SIGINT: passes SIGTERM on
and ends with the command's status. Unlike systemd it does not watch stored sockets for hang-ups.
"""
import argparse
import array
import os
import select
import signal
import socket
import sys
import tempfile

FIRST_FD = 3  # SD_LISTEN_FDS_START


def start(command, notify_path, store):
    """Forks the command with the stored descriptors as 3, 4, ...; returns its pid."""
    pid = os.fork()
    if pid:
        return pid
    # Out of the way first: a target number may be another descriptor's present one.
    high = [(name, os.dup2(fd, 1000 + i, inheritable=False)) for i, (name, fd) in enumerate(store)]
    for i, (_, fd) in enumerate(high):
        os.dup2(fd, FIRST_FD + i, inheritable=True)
    os.environ["NOTIFY_SOCKET"] = notify_path
    if store:
        os.environ["LISTEN_PID"] = str(os.getpid())
        os.environ["LISTEN_FDS"] = str(len(store))
        os.environ["LISTEN_FDNAMES"] = ":".join(name for name, _ in store)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"fd_keeper: {command[0]}: {error}", file=sys.stderr)
        os._exit(127)


def receive(notify, store):
    """Takes one notification; returns the store and whether it said READY=1."""
    data, ancillary, _, _ = notify.recvmsg(4096, socket.CMSG_SPACE(8 * 4))
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
    lines = dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
    name = lines.get("FDNAME", "stored")
    if lines.get("FDSTORE") == "1":
        store = store + [(name, fd) for fd in fds]
    else:
        for fd in fds:
            os.close(fd)
    if lines.get("FDSTOREREMOVE") == "1":
        for kept, fd in store:
            if kept == name:
                os.close(fd)
        store = [entry for entry in store if entry[0] != name]
    return store, lines.get("READY") == "1"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--socket", help="where to bind NOTIFY_SOCKET")
    parser.add_argument("--restarts", type=int, default=1 << 30, help="how often at most")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()

    path = options.socket or os.path.join(tempfile.mkdtemp(prefix="fd_keeper."), "notify")
    if os.path.exists(path):
        os.unlink(path)
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(path)
    os.chmod(path, 0o666)  # the command may have given up root
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    state = {"stopping": False}
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: state.update(stopping=True))

    store, told = [], False
    pid = start(options.command, path, store)
    while True:
        ready, _, _ = select.select([notify, wake_read], [], [])
        if notify in ready:  # before the death of its sender, as systemd does
            store, is_ready = receive(notify, store)
            if is_ready:
                print(f"ready {pid}", flush=True)
            continue
        os.read(wake_read, 512)
        if state["stopping"] and not told:
            told = True
            os.kill(pid, signal.SIGTERM)
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended == 0:
            continue
        if state["stopping"] or options.restarts == 0:
            os.unlink(path)
            sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
        options.restarts -= 1
        print(f"restart after status {status}", flush=True)
        pid = start(options.command, path, store)


if __name__ == "__main__":
    main()
