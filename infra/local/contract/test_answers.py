"""What the stand-in answers fits OpenRouter's document, except where a fault is meant."""

import json
import unittest

from specification import answer_of, component, document, faults
from stand_in import MODEL, StandIn, events
from test_requests import recorded

CHAT = "/chat/completions"
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
# The last event of a stream in each of the three shapes that have been seen.
USAGE_SHAPES = ["", "[[fault:usage-choices-empty]]", "[[fault:usage-old-shape]]"]
REFUSALS = {
    400: "context-length",
    402: "no-credits",
    403: "moderation",
    404: "no-endpoints",
    408: "timeout-408",
    413: "too-large-413",
    429: "rate-limit-upstream",
    500: "internal-500",
    502: "provider-502",
    503: "unavailable-503",
    524: "edge-524",
    529: "overloaded-529",
}


def ask(text, **more):
    return {"model": MODEL, "max_tokens": 200, "messages": [{"role": "user", "content": text}]} | more


# The request of every feature that an answer shows.
FEATURES = {
    "text": ask("hi"),
    "tool": ask("[[fault:tool-calls]]", tools=[TOOL]),
    "schema": ask("hi", response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}),
    "reasoning": ask("[[fault:reasoning-only]]"),
    "refusal": ask("[[fault:refusal]]"),
    "image and sound": ask("hi", modalities=["text", "image", "audio"]),
    "cache": ask("hi", cache_control={"type": "ephemeral"}),
    "own key": ask('hi [[usage:{"is_byok": true, "cost_details": {"upstream_inference_cost": 0.1}}]]'),
    "tier": ask("hi", service_tier="flex"),
    "price as a number": ask("hi", provider={"max_price": {"prompt": 1}}),
    "price as a text": ask("hi", provider={"max_price": {"prompt": "1"}}),
}


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stand_in = StandIn()

    @classmethod
    def tearDownClass(cls):
        cls.stand_in.close()

    def fits(self, pointer, text, what):
        value = json.loads(text) if isinstance(text, str) else text
        self.assertEqual([said for _, said in faults(pointer, value)], [], f"{what}: {json.dumps(value)[:400]}")
        return value

    def test_each_feature_answers_as_the_document_has_it_plain_and_streamed(self):
        enabled = {"x-openrouter-metadata": "enabled"}
        for name, body in FEATURES.items():
            status, text = self.stand_in.chat(body, headers=enabled)
            self.assertEqual(status, 200, f"{name}: {text}")
            answer = self.fits(component("ChatResult"), text, name)
            self.assertIn("openrouter_metadata", answer)
            for shape in USAGE_SHAPES:
                message = {"role": "user", "content": f"{body['messages'][0]['content']} {shape}"}
                _, text = self.stand_in.chat(body | {"messages": [message], "stream": True}, headers=enabled)
                chunks = events(text)
                for chunk in chunks:
                    self.fits(component("ChatStreamChunk"), chunk, name)
                self.assertIn("usage", chunks[-1], name)
                self.assertIn("openrouter_metadata", chunks[-1], name)

    def test_what_the_tests_had_sent_is_answered_as_the_document_has_it(self):
        """Faults that are meant are left out, and what is refused."""
        bodies = [body for body in recorded() if "[[fault:" not in json.dumps(body)][:400]
        answered = 0
        for body in bodies:
            if "fault-" in str(body.get("model")):
                continue
            status, text = self.stand_in.chat(body | {"stream": False})
            if status == 200:
                self.fits(component("ChatResult"), text, body)
                answered += 1
        self.assertTrue(answered)

    def test_the_other_routes_answer_as_the_document_has_it(self):
        _, text = self.stand_in.chat(ask("hi"))
        generation = json.loads(text)["id"]
        routes = {
            "/models": "/models",
            "/models?offset=10&limit=20": "/models",
            "/models/openai/gpt-4o/endpoints": "/models/{author}/{slug}/endpoints",
            "/models/count": "/models/count",
            "/key": "/key",
            f"/generation?id={generation}": "/generation",
            "/tools": "/tools",
            "/providers": "/providers",
        }
        for path, documented in routes.items():
            self.assertIn(documented, document()["paths"])
            status, text = self.stand_in.get(path)
            self.assertEqual(status, 200, f"{path}: {text}")
            self.fits(answer_of(documented), text, path)

    def test_each_refusal_is_one_of_the_document(self):
        for status, fault in REFUSALS.items():
            answered, text = self.stand_in.chat(ask(f"[[fault:{fault}]]"))
            self.assertEqual(answered, status, fault)
            self.fits(answer_of(CHAT, str(status), "post"), text, fault)
        answered, text = self.stand_in.chat(ask("hi"), key=None)
        self.assertEqual(answered, 401)
        self.fits(answer_of(CHAT, "401", "post"), text, "no key")
        documented = set(document()["paths"][CHAT]["post"]["responses"]) - {"200", "401", "422"}
        self.assertEqual({str(status) for status in REFUSALS}, documented)


if __name__ == "__main__":
    unittest.main()
