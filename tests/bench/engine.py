#!/usr/bin/env python3
"""Runs graphs in a deployed local stack, and prints as JSON what each took: `engine.py ENV_FILE [GRAPH ...]`.

Each node's call takes a known time, so that a run's time shows what the engine adds. DynamoDB is reached through a door
that has every write told what it consumed: transactions count twice, and indexes count.
"""

import json
import shlex
import statistics
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

# The engine's name in the page's table. Rows of other engines stay in the table as they are.
NAME = "lanes"

SHORT = 0.2
LONG = 3.0
ROUNDS = 3
# As many nodes at once as a workflow may have.
MAX_CONCURRENCY = 40

WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


def chain(length):
    return [(f"n{i}", [f"n{i - 1}"] if i else [], SHORT) for i in range(length)]


def fan(width):
    leaves = [f"n{i}" for i in range(width)]
    return [(leaf, [], SHORT) for leaf in leaves] + [("all", leaves, SHORT)]


GRAPHS = {
    "one node": chain(1),
    "chain of 10": chain(10),
    "chain of 50": chain(50),
    "fan of 10, and one that reads all": fan(10),
    "fan of 50, and one that reads all": fan(50),
    "diamond": [("a", [], SHORT), ("b", ["a"], SHORT), ("c", ["a"], SHORT), ("d", ["b", "c"], SHORT)],
    "two unequal branches": [("a", [], SHORT), ("a2", ["a"], LONG), ("b", [], LONG), ("b2", ["b"], SHORT)],
}


def by_definition(lanes, tasks):
    """The states that a run enters and the events of its history, as `run-workflow.asl.yaml` has AWS write them, where no
    node waits and no task is tried again. The local AWS writes no events of what is inside a Map.

    The Map state has four events (entered, started, succeeded, exited) and two for each lane; a task has six (entered,
    scheduled, started, submitted, succeeded or failed, exited), a Succeed two; the execution itself has two. What a run
    has in a second engine is the same.
    """
    states = 1 + tasks + lanes
    events = 2 + 4 + lanes * (2 + 2) + tasks * 6
    return states, events


def longest_path(nodes):
    ends = {}
    for name, needs, seconds in nodes:
        ends[name] = seconds + max((ends[need] for need in needs), default=0)
    return max(ends.values())


def main():
    stack = Stack(sys.argv[1])
    graphs = {name: GRAPHS[name] for name in sys.argv[2:] or GRAPHS}
    rows = []
    # The first run starts the functions, as many as the widest graph needs.
    stack.run(max(graphs.values(), key=len))
    for graph, nodes in graphs.items():
        runs = [stack.run(nodes) for _ in range(ROUNDS)]
        # A lane that is woken may find that another one was faster: a run may take some more tasks than another.
        invocations = statistics.median(run["invocations"] for run in runs)
        states, events = by_definition(runs[0]["lanes"], invocations)
        rows.append(
            {
                "engine": NAME,
                "graph": graph,
                "nodes": len(nodes),
                "states": states,
                "events": events,
                "invocations": invocations,
                "writeUnits": statistics.median(run["writeUnits"] for run in runs),
                "seconds": statistics.median(run["seconds"] for run in runs),
                "longestPath": longest_path(nodes),
            }
        )
    print(json.dumps(rows))


