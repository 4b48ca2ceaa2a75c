#!/usr/bin/env python3
"""Stand-in for curl with the options that docs/api.md uses, for machines without it; an unknown option is an error."""

from __future__ import annotations

import argparse
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from email.message import Message
from http.client import HTTPResponse
from pathlib import Path
from typing import cast


class Answers(urllib.request.HTTPErrorProcessor):
    """Answers of any status are answers; redirects are not followed."""

    def http_response(self, request: urllib.request.Request, response: HTTPResponse) -> HTTPResponse:
        return response

    https_response = http_response


def main(argv: Sequence[str]) -> int:
    """Send one request; returns curl's exit status."""
    parser = argparse.ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-s", action="store_true", dest="silent")
    parser.add_argument("-S", action="store_true", dest="show_errors")
    parser.add_argument("-D", choices=["-"], dest="dump_headers")
    parser.add_argument("-o", type=Path, dest="output")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-I", action="store_true", dest="head")
    parser.add_argument("-H", action="append", default=[], dest="headers")
    parser.add_argument("-d", dest="data")
    parser.add_argument("--data-binary", choices=["@-"], dest="binary")
    given = parser.parse_args(argv)

    body = sys.stdin.buffer.read() if given.binary else None if given.data is None else given.data.encode()
    method = given.method or ("HEAD" if given.head else "GET" if body is None else "POST")
    request = urllib.request.Request(given.url, body, method=method)
    if body is not None:
        request.add_header("Content-Type", "application/x-www-form-urlencoded")
    for header in given.headers:
        name, _, value = header.partition(":")
        request.add_header(name, value.strip())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Answers)
    try:
        with opener.open(request) as response:
            content = response.read()
    except urllib.error.URLError as error:
        print(f"curl: (7) {error.reason}", file=sys.stderr)
        return 7
    if given.head or given.dump_headers:
        lines = [
            f"HTTP/1.1 {response.status} {response.reason}",
            *_lines(cast(Message, response.headers)),
            "",
            "",
        ]
        sys.stdout.buffer.write("\r\n".join(lines).encode())
    if given.output:
        given.output.write_bytes(content)
    else:
        sys.stdout.buffer.write(content)
    return 0


def _lines(headers: Message) -> list[str]:
    return [f"{name}: {value}" for name, value in headers.items()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
