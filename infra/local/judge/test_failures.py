"""Functions die, are throttled and fail: what is tried again, with which input and token, and what ends the run."""

import json
import unittest
from unittest import mock

import engine
from case import RunTest
from execute_node import Fails, Run, Wait
from localstack.services.stepfunctions.asl.eval.callback.callback import CallbackOutcomeSuccess

STEP = engine.definition()["States"]["Lanes"]["ItemProcessor"]["States"]["Step"]
RETRIERS = STEP["Retry"]
RETRIED = [name for retrier in RETRIERS for name in retrier["ErrorEquals"]]
STRAY = {"unit": "stray", "listed": False, "was": None}


def input_of(call):
    """What is the same in each try of a task."""
    return {name: value for name, value in call.items() if name not in ("token", "call")}


class Impostor(Run):
    """Answers the first try's token while the second is at work."""

    def work(self, execution, task, unit):
        old = self.calls[0]["token"]
        if task["token"] != old:
            self.heard = execution.succeed(old, STRAY)
            # And past what refuses it here, into the engine itself.
            execution.pool().notify(old, CallbackOutcomeSuccess(old, json.dumps(STRAY)))
        super().work(execution, task, unit)


class Failures(RunTest):
    def tried_again(self, first, second):
        self.assertEqual(input_of(first), input_of(second))
        self.assertNotEqual(first["token"], second["token"])
        self.assertLess(first["call"], second["call"])

    def test_a_function_that_died_at_work_is_called_again_under_a_new_token(self):
        run = Impostor({"a": [], "b": ["a"]}, lanes=1, events={"a": [Fails("Runtime.ExitError")]})
        self.succeeds(run)
        first, second, _ = run.calls
        self.assertEqual((run.worked, run.heard), ({"a": 2, "b": 1}, False))
        self.tried_again(first, second)
        self.assertEqual(second["call"], first["call"].replace("#0000", "#0001"))

    def test_a_function_that_died_once_it_had_answered_is_called_again_and_its_work_is_not(self):
        run = Run({"a": [], "b": ["a"]}, lanes=1, events={"a": [Fails("Runtime.ExitError", "answered")]})
        self.succeeds(run)
        self.assertEqual([call["unit"] for call in run.calls], ["a", "a", "b"])
        self.tried_again(*run.calls[:2])
        self.worked_once(run)

    @mock.patch.object(engine, "PAUSE", 1)
    def test_a_function_that_died_as_its_lane_fell_asleep_is_called_again(self):
        events = {None: [Fails("Sandbox.Timedout", "asleep")]}
        run = Run({"a": [], "b": ["a"], "c": ["a"]}, lanes=2, seconds={"a": 0.3, "b": 2}, events=events)
        self.succeeds(run)
        self.worked_once(run)
        # a tried to wake it meanwhile, by the token of the try that was over.
        self.assertEqual(run.refused, [2])
        self.tried_again(*[call for call in run.calls if call["lane"] == 2])

    def test_a_lane_that_was_woken_before_its_function_died_takes_what_it_was_woken_for(self):
        events = {None: [Fails("Sandbox.Timedout", "asleep", after=0.5)]}
        run = Run({"a": [], "b": ["a"], "c": ["a"]}, lanes=2, seconds={"a": 0.1, "b": 2}, events=events)
        self.succeeds(run)
        self.worked_once(run)
        self.assertEqual(run.refused, [])
        self.tried_again(*[call for call in run.calls if call["lane"] == 2])

    def test_a_throttled_call_is_made_again_for_long(self):
        times = 14
        engine.pauses.clear()
        events = {"a": [Fails("Lambda.TooManyRequestsException", "called")] * times}
        run = Run({"a": []}, lanes=1, events=events)
        self.succeeds(run)
        self.assertEqual([call["call"][-5:] for call in run.calls], [f"#{number:04}" for number in range(times + 1)])
        longest = [min(2**number, 1800) for number in range(times)]
        self.assertEqual(len(engine.pauses), times)
        for seconds, most in zip(engine.pauses, longest):
            self.assertLess(seconds, most, "each pause is a part of the longest, by chance")

    def test_each_name_of_a_retrier_is_tried_again(self):
        for name in RETRIED:
            with self.subTest(name):
                run = Run({"a": []}, lanes=1, events={"a": [Fails(name)]})
                self.succeeds(run)
                self.tried_again(*run.calls)

    def test_each_retrier_ends_the_run_under_the_functions_name_when_it_has_tried_enough(self):
        for retrier in RETRIERS:
            name, times = retrier["ErrorEquals"][-1], retrier["MaxAttempts"] + 1
            with self.subTest(name):
                run = Run({"a": []}, lanes=1, events={"a": [Fails(name, "called")] * times})
                self.fails(run, name)
                self.assertEqual(len(run.calls), times)

    def test_the_tries_of_a_task_do_not_count_for_the_next(self):
        most = next(retrier["MaxAttempts"] for retrier in RETRIERS if "Runtime.ExitError" in retrier["ErrorEquals"])
        events = {unit: [Fails("Runtime.ExitError")] * most for unit in "abc"}
        self.succeeds(Run({"a": [], "b": ["a"], "c": ["b"]}, lanes=1, events=events))

    def test_any_other_name_ends_the_run_at_once_whatever_the_other_lanes_do(self):
        needs = {"a": [], "works": [], "waits": [], "after": ["a", "works"]}
        seconds = {"a": 0.3, "works": 20}
        run = Run(needs, lanes=4, seconds=seconds, events={"a": [Fails("InvalidApiKey")], "waits": [Wait(20)]})
        cause = self.fails(run, "InvalidApiKey")
        self.assertEqual(json.loads(cause)["errorType"], "InvalidApiKey")
        self.assertEqual(list(run.asleep), [4])
        self.assertLess(run.execution.seconds, 10)
        self.assertEqual([call["unit"] for call in run.calls].count("a"), 1)

    def test_a_token_answered_with_any_other_name_ends_the_run_under_it(self):
        class Told(Run):
            def work(self, execution, task, unit):
                execution.fail(task["token"], "ModelNotFound", "no such model")

        self.assertEqual(self.fails(Told({"a": []}, lanes=2), "ModelNotFound"), "no such model")


if __name__ == "__main__":
    unittest.main()
