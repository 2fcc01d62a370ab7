"""Runs of graphs cost no more than they may: states, events, invocations, and the time of their longest path."""

import random
import unittest

from case import RunTest
from execute_node import Run


def chain(length):
    return {f"n{number}": [f"n{number - 1}"] if number else [] for number in range(length)}


def diamonds(count, width):
    needs, before = {}, []
    for number in range(count):
        needs[f"first{number}"] = before
        middle = [f"middle{number}-{index}" for index in range(width)]
        needs |= {unit: [f"first{number}"] for unit in middle}
        before = [f"last{number}"]
        needs[before[0]] = middle
    return needs


def fan(width):
    return {"first": []} | {f"n{number}": ["first"] for number in range(width)}


def fan_in(width):
    units = [f"n{number}" for number in range(width)]
    return {unit: [] for unit in units} | {"last": units}


def random_graph(units, seed):
    made = random.Random(seed)
    names = [f"n{number}" for number in range(units)]
    return {
        name: made.sample(names[:number], min(number, made.choice([0, 1, 1, 2]))) for number, name in enumerate(names)
    }


def longest_path(run, overhead=0):
    """Seconds of the path that takes longest, with this overhead for each of its units."""
    ends = {}
    for unit, needs in run.needs.items():
        ends[unit] = max((ends[need] for need in needs), default=0) + run.seconds[unit] + overhead
    return max(ends.values())


def by_levels(run):
    """Seconds of a run whose units wait for the whole level before their own."""
    levels, seconds = {}, {}
    for unit, needs in run.needs.items():
        levels[unit] = max((levels[need] + 1 for need in needs), default=0)
        seconds[levels[unit]] = max(seconds.get(levels[unit], 0), run.seconds[unit])
    return sum(seconds.values())


# Seconds that a run may take beside its work: for each unit of a lane, and for its beginning and its end.
A_UNIT, A_RUN = 0.15, 0.5


class Graphs(RunTest):
    def is_frugal(self, needs, lanes):
        run = Run(needs, lanes)
        self.succeeds(run)
        self.worked_once(run)
        execution, units = run.execution, len(needs)
        self.assertLessEqual(execution.states_entered(), units + 2 * lanes + 1)
        self.assertLessEqual(len(execution.events), 7 * units + 9 * lanes + 10)
        self.assertLessEqual(len(run.calls), units + lanes)
        # Units that are not on the longest path share the lanes, and may all come before it.
        longest = longest_path(run, A_UNIT)
        others = sum(run.seconds[unit] + A_UNIT for unit in needs) - longest
        self.assertLessEqual(execution.seconds, longest + others / lanes + A_RUN)

    def test_a_chain(self):
        self.is_frugal(chain(10), lanes=1)

    def test_a_fan(self):
        self.is_frugal(fan(50), lanes=10)

    def test_a_fan_in(self):
        self.is_frugal(fan_in(50), lanes=10)

    def test_a_diamond(self):
        self.is_frugal(diamonds(1, 8), lanes=8)

    def test_five_diamonds(self):
        self.is_frugal(diamonds(5, 8), lanes=8)

    def test_sixty_random_units(self):
        self.is_frugal(random_graph(60, seed=7), lanes=20)

    def takes_its_longest_path(self, needs, lanes, seconds):
        run = Run(needs, lanes, seconds)
        limit = longest_path(run, A_UNIT) + A_RUN
        self.assertLess(limit, by_levels(run), "the graph shows nothing")
        self.succeeds(run)
        self.assertLessEqual(run.execution.seconds, limit)

    def test_two_branches_of_which_one_is_behind_a_short_unit(self):
        needs = {"a": [], "b": [], "c": ["b"], "d": ["a", "c"]}
        self.takes_its_longest_path(needs, 3, {"a": 2, "b": 0.1, "c": 2, "d": 0.1})

    def test_sixty_units_in_unequal_branches(self):
        needs, made = random_graph(60, seed=7), random.Random(7)
        self.takes_its_longest_path(needs, 20, {unit: made.choice([0.05, 0.05, 0.05, 1]) for unit in needs})


if __name__ == "__main__":
    unittest.main()
