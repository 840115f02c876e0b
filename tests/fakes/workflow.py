"""A Logic App with an HTTP trigger, which asks for the signature of its address as Azure does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

SIGNATURE = "Zaunkoenig7Q-wXyZ_0123456789"
QUERY = {"api-version": "2016-10-01", "sp": "/triggers/manual/run", "sv": "1.0", "sig": SIGNATURE}
PATH = "/workflows/0123456789abcdef/triggers/manual/paths"
#: What a caller of the trigger must send.
BODY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


class Workflow:
    """A workflow with an HTTP trigger, which asks for its signature as Azure does."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.listening.getsockname()[1]}"
        self.calls: list[dict[str, str]] = []
        #: How the workflow ends: with an answer of its own, without one, or by saying what it was sent.
        self.ends = "answer"
        app = FastAPI(openapi_url=None)
        app.add_api_route(f"{PATH}/invoke", self.invoke, methods=["POST"], response_model=None)
        self.server = uvicorn.Server(uvicorn.Config(app, log_config=None))

    async def invoke(self, request: Request) -> Response:
        query = dict(request.query_params)
        if query.pop("sig", "") != SIGNATURE:
            return failure(401, "DirectApiAuthorizationRequired")
        if query != {name: value for name, value in QUERY.items() if name != "sig"}:
            return failure(401, "DirectApiInvalidAuthorizationScheme")
        body = await request.json()
        if set(body) != {"city"} or not isinstance(body["city"], str):
            return failure(400, "TriggerInputSchemaMismatch")
        self.calls.append(body)
        if self.ends == "silence":
            return Response(status_code=202, headers={"x-ms-workflow-run-id": "0858"})
        said = {"url": str(request.url)} if self.ends == "indiscretion" else {"weather": f"rain in {body['city']}"}
        return JSONResponse(said)

    @property
    def document(self) -> dict[str, Any]:
        """What Azure writes for the workflow: `az logic workflow ... list-swagger`, as OpenAPI 3."""
        known = [
            {"name": name, "in": "query", "required": True, "schema": {"type": "string", "default": QUERY[name]}}
            for name in ("api-version", "sp", "sv")
        ]
        invoke = {
            "operationId": "manual-invoke",
            "description": "The weather of a city.",
            "parameters": known,
            "requestBody": {"content": {"application/json": {"schema": BODY}}, "required": True},
            "responses": {"default": {"description": "The answer of the workflow."}},
        }
        scheme = {"type": "apiKey", "name": "sig", "in": "query", "description": "The SHA 256 hash of the trigger."}
        return {
            "openapi": "3.0.3",
            "info": {"title": "weather", "version": "1.0.0.0"},
            "servers": [{"url": f"http://{self.host}{PATH}"}],
            "security": [{"sig": []}],
            "paths": {"/invoke": {"post": invoke}},
            "components": {"securitySchemes": {"sig": scheme}},
        }

    @property
    def address(self) -> str:
        """The address of its trigger, as the portal shows it."""
        query = f"api-version=2016-10-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={SIGNATURE}"
        return f"http://{self.host}{PATH}/invoke?{query}"


def failure(status: int, code: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": "no"}}, status_code=status)


@contextmanager
def workflow() -> Iterator[Workflow]:
    """The workflow, while it runs."""
    app = Workflow()
    thread = threading.Thread(target=app.server.run, kwargs={"sockets": [app.listening]}, daemon=True)
    thread.start()
    try:
        yield app
    finally:
        app.server.should_exit = True
        thread.join(10)
        app.listening.close()
