"""Start the browser app."""

from __future__ import annotations

import errno
import os
import runpy
import socket
import sys
from pathlib import Path
from typing import NoReturn

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
            raise BadInputError(_why_not(address, port, error)) from error


def _why_not(address: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{address!r} is no address of this computer: use 127.0.0.1, or 0.0.0.0 for all of them."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {port} on {address} may not be used by you: choose one from 1024 on, such as 8501."
    other = port + 1 if port < 65535 else 8501
    return (
        f"Port {port} on {address} cannot be used ({error.strerror}): another program, perhaps an "
        f"embtune that runs already, has it. Stop that one or choose another: embtune serve --port {other}."
    )


def serve_app(address: str, port: int, *, headless: bool = True) -> NoReturn:
    """Turn this process into the Streamlit server; it runs until it is stopped."""
    from embtune.store.database import get_database

    if not APP.exists():
        raise StorageError(f"{APP} is missing: run embtune from its source folder.")
    check_port(address, port)
    with get_database().read():
        pass  # migrates, and tells a home folder that cannot be used before a page would
    print(f"embtune is at http://{address}:{port}  (Ctrl+C stops it)", flush=True)
    options = [f"--server.port={port}", f"--server.address={address}"]
    options.append(f"--server.headless={'true' if headless else 'false'}")
    os.chdir(APP.parent)  # Streamlit reads its settings from there
    # In this process: what is imported here need not be imported again before the first page shows.
    sys.argv = [str(_LAUNCH), *options]
    runpy.run_path(str(_LAUNCH), run_name="__main__")
    raise SystemExit(0)
