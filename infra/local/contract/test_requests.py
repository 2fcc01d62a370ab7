"""Every request that the end-to-end tests had sent fits OpenRouter's document."""

import json
import os
import unittest
from pathlib import Path

from specification import DEPARTURES, request_faults

# All end-to-end tests together send more than this; some of them by hand, fewer.
LEAST = int(os.environ.get("LEAST_REQUESTS", "1"))


def recorded():
    path = Path(os.environ["CHAT_REQUESTS"])
    if not path.exists():
        raise AssertionError(f"{path} is missing: run the end-to-end tests before, with a stack of this LOCAL_DIR")
    return [json.loads(line) for line in path.read_text().splitlines()]


class Requests(unittest.TestCase):
    def test_every_body_that_was_sent_fits_the_document(self):
        bodies = recorded()
        self.assertGreaterEqual(len(bodies), LEAST)
        wrong = [(faults, body) for body in bodies if (faults := request_faults(body))]
        report = "\n".join(f"{faults}\n  in {json.dumps(body)[:600]}" for faults, body in wrong[:5])
        self.assertFalse(wrong, f"{len(wrong)} of {len(bodies)} bodies:\n{report}")

    def test_a_field_that_is_misspelt_a_part_that_is_none_and_a_key_of_a_provider_are_found(self):
        message = {"role": "user", "content": "hi"}
        good = {"model": "a/b", "messages": [message], "provider": {"max_price": {"prompt": 0.1, "completion": "2"}}}
        self.assertEqual(request_faults(good), [])
        for wrong in (
            {"temprature": 1},
            {"messages": [{"role": "user", "content": [{"type": "image", "url": "x"}]}]},
            {"messages": [{"role": "tool", "content": "no id"}]},
            {"provider": {"ordre": ["openai"]}},
            {"provider": {"max_price": {"prompt": []}}},
            {"response_format": {"type": "json_schema"}},
            {"cache_control": {"type": "for ever"}},
        ):
            self.assertTrue(request_faults(good | wrong), wrong)

    def test_each_departure_is_still_one(self):
        from specification import document

        known = document()["components"]["schemas"]["ChatRequest"]["properties"]
        self.assertEqual([name for name in DEPARTURES["requestFields"] if name in known], [])


if __name__ == "__main__":
    unittest.main()
