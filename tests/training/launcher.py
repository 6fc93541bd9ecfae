"""Starts two processes of a module that know of each other, as torchrun does but without its weight."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

NUMBER = 2


def main() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(NUMBER)}
    ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(NUMBER)]
    processes = [subprocess.Popen([sys.executable, *sys.argv[1:]], env=os.environ | told | rank) for rank in ranks]
    # Where one fails, the others wait for it in vain.
    while any(process.poll() is None for process in processes) and not any(process.poll() for process in processes):
        time.sleep(0.1)
    for process in processes:
        process.kill()
    return max(abs(process.wait()) for process in processes)


if __name__ == "__main__":
    raise SystemExit(main())
