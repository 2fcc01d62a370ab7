"""Hooks of schemathesis: three of four paths get names that exist, so that not every answer is a 404."""

import json
import os
import random

import schemathesis

NAMES = json.loads(os.environ["FUZZ_NAMES"])

# No request waits for a run's end: that would take the time of many others.
LONGEST_WAIT = 1


@schemathesis.hook
def before_call(context, case, kwargs):
    chance = random.Random(repr((case.method, case.path, case.path_parameters, case.query, case.body)))
    names = next((names for start, names in NAMES.items() if case.path.startswith(start)), {})
    for name in case.path_parameters or {}:
        # What other requests need is not deleted.
        if case.method == "DELETE":
            if case.path_parameters[name] == names.get(name):
                case.path_parameters[name] += "-2"
        elif name in names and chance.random() < 0.75:
            case.path_parameters[name] = names[name]
    wait = (case.query or {}).get("wait")
    if isinstance(wait, int) and wait > LONGEST_WAIT:
        case.query["wait"] = LONGEST_WAIT
