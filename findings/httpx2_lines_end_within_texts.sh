#!/usr/bin/env bash
# Event streams read by lines: `iter_lines` of httpx2 2.16.2, and of requests 2.34.2 with `decode_unicode=True`, ends lines
# where Python's `str.splitlines` does, also within JSON that is written as UTF-8: a line separator (U+2028), as models and
# pasted documents have it, tears an event of httpx2's in two. The format knows CR and LF alone. requests goes on to read
# UTF-8 as Latin-1, since the content type of event streams names no character set, so there it is U+0085's bytes, part of
# many letters in UTF-8 ("Å" is C3 85), that end a line. sseclient-py 1.9.0 and requests' lines of bytes read both right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check httpx2==2.16.2 requests==2.34.2 sseclient-py==1.9.0
"$work/python/bin/python" - <<'PROGRAM'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx2
import requests
import sseclient

TEXTS = {"U+2028": "one\u2028two", "a letter": "Åse"}


class Stream(BaseHTTPRequestHandler):
    def do_GET(self):
        text = TEXTS[self.headers["text"]]
        body = f"event: delta\ndata: {json.dumps({'text': text}, ensure_ascii=False)}\n\n".encode()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Stream)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"


def by_httpx2(headers):
    with httpx2.stream("GET", url, headers=headers) as answer:
        return list(answer.iter_lines())


def by_requests(headers, **how):
    return list(requests.get(url, headers=headers, stream=True, timeout=10).iter_lines(**how))


def by_sseclient(headers):
    return [event.data for event in sseclient.SSEClient(requests.get(url, headers=headers, stream=True, timeout=10)).events()]


print("httpx2", httpx2.__version__, "| requests", requests.__version__)
lines = {}
for name, text in TEXTS.items():
    headers = {"text": name}
    lines[name] = by_httpx2(headers), by_requests(headers, decode_unicode=True)
    for library, found in zip(("httpx2", "requests"), lines[name], strict=True):
        print(f"{name}, {library}: {ascii(found)}")
    assert json.loads(by_requests(headers)[1].removeprefix(b"data: ")) == {"text": text}
    assert [json.loads(data) for data in by_sseclient(headers)] == [{"text": text}]
assert lines["U+2028"][0] == ["event: delta", 'data: {"text": "one', 'two"}', ""], "httpx2 reads it whole"
assert len(lines["a letter"][0]) == 3
assert lines["a letter"][1][1:3] == ['data: {"text": "\xc3', 'se"}'], "requests reads it whole"
PROGRAM
