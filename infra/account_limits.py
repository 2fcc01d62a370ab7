#!/usr/bin/env python3
"""Says what the account's limit of Lambda means for this stack, before it is deployed.

`aws lambda get-account-settings | infra/account_limits.py NodeConcurrency=50 DoorConcurrency=10 ...`

It fails where AWS would refuse the reservations that the parameters ask for.
"""

import json
import sys

# AWS keeps so many executions unreserved in every account, and in a small one all that it has.
UNRESERVED = 100
# authorize, start-run, receive-webhook, runs and finish-run each get a reservation of DoorConcurrency.
DOORS = 5
# A workflow's `limits.maxConcurrency` by default: so many of its nodes run at once.
NODES_OF_A_RUN = 10
QUOTA = "Service Quotas -> AWS Lambda -> Concurrent executions (L-B99A9384)"


def main():
    settings = json.load(sys.stdin)["AccountLimit"]
    lines, fits = said(settings["ConcurrentExecutions"], settings["UnreservedConcurrentExecutions"], sys.argv[1:])
    print("\n".join(lines), file=sys.stdout if fits else sys.stderr)
    sys.exit(0 if fits else 1)


def said(limit, unreserved, parameters):
    """What to say, and whether the deployment can be made."""
    given = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
    nodes, doors = int(given.get("NodeConcurrency") or 0), int(given.get("DoorConcurrency") or 0)
    asked = nodes + DOORS * doors
    lines = [f"Lambda: this account runs {limit} functions at once, {unreserved} of them not reserved."]
    if limit < UNRESERVED + asked and asked:
        lines += [
            f"  NodeConcurrency={nodes} and DoorConcurrency={doors} reserve {asked}. AWS keeps {UNRESERVED} unreserved, so this account",
            f"  can reserve {max(limit - UNRESERVED, 0)} at most. Leave the parameters out, or have the quota raised first: {QUOTA}.",
        ]
        return lines, False
    room = nodes or limit
    lines.append(
        f"  A node holds one for as long as its model answers. {room} nodes run at once, which are {max(room // NODES_OF_A_RUN, 1)} run(s) of {NODES_OF_A_RUN}."
    )
    if limit < UNRESERVED:
        lines += [
            "  More than that wait, and meanwhile the API answers 500 and webhooks are lost: its functions are refused too.",
            f"  Have the quota raised before this stack does real work; it costs nothing: {QUOTA}.",
            "  Until then keep `limits.maxConcurrency` of workflows low, and do not use ?wait=.",
        ]
    elif not asked:
        free = limit - UNRESERVED
        lines += [
            "  Nothing is reserved: where nodes take all of it, the API answers 500 and webhooks are lost.",
            f'  To keep them apart: PARAMETERS="NodeConcurrency={max(free // 2, 1)} DoorConcurrency={max(free // (4 * DOORS), 1)}"',
        ]
    elif not doors:
        lines.append("  No more nodes than that run at once, so the API keeps the rest.")
    return lines, True


if __name__ == "__main__":
    main()
