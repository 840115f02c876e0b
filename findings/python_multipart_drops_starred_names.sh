#!/usr/bin/env bash
# python-multipart 0.0.34 drops every parameter with a star: a part whose only name is `filename*=` is a field without a
# file name, so that FastAPI and Starlette read the upload as text. The standard library's email package reads the name,
# even in the quotes that RFC 8187 does not allow.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check python-multipart==0.0.34 starlette==1.10.0
"$work/python/bin/python" - <<'PROGRAM'
import asyncio
import email
import email.policy

import python_multipart
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.requests import Request

BARE = "form-data; name=\"file\"; filename*=UTF-8''r%C3%A9sum%C3%A9.txt"
QUOTED = "form-data; name=\"file\"; filename*=\"UTF-8''r%C3%A9sum%C3%A9.txt\""


async def part(disposition):
    body = f"--b\r\nContent-Disposition: {disposition}\r\n\r\nhello\r\n--b--\r\n".encode()
    headers = [(b"content-type", b"multipart/form-data; boundary=b")]

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async with Request({"type": "http", "method": "POST", "headers": headers}, receive).form() as form:
        return form["file"]


print("python-multipart", python_multipart.__version__)
for disposition in (BARE, QUOTED):
    message = email.message_from_string(f"Content-Disposition: {disposition}\n\n", policy=email.policy.HTTP)
    parameters = parse_options_header(disposition)[1]
    value = asyncio.run(part(disposition))
    print("email:", message.get_filename(), "| python-multipart:", parameters, "| starlette:", repr(value))
    assert message.get_filename() == "résumé.txt", "email reads it otherwise now"
    assert parameters == {b"name": b"file"}, "it keeps the name now"
    assert not isinstance(value, UploadFile), "it is a file now"
PROGRAM
