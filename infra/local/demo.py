"""Shows the whole system: stores a key, puts workflows, triggers them by webhook, watches them live, prints what they answered.

Talks to the API that .local/env names, over HTTP alone, as any user would. What it shows of the runs while they go on comes from
their streams of events (docs/live.md).
"""

import json
import os
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
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
MARKS = {"RUNNING": ">", "WAITING": "~", "SUCCEEDED": "#", "FAILED": "!", "SKIPPED": "-"}
# With the stand-in alone: a rate limit, which the run waits out. The time makes the prompt another one in each demo.
PATIENCE = """
name: Patience
nodes:
  - type: openrouter
    variableName: patient
    credential: main
    userPrompt: "[[fault:rate-limit-own(retry_after=6)*1]]Explain at {time} why waiting for a rate limit costs nothing here"
"""


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


class Watched:
    """A run as its events tell it: how its nodes stand, and what their models have written so far."""

    def __init__(self, name, run_id):
        self.name, self.run_id = name, run_id
        self.nodes, self.texts, self.end = {}, {}, None
        self.changed = 0

    def watch(self):
        """Reads the stream as an EventSource does: after a cut it goes on behind the last event, and 204 ends it."""
        made = must("POST", f"/runs/{self.run_id}/events-token", {"ttlSeconds": 3600})
        address, last, retry = f"{made['url']}?token={made['token']}&texts=all", None, 1
        while True:
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
            with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=60) as stream:
                if stream.status == 204:
                    return
                event = {}
                for line in stream:
                    field, _, value = line.decode().rstrip("\n").partition(": ")
                    if field == "retry":
                        retry = int(value) / 1000
                    elif field in ("event", "id", "data"):
                        event[field] = value
                    elif not field and "data" in event:
                        self.hear(event["event"], json.loads(event["data"]))
                        last, event = event["id"], {}
            time.sleep(retry)

    def hear(self, event, data):
        if event == "run":
            self.nodes, self.texts = {}, {}
        elif event == "nodes":
            self.nodes |= {node["node"]: node for node in data["nodes"]}
        elif event == "text":
            text = self.texts.setdefault((data["node"], data["attempt"], data["kind"]), [])
            if data["from"] == 0:
                text.clear()
            text.append(data["text"])
        elif event == "end":
            self.end = data
        self.changed += 1

    def text(self, node):
        return "".join(self.texts.get((node, self.nodes[node].get("attempt"), "text"), []))

    def says(self, node):
        """What there is to say of a node in one line."""
        stands = self.nodes[node]
        if stands["status"] == "WAITING":
            code = (stands.get("error") or {}).get("code", "")
            until = stands.get("until")
            if until is None:
                return code
            left = datetime.fromisoformat(until.replace("Z", "+00:00")) - datetime.now(timezone.utc)
            return f"{code}: next try in {max(0, round(left.total_seconds()))} s"
        if stands["status"] == "FAILED":
            return (stands.get("error") or {}).get("title", "failed")
        return " ".join(self.text(node).split())


def show_progress(runs):
    """Watches the runs until every one has ended: on a terminal the lines change in place, else each change is a line."""
    watched = [Watched(name, run_id) for name, run_id in runs.items()]
    threads = [threading.Thread(target=one.watch, daemon=True) for one in watched]
    for thread in threads:
        thread.start()
    shown = InPlace() if sys.stdout.isatty() else OneByOne()
    while any(thread.is_alive() for thread in threads):
        shown.show(watched)
        time.sleep(0.1)
    shown.show(watched)
    for one in watched:
        if one.end is None:
            sys.exit(f"The stream of the run {one.run_id} broke off.")


class InPlace:
    """Lines that are written over: a node's line ends with the newest of its text."""

    def __init__(self):
        self.lines = 0

    def show(self, watched):
        width = shutil.get_terminal_size().columns - 1
        lines = []
        for one in watched:
            for node in one.nodes:
                status = one.nodes[node]["status"]
                head = f"  {MARKS[status]} {one.name[:24]:24} {node[:16]:16} "
                said, room = one.says(node), max(0, width - len(head))
                said = said[-room:] if status == "RUNNING" else said[:room]
                lines.append((head + said)[:width])
        # Up to the first line, then each line over the one before, cleared to its end.
        up = f"\033[{self.lines}F" if self.lines else ""
        sys.stdout.write(up + "".join(f"{line}\033[K\n" for line in lines))
        sys.stdout.flush()
        self.lines = len(lines)


class OneByOne:
    """A line for each change of a status, and each second for those whose text grows or whose wait goes on."""

    def __init__(self):
        self.said = {}

    def show(self, watched):
        now = time.monotonic()
        for one in watched:
            for node, stands in list(one.nodes.items()):
                status, (before, at, length) = stands["status"], self.said.get((one.name, node), (None, 0, 0))
                text = one.says(node)
                grows = status == "RUNNING" and len(text) > length or status == "WAITING"
                if status == before and not (grows and now - at >= 1):
                    continue
                new = text[length:] if status == before == "RUNNING" else text
                print(f"  {MARKS[status]} {one.name:24} {node:16} {new[:110]}".rstrip(), flush=True)
                self.said[one.name, node] = (status, now, len(text) if status == "RUNNING" else 0)


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
        print("NOTE: the OpenRouter stand-in answers, not OpenRouter. Its sentences are made of the prompts' words and cost nothing.")
        print("      Set OPENROUTER_API_KEY and OPENROUTER_BASE_URL=https://openrouter.ai/api/v1 to use the real one.\n")
    store_credential()
    runs = {}
    for name, given in INPUTS.items():
        document = (WORKFLOWS / f"{name}.yaml").read_bytes()
        stored = must("PUT", f"/workflows/{name}", document, "application/yaml")
        print(f"workflow    {name} (version {stored['version']})")
        runs[name] = must("POST", f"/hooks/{name}", given)["id"]
    if STAND_IN:
        document = PATIENCE.replace("{time}", time.strftime("%H:%M:%S")).encode()
        must("PUT", "/workflows/patience", document, "application/yaml")
        print("workflow    patience (meets a rate limit)")
        runs["patience"] = must("POST", "/hooks/patience", {})["id"]
    print("\nlive        > running  ~ waiting  # succeeded  ! failed  - skipped")
    show_progress(runs)
    ended = {name: must("GET", f"/runs/{run_id}") for name, run_id in runs.items()}
    for name, run in ended.items():
        show(name, run)
    total = sum(Decimal(run["costUsd"]) for run in ended.values())
    failed = [name for name, run in ended.items() if run["status"] != "SUCCEEDED"]
    by = "the stand-in (no money was spent)" if STAND_IN else os.environ.get("OPENROUTER_BASE_URL", "OpenRouter")
    print(f"\n{len(ended) - len(failed)} of {len(ended)} runs SUCCEEDED, {total} USD in all, answered by {by}.")
    print("\nLook at them in the console, where this address signs you in:")
    print(f"  {API_URL}/console#token={API_TOKEN}&keep")
    if failed:
        sys.exit(f"These did not: {', '.join(failed)}")


if __name__ == "__main__":
    main()
