"""A function URL that streams sends each piece of an answer when the function has it. Needs the stack of `make test`."""

import io
import json
import time
import unittest
import urllib.error
import urllib.request
import uuid
import zipfile
from http.client import IncompleteRead

import boto3

# Speaks the Runtime API as lambda_runtime does: status and headers, eight NUL bytes, then the pieces.
BOOTSTRAP = r"""#!/usr/bin/env python3
import http.client, json, os, socket, time
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
while True:
    runtime = http.client.HTTPConnection(host, int(port))
    runtime.request("GET", "/2018-06-01/runtime/invocation/next")
    asked = runtime.getresponse()
    request = asked.getheader("Lambda-Runtime-Aws-Request-Id")
    query = json.loads(asked.read()).get("queryStringParameters") or {}
    if "fails" in query:
        body = json.dumps({"errorType": "Broken", "errorMessage": "as asked"})
        runtime.request("POST", f"/2018-06-01/runtime/invocation/{request}/error", body)
        runtime.getresponse().read()
        continue
    answer = socket.create_connection((host, int(port)))
    answer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answer.sendall(
        f"POST /2018-06-01/runtime/invocation/{request}/response HTTP/1.1\r\nHost: {host}\r\n"
        "Transfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n"
        "Content-Type: application/vnd.awslambda.http-integration-response\r\n\r\n".encode()
    )
    def send(piece):
        answer.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    send(json.dumps({"statusCode": 201, "headers": {"content-type": "text/event-stream"}, "cookies": []}).encode())
    send(b"\0" * 8)
    for number in range(4):
        send(f"piece {number}\n".encode())
        if "dies" in query and number == 1:
            os._exit(1)
        time.sleep(0.4)
    answer.sendall(b"0\r\n\r\n")
    answer.recv(4096)
    answer.close()
"""


def packed(code):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        archive.writestr(bootstrap, code)
    return file.getvalue()


class FunctionUrl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        functions, roles = boto3.client("lambda"), boto3.client("iam")
        name = f"streams-{uuid.uuid4().hex}"
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = roles.create_role(RoleName=name, AssumeRolePolicyDocument=policy)["Role"]["Arn"]
        cls.addClassCleanup(roles.delete_role, RoleName=name)
        functions.create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=role,
            Timeout=20,
            Code={"ZipFile": packed(BOOTSTRAP)},
        )
        cls.addClassCleanup(functions.delete_function, FunctionName=name)
        made = functions.create_function_url_config(
            FunctionName=name, AuthType="NONE", InvokeMode="RESPONSE_STREAM", Cors={"AllowOrigins": ["*"]}
        )
        functions.add_permission(
            FunctionName=name,
            StatementId="everybody",
            Action="lambda:InvokeFunctionUrl",
            Principal="*",
            FunctionUrlAuthType="NONE",
        )
        cls.url = made["FunctionUrl"]
        # A warm function.
        urllib.request.urlopen(cls.url, timeout=20).read()

    def test_each_piece_comes_when_it_was_sent(self):
        asked = urllib.request.Request(self.url, headers={"Origin": "http://example.com"})
        began = time.monotonic()
        with urllib.request.urlopen(asked, timeout=20) as answer:
            times = [(line, time.monotonic() - began) for line in answer]
            self.assertEqual(answer.status, 201)
            self.assertEqual(answer.headers["content-type"], "text/event-stream")
            self.assertEqual(answer.headers["access-control-allow-origin"], "*")
        self.assertEqual([line for line, _ in times], [f"piece {number}\n".encode() for number in range(4)])
        first, last = times[0][1], times[-1][1]
        self.assertGreater(last - first, 0.9, times)

    def test_a_function_that_dies_in_the_middle_leaves_its_answer_cut(self):
        with urllib.request.urlopen(f"{self.url}?dies=1", timeout=20) as answer, self.assertRaises(IncompleteRead):
            answer.read()

    def test_a_function_that_fails_before_it_answers_is_a_bad_gateway(self):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{self.url}?fails=1", timeout=20)
        self.assertEqual(refused.exception.code, 502)


if __name__ == "__main__":
    unittest.main()
