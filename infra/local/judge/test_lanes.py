"""A lane sleeps in its task, is woken, waits, goes on and ends; its tasks carry what execute-node reads."""

import threading
import unittest

from case import RunTest
from execute_node import Run, Wait

FIELDS = {"runId", "take", "part", "of", "tasks", "lane", "unit", "listed", "was", "token", "call"}


class Together(Run):
    """b and c are at work at the same time, or fail."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.meeting = threading.Barrier(2, timeout=10)

    def work(self, execution, task, unit):
        if unit in "bc":
            self.meeting.wait()
        super().work(execution, task, unit)


class Lanes(RunTest):
    def told(self, run, lane):
        return [(call["unit"], call["listed"], call["was"]) for call in run.calls if call["lane"] == lane]

    def test_a_task_names_its_run_its_lane_and_its_unit(self):
        run = Run({"a": [], "b": ["a"]}, lanes=1)
        self.succeeds(run)
        first, second = run.calls
        self.assertEqual(first.keys(), FIELDS)
        self.assertEqual(second.keys(), FIELDS)
        same = {"runId": first["runId"], "take": 1, "part": 1, "of": 1, "lane": 1}
        self.assertEqual((first["tasks"], second["tasks"]), (0, 1))
        self.assertEqual(first, first | same | {"unit": "a", "listed": True, "was": None})
        # b was never listed: the lane kept it as it made it ready. The READY record of a can go now.
        self.assertEqual(second, second | same | {"unit": "b", "listed": False, "was": "a"})
        self.assertNotEqual(first["token"], second["token"])
        self.assertRegex(first["call"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+.*#0000$")

    def test_what_a_lane_takes_from_the_list_is_listed(self):
        run = Run({"a": [], "b": [], "c": []}, lanes=1)
        self.succeeds(run)
        told = self.told(run, 1)
        self.assertEqual(told, [("a", True, None), ("b", True, "a"), ("c", True, "b")])

    def test_each_call_of_a_lane_is_greater_than_the_one_before(self):
        run = Run({f"n{number}": [] for number in range(30)}, lanes=3, seconds={f"n{number}": 0 for number in range(30)})
        self.succeeds(run)
        for lane in (1, 2, 3):
            calls = [call["call"] for call in run.calls if call["lane"] == lane]
            self.assertGreater(len(calls), 1)
            self.assertEqual(calls, sorted(set(calls)))

    def test_a_lane_without_a_unit_sleeps_until_it_is_woken(self):
        run = Together({"a": [], "b": ["a"], "c": ["a"]}, 2)
        self.succeeds(run)
        self.worked_once(run)
        self.assertEqual(self.told(run, 2), [(None, True, None), (None, False, None)])

    def test_a_unit_waits_for_its_next_attempt_in_its_lane(self):
        run = Run({"a": [], "b": ["a"]}, lanes=1, events={"a": [Wait(1)], "b": [Wait(2)]})
        self.succeeds(run)
        told = self.told(run, 1)
        self.assertEqual(told, [("a", True, None), ("a", True, None), ("b", False, "a"), ("b", False, None)])
        self.assertEqual(len({call["token"] for call in run.calls}), 4)
        self.worked_once(run)
        self.assertGreaterEqual(run.execution.seconds, 3)
        self.assertLess(run.execution.seconds, 6)

    def test_other_lanes_work_while_one_waits(self):
        run = Run({"a": [], "b": [], "c": ["b"]}, lanes=2, events={"a": [Wait(1)]})
        self.succeeds(run)
        self.assertEqual(self.told(run, 1), [("a", True, None), ("a", True, None)])

    def test_all_lanes_end_when_nothing_is_left(self):
        run = Run({"a": []}, lanes=40)
        self.succeeds(run)
        self.assertEqual(sum(event["type"] == "SucceedStateEntered" for event in run.execution.events), 40)
        self.assertEqual(len(run.calls), 40)


if __name__ == "__main__":
    unittest.main()
