"""Every function, and every queue of lost things, has an alarm in the template, and every alarm a line in docs/alarms.md."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = (ROOT / "infra/template.yaml").read_text()
# Its errors are nodes that fail. What it does is watched as runs, sweeps and metrics.
NO_ERRORS_ALARM = {"ExecuteNode"}


def loop(name):
    listed = re.search(rf"Fn::ForEach::{name}:\n    - \w+\n    - \[([^\]]+)\]", TEMPLATE)
    return {item.strip() for item in listed[1].split(",")}


def resources(kind):
    return set(re.findall(rf"^  (\w+):\n    Type: {re.escape(kind)}$", TEMPLATE, re.MULTILINE))


class Alarms(unittest.TestCase):
    def test_every_function_has_one_for_its_errors(self):
        functions = {name.removesuffix("Function") for name in resources("AWS::Serverless::Function")}
        watched = loop("ErrorAlarms") | NO_ERRORS_ALARM | {"RotateKey", "RunEvents"}
        self.assertEqual(functions, watched)
        self.assertLessEqual({"RotateKeyErrorsAlarm", "RunEventsErrorsAlarm"}, resources("AWS::CloudWatch::Alarm"))

    def test_every_queue_of_lost_things_has_one(self):
        lost = {name for name in resources("AWS::SQS::Queue") if name.endswith("Lost")}
        self.assertEqual(lost, loop("LostQueueAlarms"))

    def test_every_alarm_is_explained(self):
        page = (ROOT / "docs/alarms.md").read_text()
        names = set(re.findall(r"^ +(?:\$\{(?:Queue|Name|Metric|Sweep)\})?(\w*Alarm):$", TEMPLATE, re.MULTILINE))
        self.assertGreater(len(names), 5)
        for name in names:
            self.assertIn("ErrorsAlarm" if name.endswith("ErrorsAlarm") else name, page)


if __name__ == "__main__":
    unittest.main()
