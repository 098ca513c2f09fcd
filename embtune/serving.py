"""Start the browser app."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from embtune.errors import BadInputError, StorageError

APP = Path(__file__).resolve().parent.parent / "app.py"
_LAUNCH = APP.parent / "pages" / "shared" / "launch.py"


def check_port(address: str, port: int) -> None:
    """Say in one sentence if a port cannot be listened on."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise BadInputError(
                f"Port {port} on {address} cannot be used ({error.strerror}): another program, perhaps an "
                "embtune that runs already, has it. Stop that one or choose another: "
                f"embtune serve --port {port + 1}."
            ) from error


def serve_app(address: str, port: int, *, headless: bool = True) -> int:
    """Run Streamlit until it is stopped; return its exit status."""
    from embtune.store.database import get_database

    if not APP.exists():
        raise StorageError(f"{APP} is missing: run embtune from its source folder.")
    check_port(address, port)
    with get_database().read():
        pass  # migrates, and tells a home folder that cannot be used before a page would
    print(f"embtune is at http://{address}:{port}  (Ctrl+C stops it)", flush=True)
    options = [f"--server.port={port}", f"--server.address={address}"]
    options.append(f"--server.headless={'true' if headless else 'false'}")
    process = subprocess.Popen([sys.executable, str(_LAUNCH), *options], cwd=APP.parent)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        return process.wait()
