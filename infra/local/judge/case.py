"""What the tests of runs share: how a run has to end."""

import unittest


class RunTest(unittest.TestCase):
    def succeeds(self, run):
        end = run.start().wait()
        self.assertEqual(end["type"], "ExecutionSucceeded", end)
        self.assertEqual(end["executionSucceededEventDetails"]["output"], "{}")
        self.assertEqual(run.done, set(run.needs))
        # Each READY record has gone, and no lane sleeps.
        self.assertEqual((run.ready, run.asleep), ({}, {}))

    def fails(self, run, error):
        """Gives the cause."""
        end = run.start().wait()
        self.assertEqual(end["type"], "ExecutionFailed", end)
        details = end["executionFailedEventDetails"]
        self.assertEqual(details["error"], error)
        return details["cause"]

    def worked_once(self, run):
        self.assertEqual(run.worked, {unit: 1 for unit in run.needs})
