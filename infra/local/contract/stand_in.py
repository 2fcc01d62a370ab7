"""A stand-in of the tests' own, and plain requests to it."""

import json
import os
import subprocess
import urllib.error
import urllib.request

KEY = "sk-or-v1-unlimited-contract-0001"
MODEL = "openai/gpt-4o-mini"


class StandIn:
    """Runs on a free port until it is closed."""

    def __init__(self):
        self.process = subprocess.Popen(
            [os.environ["STAND_IN"], "--port", "0", "--generation-misses", "0"], stdout=subprocess.PIPE, text=True
        )
        self.base = self.process.stdout.readline().split()[-1]

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def get(self, path, key=KEY):
        return self.ask("GET", path, None, key)

    def chat(self, body, key=KEY, headers=None):
        return self.ask("POST", "/chat/completions", body, key, headers)

    def ask(self, method, path, body=None, key=KEY, headers=None):
        """The status and the text of the answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method)
        request.add_header("content-type", "application/json")
        if key:
            request.add_header("authorization", f"Bearer {key}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


def events(text):
    """The data of a stream's events, without `[DONE]`."""
    lines = [line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith("data:")]
    assert lines[-1] == "[DONE]", lines[-1:]
    return [json.loads(line) for line in lines[:-1]]
