"""Lambda's Runtime API in a loop: asks for a call, hands it to the handler, posts the answer."""

import http.client
import json
import os


def serve(handler):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.connect()
    while True:
        connection.request("GET", "/2018-06-01/runtime/invocation/next")
        following = connection.getresponse()
        event = json.loads(following.read())
        call = f"/2018-06-01/runtime/invocation/{following.headers['lambda-runtime-aws-request-id']}"
        try:
            place, body = "response", handler(event)
        except Exception as error:  # whatever it is, the caller is to read it
            place, body = "error", {"errorType": type(error).__name__, "errorMessage": str(error)}
        connection.request("POST", f"{call}/{place}", json.dumps(body))
        connection.getresponse().read()
