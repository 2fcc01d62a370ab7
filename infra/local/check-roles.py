#!/usr/bin/env python3
"""Compares the functions' roles in infra/template.yaml with what they did in the tests, both ways.

- What a role did is allowed by a statement that the template gives to this role.
- What the template allows a role is done in a test: every action, every resource and every partition of a statement.

The local AWS writes down what it allowed (authorized_calls.py). `make test` runs this at its end, while the stack is up.
"""

import json
import re
import sys

import yaml
from stack import LOCAL, REGION, STACK, TEMPLATE, aws

ACCOUNT = "000000000000"
CALLS = LOCAL / "local-aws" / "authorized-calls.jsonl"
LEADING_KEYS = "dynamodb:LeadingKeys"

# What AWS does in a role's name. The local AWS does it without asking the role, so no test can reach it.
DONE_BY_AWS = {
    "iam:PassRole": "EventBridge Scheduler asks for it when a schedule is made",
    "lambda:InvokeFunction": "Secrets Manager asks for it when a rotation is set up",
    "logs:CreateLogStream": "Lambda writes a function's log",
    "logs:PutLogEvents": "Lambda writes a function's log",
    "sqs:DeleteMessage": "Lambda polls the queue of an event source",
    "sqs:GetQueueAttributes": "Lambda polls the queue of an event source",
    "sqs:ReceiveMessage": "Lambda polls the queue of an event source",
}
# What no test reaches here, and why: role, action, partition.
NOT_REACHED = {
    ("*", "dynamodb:BatchGetItem", "MODELS"): "reads a model list of several items; the stand-in's takes one",
    ("*", "dynamodb:DeleteItem", "IDENTITY#*"): "forgets a delivery whose execution did not start; here every execution starts",
    ("ReceiveWebhookRole", "dynamodb:UpdateItem", "RUN#*"): "closes a run whose execution did not start",
    ("StartRunRole", "sqs:SendMessage", None): "Lambda itself keeps an event that failed each time it was tried",
}


def main():
    resources = yaml.load(TEMPLATE.read_text(), Template)["Resources"]
    template = {name: resource for name, resource in resources.items() if not name.startswith("Fn::ForEach")}
    stack = Stack(template)
    calls = [json.loads(line) for line in CALLS.read_text().splitlines()] if CALLS.exists() else []
    if not calls:
        sys.exit(f"{CALLS} has no calls: run the end-to-end tests first (make test)")
    faults = []
    for role in function_roles(template):
        statements = list(stack.statements(role))
        done = [call for call in calls if call["role"] == stack.ids[role]]
        faults += not_allowed(role, statements, done) + not_done(role, statements, done)
    if faults:
        sys.exit("\n".join(faults))
    print("every role did what the template allows it, and nothing else")


def function_roles(template):
    """The logical ids of the roles that functions run with."""
    functions = [resource for resource in template.values() if resource["Type"] == "AWS::Serverless::Function"]
    return [function["Properties"]["Role"]["Fn::GetAtt"].split(".")[0] for function in functions]


def not_allowed(role, statements, done):
    return [
        f"infra/template.yaml: {role} was allowed {words(call)}, but none of its statements says so. Give it to the "
        "role, or find the policy outside of the template that allows it."
        for call in done
        if not any(statement.allows(call) for statement in statements)
    ]


def not_done(role, statements, done):
    faults = []
    for statement in statements:
        where = f"infra/template.yaml:{statement.line}"
        if statement.is_about_items and not statement.partitions:
            faults.append(
                f"{where}: {role} may touch every partition of the table. Name those that it needs: a Condition with "
                f'ForAllValues:StringLike and "Null" of {LEADING_KEYS}.'
            )
        actions = [action for action in statement.actions if is_reachable(role, action, statement)]
        if not actions:
            continue
        matching = [call for call in done if statement.allows(call)]
        for what, texts, of_call in (
            ("action", actions, lambda call: [call["action"]]),
            ("resource", statement.resources, lambda call: [call["resource"]]),
            ("partition", statement.partitions, lambda call: call["partitions"]),
        ):
            for text in texts:
                if not any(like(text, one) for call in matching for one in of_call(call)):
                    faults.append(
                        f"{where}: no test has {role} use the {what} {text} of this statement. Take it out, or write an "
                        "end-to-end test that needs it."
                    )
    return faults


def is_reachable(role, action, statement):
    excepted = (
        like(its_role, role) and its_action == action and (partition is None or partition in statement.partitions)
        for its_role, its_action, partition in NOT_REACHED
    )
    return action not in DONE_BY_AWS and not any(excepted)