class Stack:
    """A deployed local stack whose functions reach DynamoDB through a door."""

    def __init__(self, env_file):
        words = shlex.split(open(env_file).read())
        self.env = dict(word.split("=", 1) for word in words if "=" in word)
        place = {"endpoint_url": self.env["AWS_ENDPOINT_URL"], "region_name": self.env["AWS_REGION"]}
        keys = {
            "aws_access_key_id": self.env["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.env["AWS_SECRET_ACCESS_KEY"],
        }
        self.machines = boto3.client("stepfunctions", **place, **keys)
        self.lambdas = boto3.client("lambda", **place, **keys)
        self.logs = boto3.client("logs", **place, **keys)
        self.door = Door(self.env)
        for function in self.lambdas.list_functions()["Functions"]:
            self.lead_through_door(function["FunctionName"], function["Environment"]["Variables"])
        self.name = f"bench-{time.time_ns()}"
        key = {"name": self.name, "provider": "openrouter", "apiKey": f"sk-or-v1-{self.name}"}
        self.ask("POST", "/credentials", key)

    def lead_through_door(self, function, variables):
        variables = variables | {"AWS_ENDPOINT_URL_DYNAMODB": self.door.origin}
        self.lambdas.update_function_configuration(FunctionName=function, Environment={"Variables": variables})

    def run(self, nodes):
        """One run of a graph, to its end."""
        workflow = f"{self.name}-{time.time_ns()}"
        document = {
            "name": workflow,
            "limits": {"maxConcurrency": MAX_CONCURRENCY},
            "nodes": [self.node(*node) for node in nodes],
        }
        self.ask("PUT", f"/workflows/{workflow}", document)
        invoked = self.invocations()
        run = self.ask("POST", f"/hooks/{workflow}", {})["id"]
        while (shown := self.ask("GET", f"/runs/{run}"))["status"] == "RUNNING":
            time.sleep(0.2)
        if shown["status"] != "SUCCEEDED":
            sys.exit(f"the run has {shown['status']}: {shown.get('error')}")
        arn = f"{self.env['STATE_MACHINE_ARN'].replace(':stateMachine:', ':execution:')}:{run}"
        execution = self.machines.describe_execution(executionArn=arn)
        return {
            "lanes": len(json.loads(execution["input"])["lanes"]),
            "seconds": (execution["stopDate"] - execution["startDate"]).total_seconds(),
            "invocations": self.invocations() - invoked,
            "writeUnits": self.door.write_units(run),
        }

    def invocations(self):
        """How often execute-node was invoked until now."""
        stack = self.env["STACK_NAME"]
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{stack}")
        return sum(
            event["message"].startswith("START RequestId") and f"/{stack}-execute-node[" in event["logStreamName"]
            for page in pages
            for event in page["events"]
        )

    def node(self, name, needs, seconds):
        reads = "".join(f" {{{{{need}.text}}}}" for need in needs)
        return {
            "type": "openrouter",
            "variableName": name,
            "credential": self.name,
            "userPrompt": f"[[fault:slow-headers(ms={round(seconds * 1000)})]][[echo]]ok{reads}",
        }

    def ask(self, method, path, body=None):
        headers = {"authorization": f"Bearer {self.env['API_TOKEN']}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.env["API_URL"] + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path}: {error.read().decode()}")


class Door:
    """Passes calls of DynamoDB on and notes what the writes consumed. It adds to the calls, so it signs them anew."""

    def __init__(self, env):
        self.aws = env["AWS_ENDPOINT_URL"]
        owner = Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
        self.signer = SigV4Auth(owner, "dynamodb", env["AWS_REGION"])
        self.seen = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Without this an answer waits some 40 ms for a delayed acknowledgement.
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status, headers, answer = door.hand_on(self.headers, body)
                self.send_response(status)
                for name in ("content-type", "x-amzn-requestid"):
                    if headers.get(name):
                        self.send_header(name, headers[name])
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{server.server_port}"

    def hand_on(self, headers, body):
        asked = json.loads(body)
        operation = headers["x-amz-target"].split(".")[1]
        asked["ReturnConsumedCapacity"] = "INDEXES"
        named = {name: headers[name] for name in ("content-type", "x-amz-target")}
        signed = AWSRequest("POST", self.aws, named, json.dumps(asked).encode())
        self.signer.add_auth(signed)
        request = urllib.request.Request(self.aws, signed.data, dict(signed.headers.items()), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                status, told, answer = response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            status, told, answer = error.code, error.headers, error.read()
        self.seen.append((operation, body.decode(), answer.decode()))
        return status, told, answer

    def write_units(self, run):
        """What the writes that name the run consumed. A refused write tells nothing, so it is not counted."""
        units = 0
        for operation, asked, answer in self.seen:
            if operation in WRITES and run in asked:
                consumed = json.loads(answer).get("ConsumedCapacity") or []
                for one in consumed if isinstance(consumed, list) else [consumed]:
                    units += one["CapacityUnits"]
        return units


if __name__ == "__main__":
    main()
