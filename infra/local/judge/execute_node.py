"""Execute-node over a run's records in memory, with deaths and waits where a test wants them."""

import threading
import time
from dataclasses import dataclass

from engine import Execution, Failure


@dataclass
class Wait:
    """The unit has to be tried again after so many seconds."""

    seconds: int


@dataclass
class Fails:
    """The invocation fails under this name before it returns.

    `when` says how far it came: "called" (it did nothing), "at work", "asleep" (its lane has no next unit, and its token is
    written down) or "answered" (its token is answered). It stays there for `after` seconds.
    """

    name: str
    when: str = "at work"
    after: float = 0


class Run:
    """A run of a graph in so many lanes.

    It does with a task what execute-node does, in the same order, but for these: what follows the work is one step under a
    lock, a lease ends with its function, and a unit bears the number of the sleeper that is woken for it, so that no other
    lane takes it meanwhile and the counts are the same each time.

    `needs` says of each unit which it waits for, `seconds` how long it is at work (SECONDS without that), and `events` what
    befalls its calls, one after the other. The unit None stands for a call that found no unit.
    """

    SECONDS = 0.05

    def __init__(self, needs, lanes, seconds=None, events=None):
        self.needs = needs
        self.seconds = {unit: self.SECONDS for unit in needs} | (seconds or {})
        self.events = {unit: list(some) for unit, some in (events or {}).items()}
        self.lock = threading.RLock()
        # The payload of each call, and how often each unit was at work.
        self.calls = []
        self.worked = {unit: 0 for unit in needs}
        self.done = set()
        # READY: the number of the lane that took the unit, or None. LANE: the token of a lane that sleeps.
        self.ready = {unit: None for unit in needs if not needs[unit]}
        self.asleep = {}
        # The lanes that could not be woken: their tokens were refused.
        self.refused = []
        self.lanes = [{"lane": lane, "unit": self.take(lane)} for lane in range(1, lanes + 1)]

    def start(self):
        self.execution = Execution(self.execute_node, self.lanes)
        return self.execution

    def execute_node(self, execution, task):
        with self.lock:
            self.calls.append(task)
            unit = task["unit"] or self.take(task["lane"])
            event = self.events[unit].pop(0) if self.events.get(unit) else None
        self.fail(event, "called")
        with self.lock:
            self.ready.pop(task["was"], None)
        if isinstance(event, Wait):
            listed = "listed" if unit in self.ready else "kept"
            execution.fail(task["token"], "Lane.Wait", f"{event.seconds} {listed} {unit}")
            return
        again = unit in self.done
        if unit and not again:
            self.work(execution, task, unit)
            self.fail(event, "at work")
        with self.lock:
            self.done.update({unit} - {None})
            came_to = self.go_on(execution, task, unit, again)
        self.fail(event, came_to)

    def fail(self, event, when):
        if isinstance(event, Fails) and event.when == when:
            time.sleep(event.after)
            raise Failure(event.name)

    def work(self, execution, task, unit):
        self.worked[unit] += 1
        time.sleep(self.seconds[unit])

    def go_on(self, execution, task, unit, again):
        """Tells the unit's edges, and answers the token with the lane's next unit or writes it down: says which."""
        lane, token = task["lane"], task["token"]
        became = [after for after, needs in self.needs.items() if unit in needs and self.done.issuperset(needs)]
        if again:
            became = [after for after in became if not self.worked[after] and after not in self.ready]
        own, others = became[:1], became[1:]
        for other in others:
            self.ready.setdefault(other, None)
            self.wake(execution, other)
        following = own[0] if own else self.take(lane)
        if following:
            was = unit if unit in self.ready else None
            execution.succeed(token, {"unit": following, "listed": following in self.ready, "was": was})
            return "answered"
        self.ready.pop(unit, None)
        self.asleep[lane] = token
        if len(self.done) == len(self.needs):
            for sleeper in list(self.asleep):
                execution.fail(self.asleep.pop(sleeper), "Lane.Done")
            return "answered"
        return "asleep"

    def wake(self, execution, unit):
        """Wakes a lane for a unit. A lane whose token is refused has died, and takes what is free when it is tried again."""
        for lane in sorted(self.asleep):
            self.ready[unit] = lane
            if execution.succeed(self.asleep.pop(lane), {"unit": None, "listed": False, "was": None}):
                return
            self.ready[unit] = None
            self.refused.append(lane)

    def take(self, lane):
        """A unit that is ready: the one that bears the lane's number before one that is free."""
        for owner in (lane, None):
            for unit in self.ready:
                if self.ready[unit] == owner and unit not in self.done:
                    self.ready[unit] = lane
                    return unit
        return None
