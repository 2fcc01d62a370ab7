"""OpenRouter's own SDKs, as clients of the stand-in: it was not bent to the client of this project."""

import json
import os
import subprocess
import unittest
from pathlib import Path

import httpx
from openrouter import OpenRouter, errors
from openrouter.utils import BackoffStrategy, RetryConfig
from stand_in import KEY, MODEL, StandIn
from test_answers import REFUSALS, TOOL

HERE = Path(__file__).resolve().parent
FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "person",
        "strict": True,
        "schema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    },
}
NO_RETRY = RetryConfig("none", BackoffStrategy(1, 1, 1, 1), False)


def said(text):
    return [{"role": "user", "content": text}]


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stand_in = StandIn()

    @classmethod
    def tearDownClass(cls):
        cls.stand_in.close()

    def client(self, key=KEY):
        return OpenRouter(api_key=key, server_url=self.stand_in.base, retry_config=NO_RETRY, client=httpx.Client())

    def test_python_chats(self):
        with self.client() as client:
            plain = client.chat.send(model=MODEL, messages=said("[[echo]]hello"))
            self.assertEqual(plain.choices[0].message.content, "hello")
            self.assertGreater(plain.usage.cost, 0)
            with client.chat.send(model=MODEL, messages=said("[[echo]]hello again"), stream=True) as stream:
                chunks = list(stream)
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
            self.assertEqual(text, "hello again")
            self.assertGreater(chunks[-1].usage.cost, 0)
            called = client.chat.send(model=MODEL, messages=said("[[fault:tool-calls]]"), tools=[TOOL])
            self.assertEqual(called.choices[0].message.tool_calls[0].function.name, "look_up")
            self.assertEqual(called.choices[0].finish_reason, "tool_calls")
            formed = client.chat.send(model=MODEL, messages=said("who?"), response_format=FORMAT)
            self.assertIn("name", json.loads(formed.choices[0].message.content))
            shown = client.chat.send(model=MODEL, messages=said("draw"), modalities=["text", "image", "audio"])
            self.assertTrue(shown.choices[0].message.images[0].image_url.url.startswith("data:image/png"))
            self.assertTrue(shown.choices[0].message.audio.data)

    def test_python_reads(self):
        with self.client() as client:
            chat = client.chat.send(model=MODEL, messages=said("hi"))
            generation = client.generations.get_generation(id=chat.id).data
            self.assertEqual((generation.id, generation.total_cost), (chat.id, chat.usage.cost))
            # It asks for pages of 500.
            models = client.models.list().result
            self.assertEqual(len(models.data), 500)
            self.assertGreater(models.total_count, 600)
            self.assertEqual(client.api_keys.get_current_key_metadata().data.limit, None)
            tools = client.tools.list_tools(security={"bearer": KEY})
            self.assertTrue(tools)

    def test_python_meets_each_error_status(self):
        with self.client() as client:
            for status, fault in REFUSALS.items():
                with self.assertRaises(errors.OpenRouterError, msg=fault) as raised:
                    client.chat.send(model=MODEL, messages=said(f"[[fault:{fault}]]"))
                self.assertEqual(raised.exception.status_code, status)
                self.assertNotIsInstance(raised.exception, errors.ResponseValidationError)
        with self.client("sk-or-v1-wrong") as client, self.assertRaises(errors.UnauthorizedResponseError):
            client.chat.send(model=MODEL, messages=said("hi"))

    def test_typescript_does_the_same(self):
        refusals = {str(status): fault for status, fault in REFUSALS.items()}
        environment = os.environ | {
            "BASE": self.stand_in.base,
            "KEY": KEY,
            "MODEL": MODEL,
            "SDK": str(Path(os.environ["CONTRACT_DIR"]) / "node_modules" / "@openrouter" / "sdk"),
            "REFUSALS": json.dumps(refusals),
        }
        done = subprocess.run(
            ["node", "--test", "--test-reporter=spec", HERE / "client.mjs"], env=environment, capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-2000:])


if __name__ == "__main__":
    unittest.main()
