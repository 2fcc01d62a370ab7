"""A run goes through several executions of the definition: each unit is at work once, and no lane works beside the lane of the
same number in the execution before."""

import random
import threading
import types
import unittest

from case import RunTest
from engine import Execution
from execute_node import Fails, Run, Wait


class Parts(Run):
    """A run that is handed over after so many tasks of an execution."""

    def __init__(self, *arguments, most, **options):
        super().__init__(*arguments, **options)
        self.most = most
        self.part = 1
        self.tasks = {}
        self.executions = {}
        # The execution of each token, and the part whose lane holds each number.
        self.of_token = {}
        self.holder = {lane["lane"]: 1 for lane in self.lanes}
        self.heirs = {}
        self.by_lane = {lane["lane"]: threading.Lock() for lane in self.lanes}
        self.crowded = False

    def start(self):
        self.begin(self.lanes)
        return self.executions[1]

    def begin(self, lanes):
        self.executions[self.part] = Execution(self.execute_node, lanes, self.part)

    # Tokens may be another execution's.
    def succeed(self, token, output):
        return self.of_token[token].succeed(token, output)

    def fail_task(self, token, error, cause=""):
        return self.of_token[token].fail(token, error, cause)

    def execute_node(self, execution, task):
        every = types.SimpleNamespace(succeed=self.succeed, fail=self.fail_task)
        lane, part = task["lane"], task["part"]
        with self.lock:
            self.of_token[task["token"]] = execution
            self.tasks[part] = self.tasks.get(part, 0) + 1
            if task["unit"] is None and self.holder[lane] != part:
                if len(self.done) == len(self.needs) or part < self.part:
                    self.fail_task(task["token"], "Lane.Done")
                    return
                if self.holder[lane] is not None:
                    self.heirs[lane] = task["token"]
                    return
                self.holder[lane] = part
        super().execute_node(every, task)

    def work(self, execution, task, unit):
        lock = self.by_lane[task["lane"]]
        if not lock.acquire(blocking=False):
            self.crowded = True
            lock.acquire()
        try:
            super().work(execution, task, unit)
        finally:
            lock.release()

    def go_on(self, execution, task, unit, again):
        part, lane = task["part"], task["lane"]
        is_over = len(self.done) == len(self.needs)
        if not is_over and part == self.part and self.tasks[part] >= self.most:
            self.part += 1
            self.begin([{"lane": one["lane"], "unit": None} for one in self.lanes])
            for sleeper in list(self.asleep):
                execution.fail(self.asleep.pop(sleeper), "Lane.Done")
                self.let_go(execution, sleeper)
            for heir in list(self.heirs):
                execution.fail(self.heirs.pop(heir), "Lane.Done")
        if is_over or part == self.part:
            came_to = super().go_on(execution, task, unit, again)
            if is_over:
                for heir in list(self.heirs):
                    execution.fail(self.heirs.pop(heir), "Lane.Done")
            return came_to
        became = [after for after, needs in self.needs.items() if unit in needs and self.done.issuperset(needs)]
        for after in became:
            if not self.worked[after] and after not in self.ready:
                self.ready[after] = None
                self.wake(execution, after)
        self.ready.pop(unit, None)
        self.let_go(execution, lane)
        execution.fail(task["token"], "Lane.Done")
        return "answered"

    def let_go(self, execution, lane):
        self.holder[lane] = None
        if lane in self.heirs:
            execution.succeed(self.heirs.pop(lane), {"unit": None, "listed": False, "was": None})


class HandOvers(RunTest):
    def goes_through(self, run, parts):
        self.succeeds(run)
        self.worked_once(run)
        self.assertFalse(run.crowded)
        lanes, units = len(run.lanes), len(run.needs)
        for execution in run.executions.values():
            end = execution.wait()
            self.assertEqual(end["type"], "ExecutionSucceeded", end)
        self.assertGreaterEqual(len(run.executions), parts)
        entered = sum(execution.states_entered() for execution in run.executions.values())
        waits = sum(event["type"] == "WaitStateEntered" for one in run.executions.values() for event in one.events)
        # Beside its units: each lane of each execution begins, may sleep and be woken, and ends.
        self.assertLessEqual(entered, units + len(run.executions) * (3 * lanes + 1) + 2 * waits)
        for execution in run.executions.values():
            self.assertLessEqual(len(execution.events), 7 * (run.most + 3 * lanes) + 9 * lanes + 10 + 9 * waits)

    def succeeds(self, run):
        run.start()
        end = run.executions[1].wait()
        self.assertEqual(end["type"], "ExecutionSucceeded", end)
        part = 2
        while part in run.executions:
            run.executions[part].wait()
            part += 1
        self.assertEqual(run.done, set(run.needs))

    def test_a_chain(self):
        needs = {f"n{number}": [f"n{number - 1}"] if number else [] for number in range(12)}
        run = Parts(needs, 1, most=4)
        self.goes_through(run, parts=3)

    def test_a_fan_of_many_units(self):
        needs = {"first": []} | {f"n{number}": ["first"] for number in range(60)}
        self.goes_through(Parts(needs, 5, most=20), parts=3)

    def test_a_random_graph_with_waits_and_deaths(self):
        made = random.Random(7)
        names = [f"n{number}" for number in range(40)]
        needs = {
            name: made.sample(names[:number], min(number, made.choice([0, 1, 1, 2])))
            for number, name in enumerate(names)
        }
        events = {"n3": [Wait(1)], "n11": [Fails("Lambda.Unknown", "called")], "n20": [Wait(1)]}
        self.goes_through(Parts(needs, 4, most=15, events=events), parts=2)

    def test_a_long_unit_of_the_first_execution_holds_its_lane_alone(self):
        needs = {f"n{number}": [] for number in range(30)}
        run = Parts(needs, 3, most=8, seconds={"n0": 2})
        self.goes_through(run, parts=3)
        self.assertGreater(run.executions[1].seconds, 2)


if __name__ == "__main__":
    unittest.main()
