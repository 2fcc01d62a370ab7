"""Writes down what the functions' roles were allowed to do. check-roles.py compares it with the template.

Each line of `authorized-calls.jsonl` in the local AWS's scratch folder (TMPDIR) is one kind of call: role, action, resource,
and of DynamoDB the partitions. Ids in it are written as `*`, so that the calls of a thousand runs are one line.
"""

import json
import re
import tempfile
from pathlib import Path

from leading_keys import CONDITION_KEY
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id

FILE = Path(tempfile.gettempdir()) / "authorized-calls.jsonl"
ID = re.compile(r"[0-9a-f-]{16,}")


def install():
    """Notes every allowed call of an assumed role, in a file that starts empty."""
    enforce = iam_evaluator.enforce
    noted = set()
    FILE.write_text("")

    def enforce_and_note(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        role = None if denied else role_of(access_key_id)
        if role:
            partitions = (service_context or {}).get(CONDITION_KEY) or []
            call = {"role": role, "action": iam_action, "resource": resource_arn, "partitions": sorted(partitions)}
            line = ID.sub("*", json.dumps(call))
            if line not in noted:
                noted.add(line)
                with FILE.open("a") as file:
                    file.write(line + "\n")
        return denied

    iam_evaluator.enforce = enforce_and_note


def role_of(access_key_id):
    """The name of the role that a temporary key belongs to; None for other keys."""
    caller = iam_evaluator.resolve_credential(access_key_id, get_account_id())
    arn = getattr(caller, "principal_arn", "")
    return arn.split(":assumed-role/")[1].split("/")[0] if ":assumed-role/" in arn else None
