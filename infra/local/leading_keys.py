"""Adds the condition key `dynamodb:LeadingKeys` to the local AWS: the partitions that a call of DynamoDB is about.

AWS takes the partition key of every item that a call names. A query has the partition that its key condition names; of an
index it is the index's partition key. A transaction is one check for each of its items, with that item's key. A call that
names no partition (a scan, PartiQL) has no such key, as if the condition key were absent.
"""

import json
import re

from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb

CONDITION_KEY = "dynamodb:LeadingKeys"
MEMBERS = ("ConditionCheck", "Put", "Update", "Delete", "Get")


class ItemOfTransaction(str):
    """The table's ARN with the partition of the one item that is asked about."""

    partitions = ()


def leading_keys(body):
    """The partitions that the call with this body names, each once."""
    call = parsed(body)
    found = []
    for name, table_call in tables_called(call):
        table = dynamodb._tables.get(name.split(":table/")[-1])
        if table:
            found += partitions(table, table_call)
    return list(dict.fromkeys(found))


def tables_called(call):
    """Pairs of a table's name and the part of the call that is about it."""
    if isinstance(call.get("RequestItems"), dict):
        return list(call["RequestItems"].items())
    items = [item[member] for item in call.get("TransactItems") or [] for member in MEMBERS if member in item]
    return [(part["TableName"], part) for part in [call, *items] if isinstance(part.get("TableName"), str)]


def partitions(table, call):
    """The partition keys in one table's part of a call, as texts."""
    if isinstance(call, list):
        # Of a BatchWriteItem: [{PutRequest: {Item}}, {DeleteRequest: {Key}}].
        keys = [request.get("Item") or request.get("Key") for entry in call for request in entry.values()]
    else:
        # BatchGetItem has Keys, PutItem an Item, GetItem, UpdateItem and DeleteItem a Key.
        keys = [*(call.get("Keys") or []), call.get("Item"), call.get("Key")]
    values = [key.get(table["pk_name"]) for key in keys if key]
    if isinstance(call, dict) and "KeyConditionExpression" in call:
        values.append(queried(table, call))
    return [str(next(iter(value.values()))) for value in values if value]


def queried(table, call):
    """The value that a query's key condition wants the partition key to be equal to, of the table or of its index."""
    partition_key, _, _ = dynamodb._resolve_index_keys(table, call.get("IndexName"))
    names = call.get("ExpressionAttributeNames") or {}
    for name, value in re.findall(r"([#\w.-]+)\s*=\s*(:\w+)", call["KeyConditionExpression"]):
        if names.get(name, name) == partition_key:
            return (call.get("ExpressionAttributeValues") or {}).get(value)
    return None


def parsed(body):
    try:
        call = json.loads(body or b"{}")
    except ValueError:
        return {}
    return call if isinstance(call, dict) else {}


def install():
    """Puts the condition key into every check of a call of DynamoDB."""
    context_of = iam_actions.dynamodb_service_context
    checks_of = iam_actions.dynamodb_transaction_checks
    enforce = iam_evaluator.enforce

    def context_with_leading_keys(body):
        found = leading_keys(body)
        return context_of(body) | ({CONDITION_KEY: found} if found else {})

    def checks_with_leading_keys(iam_action, body, region, account_id):
        """The same checks, each with the partition of its own item."""
        checks = []
        for item in parsed(body).get("TransactItems") or []:
            one = json.dumps({"TransactItems": [item]}).encode()
            for action, table in checks_of(iam_action, one, region, account_id):
                resource = ItemOfTransaction(table)
                resource.partitions = leading_keys(one)
                checks.append((action, resource))
        return checks

    def enforce_item_by_item(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        if isinstance(resource_arn, ItemOfTransaction):
            service_context = {**(service_context or {}), CONDITION_KEY: resource_arn.partitions or None}
        return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)

    iam_actions.dynamodb_service_context = context_with_leading_keys
    iam_actions.dynamodb_transaction_checks = checks_with_leading_keys
    iam_evaluator.enforce = enforce_item_by_item
