"""A role whose statements name partitions (`dynamodb:LeadingKeys`) reaches no others. Needs the stack of `make test`."""

import json
import os
import unittest
import uuid

import boto3
from botocore.exceptions import ClientError

SCOPED = {"Null": {"dynamodb:LeadingKeys": "false"}}
MINE, YOURS = "MINE#1", "YOURS#1"


def partitions(*patterns):
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": patterns}}


def key(partition):
    return {"pk": {"S": partition}, "sk": {"S": "x"}}


def statement(actions, resources, condition):
    return {"Effect": "Allow", "Action": actions, "Resource": resources, "Condition": condition}


def assumed(role):
    """DynamoDB as this role may use it."""
    given = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.client(
        "dynamodb",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


class RoleWithPartitions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.name = f"leading-keys-{uuid.uuid4().hex}"
        owner = boto3.client("dynamodb")
        text = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "list")]
        owner.create_table(
            TableName=cls.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=text,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "byList",
                    "KeySchema": [{"AttributeName": "list", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        cls.addClassCleanup(owner.delete_table, TableName=cls.name)
        cls.table = owner.describe_table(TableName=cls.name)["Table"]["TableArn"]
        for partition in (MINE, YOURS):
            owner.put_item(TableName=cls.name, Item=key(partition) | {"list": {"S": f"LIST OF {partition}"}})

    def role(self, *statements):
        """DynamoDB as a role with these statements may use it."""
        roles, name = boto3.client("iam"), f"leading-keys-{uuid.uuid4().hex}"
        role = roles.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust()))["Role"]["Arn"]
        self.addCleanup(roles.delete_role, RoleName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        roles.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)
        self.addCleanup(roles.delete_role_policy, RoleName=name, PolicyName="own")
        return assumed(role)

    def everything_in(self, *patterns, also=SCOPED):
        resources = [self.table, f"{self.table}/index/byList"]
        return self.role(statement("dynamodb:*", resources, also | partitions(*patterns)))

    def refused(self, call, **arguments):
        with self.assertRaises(ClientError) as refused:
            call(**arguments)
        self.assertEqual(refused.exception.response["Error"]["Code"], "AccessDeniedException")

    def test_items_are_reached_by_their_partition(self):
        mine = self.everything_in("MINE#*")
        for call, more in (
            (mine.get_item, {}),
            (mine.update_item, {}),
            (mine.delete_item, {"ConditionExpression": "attribute_exists(pk)", "Key": key(MINE)}),
        ):
            call(TableName=self.name, **({"Key": key(MINE)} | more))
            self.refused(call, TableName=self.name, Key=key(YOURS))
        mine.put_item(TableName=self.name, Item=key(MINE))
        self.refused(mine.put_item, TableName=self.name, Item=key(YOURS))

    def test_a_batch_is_refused_whole_for_one_foreign_key(self):
        mine = self.everything_in("MINE#*")
        for own, keys in ((True, [key(MINE), key("MINE#2")]), (False, [key(MINE), key(YOURS)])):
            reads = {self.name: {"Keys": keys}}
            writes = {self.name: [{"PutRequest": {"Item": item}} for item in keys]}
            deletes = {self.name: [{"DeleteRequest": {"Key": item}} for item in keys[1:]]}
            for call, items in (
                (mine.batch_get_item, reads),
                (mine.batch_write_item, writes),
                (mine.batch_write_item, deletes),
            ):
                if own:
                    call(RequestItems=items)
                else:
                    self.refused(call, RequestItems=items)

    def test_each_item_of_a_transaction_is_asked_about_by_itself(self):
        puts_deletes = self.role(
            statement("dynamodb:PutItem", self.table, SCOPED | partitions("PUT#*")),
            statement("dynamodb:DeleteItem", self.table, SCOPED | partitions("DELETE#*")),
            statement("dynamodb:GetItem", self.table, SCOPED | partitions("PUT#*")),
        )

        def transaction(put, delete):
            put = {"Put": {"TableName": self.name, "Item": key(put)}}
            return [put, {"Delete": {"TableName": self.name, "Key": key(delete)}}]

        puts_deletes.transact_write_items(TransactItems=transaction("PUT#1", "DELETE#1"))
        self.refused(puts_deletes.transact_write_items, TransactItems=transaction("PUT#1", "PUT#2"))
        self.refused(puts_deletes.transact_write_items, TransactItems=transaction("DELETE#1", "DELETE#2"))
        read = [{"Get": {"TableName": self.name, "Key": key("PUT#1")}}]
        puts_deletes.transact_get_items(TransactItems=read)
        read.append({"Get": {"TableName": self.name, "Key": key("DELETE#1")}})
        self.refused(puts_deletes.transact_get_items, TransactItems=read)

    def test_a_query_has_the_partition_that_its_condition_names(self):
        mine = self.everything_in("MINE#*", "LIST OF MINE#*")

        def query(attribute, partition, **more):
            names = {"#p": attribute, "#s": "sk"}
            values = {":p": {"S": partition}, ":s": {"S": "a"}}
            condition = "#p = :p" if "IndexName" in more else "#p = :p AND #s > :s"
            if "IndexName" in more:
                del names["#s"], values[":s"]
            return {
                "TableName": self.name,
                "KeyConditionExpression": condition,
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            } | more

        mine.query(**query("pk", MINE))
        self.refused(mine.query, **query("pk", YOURS))
        # Of an index it is the index's own partition key.
        mine.query(**query("list", f"LIST OF {MINE}", IndexName="byList"))
        self.refused(mine.query, **query("list", f"LIST OF {YOURS}", IndexName="byList"))

    def test_what_names_no_partition_is_refused_by_null_alone(self):
        self.refused(self.everything_in("MINE#*").scan, TableName=self.name)
        self.everything_in("MINE#*", also={}).scan(TableName=self.name)


class RolesOfTheStack(unittest.TestCase):
    def test_a_function_reaches_no_foreign_partition(self):
        stack = boto3.client("cloudformation").describe_stack_resources(StackName=os.environ["STACK_NAME"])
        roles = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in stack["StackResources"]}
        foreign = {
            "AuthorizeRole": ["CREDENTIALS", "RUN#1", "WORKFLOW#1"],
            "CredentialsRole": ["RUN#1", "WORKFLOW#1", "SOURCES"],
            "DeliverCallbackRole": ["CREDENTIALS", "SOURCES"],
            "ExecuteNodeRole": ["WORKFLOW#1", "SOURCES", "AUDIT#1"],
            "FinishRunRole": ["TOKENS", "SOURCES", "AUDIT#1"],
            "ModelsRole": ["CREDENTIALS", "RUN#1", "WORKFLOW#1"],
            "ReceiveWebhookRole": ["AUDIT#1", "SCHEDULE#1#x", "SOURCES"],
            "ReferenceRole": ["CREDENTIALS", "MODELS", "RUN#1", "WORKFLOW#1"],
            "RotateKeyRole": ["RUN#1", "WORKFLOW#1"],
            "RunsRole": ["CREDENTIALS", "TOKENS", "WORKFLOW#1"],
            "SchedulesRole": ["CREDENTIALS", "RUN#1"],
            "StartRunRole": ["TOKENS"],
            "WebhooksRole": ["CREDENTIALS", "RUN#1"],
            "WorkflowsRole": ["TOKENS", "RUN#1"],
            "TokensRole": ["CREDENTIALS", "RUN#1", "WORKFLOW#1"],
        }
        for role, partitions in foreign.items():
            dynamodb = assumed(boto3.client("iam").get_role(RoleName=roles[role])["Role"]["Arn"])
            table = os.environ["TABLE_NAME"]
            for partition in partitions:
                item = {"TableName": table, "Key": key(partition)}
                query = {
                    "TableName": table,
                    "KeyConditionExpression": "pk = :p",
                    "ExpressionAttributeValues": {":p": {"S": partition}},
                }
                write = {"TableName": table, "Item": key(partition)}
                for call, arguments in (
                    (dynamodb.get_item, item),
                    (dynamodb.put_item, write),
                    (dynamodb.update_item, item),
                    (dynamodb.delete_item, item),
                    (dynamodb.query, query),
                ):
                    with self.subTest(role=role, partition=partition):
                        with self.assertRaises(ClientError) as refused:
                            call(**arguments)
                        self.assertEqual(refused.exception.response["Error"]["Code"], "AccessDeniedException")


def trust():
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}],
    }


if __name__ == "__main__":
    unittest.main()
