#!/usr/bin/env python3
"""Sends requests of all kinds to the HTTP API of a local stack, good and bad ones, for some seconds: schemathesis makes them
from the API's own description, and holds every answer against it.

    fuzz.py SECONDS [SEED]

Talks to the API that the stack's `env` names. `fuzz_hooks.py` puts real names into the paths. Where FUZZ_REPORT names a folder,
every request and answer is written there.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCAL = HERE.parents[1] / ".local"
SCHEMATHESIS = LOCAL / "venv" / "bin" / "schemathesis"
API_URL = os.environ["API_URL"]
API_TOKEN = os.environ["API_TOKEN"]

# What may be wrong with an answer: 5xx, a status, content type or header that the description lacks, another body.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)

WORKFLOW = {
    "name": "fuzzed",
    "nodes": [
        {
            "id": "one",
            "type": "openrouter",
            "variableName": "one",
            "credential": "main",
            "model": "openai/gpt-4o-mini",
            "userPrompt": "Say hello.",
        }
    ],
}


def main():
    seconds, seed = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "1"
    names = prepare()
    command = [
        *(SCHEMATHESIS, "run", f"{API_URL}/openapi.json", "--url", API_URL),
        *("--header", f"Authorization: Bearer {API_TOKEN}"),
        *("--checks", ",".join(CHECKS), "--max-time", seconds, "--seed", seed),
        # A busy machine is slow, and API Gateway itself gives up after 30 seconds.
        *("--request-timeout", "40"),
        *("--generation-database", "none", "--warnings", "off", "--no-color"),
    ]
    if report := os.environ.get("FUZZ_REPORT"):
        command += ["--report", "har", "--report-dir", report]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "fuzz_hooks",
        "PYTHONPATH": str(HERE),
        "FUZZ_NAMES": json.dumps(names),
    }
    # It keeps files of its own in the folder where it runs.
    sys.exit(subprocess.run(command, cwd=LOCAL, env=environment, check=False).returncode)


def prepare():
    """Makes one record of each kind; gives their names by the paths that they stand in."""
    key = f"sk-or-v1-good-{time.time_ns()}"
    call("POST", "/credentials", {"name": "main", "apiKey": key}, known=409)
    credentials = call("GET", "/credentials")["credentials"]
    credential = next(one for one in credentials if one["name"] == "main")
    call("PUT", "/workflows/fuzzed", WORKFLOW)
    call("PUT", "/workflows/fuzzed/webhooks/open", {"mode": "none"})
    call("PUT", "/workflows/fuzzed/schedules/yearly", {"expression": "cron(0 0 1 1 ? *)"})
    source = "arn:aws:sqs:us-east-1:000000000000:fuzzed"
    call("PUT", f"/workflows/fuzzed/sources/{source}")
    run = call("POST", "/workflows/fuzzed/runs?wait=20", {})
    return {
        "/credentials/{id}": {"id": credential["id"]},
        "/workflows/{id}": {"id": "fuzzed", "webhook": "open", "name": "yearly", "arn": source},
        "/hooks/{id}": {"id": "fuzzed", "webhook": "open"},
        "/runs/{id}": {"id": run["id"], "node": "one"},
        "/models/{author}": {"author": "openai", "slug": "gpt-4o-mini"},
        "/errors/{code}": {"code": "RunNotFound"},
    }


def call(method, path, body=None, known=None):
    request = urllib.request.Request(
        API_URL + path,
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"Authorization": f"Bearer {API_TOKEN}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")
    except urllib.error.HTTPError as refused:
        if refused.code != known:
            sys.exit(f"{method} {path} answered {refused.code}: {refused.read().decode()}")
        return None


main()
