"""Starts two processes of a module that know of each other, as torchrun does.

They are forked from a server that has imported the libraries, which takes longer than most runs of the tests:
``launcher.py SOCKET`` is that server, ``launcher.py SOCKET -m MODULE ARGUMENTS`` the launcher.
"""

from __future__ import annotations

import os
import pickle
import runpy
import select
import signal
import socket
import sys
import time
from importlib import import_module
from pathlib import Path

NUMBER = 2
_NEEDED = ("trl.trainer.dpo_trainer", "trl.trainer.grpo_trainer", "pluralign.training.tuning.run")


def serve(address: str) -> None:
    """Fork processes for whoever asks, until standard input ends."""
    sys.path.insert(0, str(Path(__file__).parents[3]))
    for name in _NEEDED:
        import_module(name)
    # Nobody waits for those who look after the processes.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        print("ready", flush=True)
        while True:
            asking, _, _ = select.select([door, sys.stdin], [], [])
            if sys.stdin in asking:
                return
            client, _ = door.accept()
            if os.fork() == 0:
                os._exit(_look_after(client))
            client.close()


def ask(address: str, arguments: list[str]) -> int:
    """Have the server start the module; the exit code."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [b"-"], [0, 1, 2])
        server.sendall(pickle.dumps((arguments, dict(os.environ))))
        return server.recv(1)[0]


def _look_after(client: socket.socket) -> int:
    """Start the processes and wait; all end when one fails or the client does."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(client, 1, 3)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    arguments, environment = pickle.load(client.makefile("rb"))
    port = str(_free_port())
    running = {_start(rank, arguments, environment | {"MASTER_PORT": port}) for rank in range(NUMBER)}
    code = 0
    while running and code == 0 and not select.select([client], [], [], 0)[0]:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process:
            running.remove(process)
            code = abs(os.waitstatus_to_exitcode(status))
        else:
            time.sleep(0.05)
    for process in running:
        os.kill(process, signal.SIGKILL)
    client.sendall(bytes([code]))
    return 0


def _start(rank: int, arguments: list[str], environment: dict[str, str]) -> int:
    process = os.fork()
    if process:
        return process
    told = {"MASTER_ADDR": "127.0.0.1", "WORLD_SIZE": str(NUMBER), "RANK": str(rank), "LOCAL_RANK": str(rank)}
    os.environ.clear()
    os.environ.update(environment | told)
    code: int | str | None = 1
    try:
        run_as_main(arguments)
        code = 0
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))
    raise AssertionError


def run_as_main(arguments: list[str]) -> None:
    """What ``python -m MODULE ARGUMENTS`` does, given what stands behind ``python``."""
    assert arguments[0] == "-m"
    sys.argv = arguments[1:]
    runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


if __name__ == "__main__":
    if len(sys.argv) == 2:
        serve(sys.argv[1])
    else:
        raise SystemExit(ask(sys.argv[1], sys.argv[2:]))
