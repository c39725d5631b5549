"""A Hub for tests: `python -m tests.hub_standin --root DIR --port 0` prints its addresses and serves."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from pathlib import Path

from tests.hub_standin.faults import Desk
from tests.hub_standin.repositories import Repositories
from tests.hub_standin.server import Server


def main() -> None:
    """Serve until killed. `--name` is the host name under which clients reach both servers."""
    parser = argparse.ArgumentParser(prog="python -m tests.hub_standin")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--storage-port", type=int, default=0)
    parser.add_argument("--name", default="127.0.0.1")
    args = parser.parse_args()
    repositories, desk = Repositories(args.root), Desk()
    storage = Server(args.storage_port, repositories, desk, "storage", None)
    storage_address = f"http://{args.name}:{storage.server_port}"
    hub = Server(args.port, repositories, desk, "hub", storage_address)
    storage.start()
    hub.start()
    sys.stdout.write(
        json.dumps({"hub": f"http://{args.name}:{hub.server_port}", "storage": storage_address}) + "\n"
    )
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
