#!/usr/bin/env bash
# FastAPI 0.165.0 does not copy the routes of an included router into the app: `app.routes` holds one `_IncludedRouter`
# without a path, in spite of Starlette's type. The usual loop over `route.path` misses every route or raises
# AttributeError; the schema has them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check fastapi==0.165.0 starlette==1.10.0
"$work/python/bin/python" - <<'PROGRAM'
import fastapi

router = fastapi.APIRouter()


@router.get("/threads")
def threads():
    return []


app = fastapi.FastAPI(docs_url=None, redoc_url=None)
app.include_router(router, prefix="/v1")
kinds = [type(route).__name__ for route in app.routes]
paths = [route.path for route in app.routes if hasattr(route, "path")]
described = list(app.openapi()["paths"])
print("fastapi", fastapi.__version__, kinds, "with a path:", paths, "in the schema:", described)
assert kinds == ["Route", "_IncludedRouter"], "routes are kept otherwise now"
assert paths == ["/openapi.json"], "included routes have their paths now"
assert described == ["/v1/threads"]
PROGRAM
