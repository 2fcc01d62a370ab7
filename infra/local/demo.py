"""Shows the whole system: stores a key, puts workflows, triggers them by webhook, watches them, prints what they answered.

Talks to the API that .local/env names, over HTTP alone, as any user would.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from decimal import Decimal
from pathlib import Path

API_URL = os.environ["API_URL"]
API_TOKEN = os.environ["API_TOKEN"]
STAND_IN = os.environ.get("STAND_IN_URL")
WORKFLOWS = Path(__file__).parent.parent / "examples" / "workflows"

INPUTS = {
    "multi-model-comparison": {
        "httpResponse": {"data": {"visits": [120, 180, 90, 240], "unit": "per day"}}
    },
    "blog-post": {"topic": "serverless LLM workflows"},
    "summary": {"inputText": "Step Functions drives the run; a Lambda function executes each node; DynamoDB remembers."},
    "article": {"topic": "how octopuses think"},
}
MARKS = {"PENDING": ".", "RUNNING": ">", "WAITING": "~", "SUCCEEDED": "#", "FAILED": "!", "SKIPPED": "-"}


def call(method, path, body=None, content_type="application/json"):
    """One request; gives (status, decoded answer)."""
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        API_URL + path,
        data=data,
        method=method,
        headers={"Authorization": f"Bearer {API_TOKEN}", "Content-Type": content_type},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or "null")
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read() or "null")


def must(method, path, body=None, content_type="application/json"):
    status, answer = call(method, path, body, content_type)
    if status >= 400:
        sys.exit(f"{method} {path} answered {status}:\n{json.dumps(answer, indent=2)}")
    return answer


def store_credential():
    key = os.environ.get("OPENROUTER_API_KEY") or "sk-or-v1-demo-key-of-the-stand-in"
    status, answer = call("POST", "/credentials", {"name": "main", "provider": "openrouter", "apiKey": key})
    if status == 409:
        print("credential  main (stored before)")
    elif status == 201:
        print(f"credential  main, ends in {answer['lastFour']}")
    else:
        sys.exit(f"The key was not accepted: {json.dumps(answer, indent=2)}")


def show_progress(runs):
    """Watches the runs until every one has ended; gives them as they ended."""
    shown, ended = {}, {}
    while len(ended) < len(runs):
        for name, run_id in runs.items():
            if name in ended:
                continue
            run = must("GET", f"/runs/{run_id}")
            line = "".join(MARKS[node["status"]] for node in run["nodes"])
            if shown.get(name) != (line, run["status"]):
                shown[name] = (line, run["status"])
                print(f"  {name:24} [{line}] {run['status']}")
            if run["status"] != "RUNNING":
                ended[name] = run
        time.sleep(0.2)
    return ended


def show(name, run):
    print(f"\n== {name}: {run['status']}, {run['costUsd']} USD, {run['usage']['totalTokens']} tokens")
    for node in run["nodes"]:
        output = node["output"] or {}
        tokens = output.get("usage", {}).get("totalTokens", 0)
        print(f"-- {node['variableName']} ({output.get('model')}): {tokens} tokens, {node['costUsd']} USD")
        text = output.get("text") or ""
        print("   " + (text if len(text) <= 400 else text[:400] + " ...").replace("\n", "\n   "))
    if run["error"]:
        print(json.dumps(run["error"], indent=2))


def main():
    if STAND_IN:
        print("NOTE: the OpenRouter stand-in answers, not OpenRouter. Its texts are computed from the prompts and cost nothing.")
        print("      Set OPENROUTER_API_KEY and OPENROUTER_BASE_URL=https://openrouter.ai/api/v1 to use the real one.\n")
    store_credential()
    runs = {}
    for name, given in INPUTS.items():
        document = (WORKFLOWS / f"{name}.yaml").read_bytes()
        stored = must("PUT", f"/workflows/{name}", document, "application/yaml")
        print(f"workflow    {name} (version {stored['version']})")
        runs[name] = must("POST", f"/hooks/{name}", given)["id"]
    print("\nruns        . pending  > running  ~ waiting  # succeeded  ! failed  - skipped")
    ended = show_progress(runs)
    for name, run in ended.items():
        show(name, run)
    total = sum(Decimal(run["costUsd"]) for run in ended.values())
    failed = [name for name, run in ended.items() if run["status"] != "SUCCEEDED"]
    by = "the stand-in (no money was spent)" if STAND_IN else os.environ.get("OPENROUTER_BASE_URL", "OpenRouter")
    print(f"\n{len(ended) - len(failed)} of {len(ended)} runs SUCCEEDED, {total} USD in all, answered by {by}.")
    if failed:
        sys.exit(f"These did not: {', '.join(failed)}")


if __name__ == "__main__":
    main()
