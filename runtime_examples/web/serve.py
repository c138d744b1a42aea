"""Serves the page on this machine: `flowexport view` for a checkout in which nothing has been installed.

``--bundle`` adds a folder of yours at ``bundle/``, as run.sh needs it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from flowexport.page import page_server  # noqa: E402


def main() -> None:
    """Serves until it is interrupted; the address goes to standard output as soon as it answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one [default: 8000]")
    parser.add_argument("--bundle", type=Path, help="a folder to serve at /bundle/")
    parser.add_argument("--plain", action="store_true", help="without the headers for threads, as most servers are")
    parser.add_argument("--quiet", action="store_true", help="does not print the requests")
    given = parser.parse_args()
    site = HERE / "site"
    if not (site / "index.html").is_file():
        parser.exit(2, f"flow: {site}: is not there; prepare.sh makes it\n")
    bundles = {} if given.bundle is None else {"bundle": given.bundle}
    with page_server(site, bundles, given.port, isolated=not given.plain, quiet=given.quiet) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
