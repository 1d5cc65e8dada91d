"""Exit code 0 if the service in this container answers 200 on /healthz, or on another path.

Without a shell and without curl: the image has neither to spare.
"""

from __future__ import annotations

import http.client
import os
import sys

TIMEOUT_S = 3.0


def status(path: str) -> int:
    """The HTTP status of a path of the service on this machine. Raises OSError."""
    port = int(os.environ.get("DIPPER_HTTP_PORT", "9110"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def main() -> int:
    """0 for well, 1 for not."""
    path = sys.argv[1] if len(sys.argv) > 1 else "/healthz"
    try:
        found = status(path)
    except (OSError, http.client.HTTPException) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    if found != http.HTTPStatus.OK:
        print(f"{path}: HTTP {found}", file=sys.stderr)
    return int(found != http.HTTPStatus.OK)


if __name__ == "__main__":
    sys.exit(main())