def words(call):
    partitions = ", ".join(call["partitions"])
    return f"{call['action']} on {call['resource']}" + (f", partitions {partitions}" if partitions else "")


def like(pattern, text):
    """As IAM compares: `*` is any text, `?` any character."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None


class Statement:
    """A statement that allows something."""

    def __init__(self, line, statement):
        self.line = line
        self.actions = listed(statement["Action"])
        self.resources = listed(statement["Resource"])
        self.is_about_items = any(re.search(":table/[^/]+$", resource) for resource in self.resources)
        condition = statement.get("Condition", {})
        named = condition.get("Null", {}).get(LEADING_KEYS) == "false"
        self.partitions = listed(condition.get("ForAllValues:StringLike", {}).get(LEADING_KEYS, [])) if named else []

    def allows(self, call):
        partitions = call["partitions"] if self.partitions else []
        return (
            call["action"] in self.actions
            and any(like(resource, call["resource"]) for resource in self.resources)
            and all(any(like(partition, one) for partition in self.partitions) for one in partitions)
        )


class Stack:
    """The deployed stack: puts the names of what was deployed in the place of the template's intrinsics."""

    def __init__(self, template):
        self.template = template
        resources = json.loads(aws("cloudformation", "describe-stack-resources", "--stack-name", STACK))
        self.ids = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources["StackResources"]}
        stack = json.loads(aws("cloudformation", "describe-stacks", "--stack-name", STACK))["Stacks"][0]
        self.refs = self.ids | {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
        self.refs |= {
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::StackName": STACK,
        }

    def statements(self, role):
        """What a role is allowed: by its own policies, by its managed ones, and by those that are attached to it elsewhere."""
        properties = self.template[role]["Properties"]
        managed = [one["Ref"] for one in properties.get("ManagedPolicyArns", [])]
        others = [
            resource["Properties"]
            for name, resource in self.template.items()
            if name in managed
            or (resource["Type"] == "AWS::IAM::Policy" and {"Ref": role} in resource["Properties"]["Roles"])
        ]
        for policy in [*properties.get("Policies", []), *others]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield Statement(statement["Effect"].line, self.resolved(statement))

    def resolved(self, value):
        match value:
            case {"Ref": name}:
                return self.refs[name]
            case {"Fn::GetAtt": path}:
                return self.attribute(*path.split("."))
            case {"Fn::Sub": text}:
                return re.sub(r"\$\{([\w:.]+)\}", lambda found: self.named(found[1]), text)
            case dict():
                return {key: self.resolved(part) for key, part in value.items()}
            case list():
                return [self.resolved(part) for part in value]
        return value

    def named(self, name):
        return self.attribute(*name.split(".")) if "." in name else self.refs[name]

    def attribute(self, name, attribute):
        name_of_aws = self.ids[name].rsplit("/", 1)[-1]
        match self.template[name]["Type"], attribute:
            case "AWS::DynamoDB::Table", "Arn":
                return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name_of_aws}"
            case "AWS::S3::Bucket", "Arn":
                return f"arn:aws:s3:::{name_of_aws}"
            case "AWS::SQS::Queue", "Arn":
                return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name_of_aws}"
            case "AWS::Serverless::Function", "Arn":
                return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name_of_aws}"
            case "AWS::IAM::Role", "Arn":
                return f"arn:aws:iam::{ACCOUNT}:role/{name_of_aws}"
            case "AWS::Logs::LogGroup", "Arn":
                return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{self.ids[name]}:*"
            case "AWS::SecretsManager::Secret", "Id":
                return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{self.ids[name]}-??????"
            case "AWS::StepFunctions::StateMachine", "Name":
                return self.ids[name].rsplit(":", 1)[-1]
        sys.exit(f"check-roles.py does not know {attribute} of a {self.template[name]['Type']}: teach it in `attribute`")


class Line(str):
    """A text of the template that knows its line."""

    line = 0


class Template(yaml.SafeLoader):
    """Reads `!Sub x` as {"Fn::Sub": x}, and so on."""


def read_text(loader, node):
    text = Line(loader.construct_scalar(node))
    text.line = node.start_mark.line + 1
    return text


def read_intrinsic(loader, name, node):
    reader = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence}
    value = reader[type(node)](node, *([True] if isinstance(node, yaml.SequenceNode) else []))
    return {"Ref" if name == "Ref" else f"Fn::{name}": value}


Template.add_constructor("tag:yaml.org,2002:str", read_text)
Template.add_multi_constructor("!", read_intrinsic)


def listed(value):
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    main()
