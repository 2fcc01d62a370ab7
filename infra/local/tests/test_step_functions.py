"""The local AWS's Step Functions does what AWS does where a task waits for its token. Starts a local AWS of its own."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

ROOT = Path(__file__).resolve().parents[3]
REGION = "us-east-1"
ACCOUNT = "000000000000"
MACHINES = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine"

# The local AWS's name for an exception of a Python function.
FAILED_FUNCTION = "Runtime.HandlerError"

# Tells the test its token, and then does what its payload says.
FUNCTION = """
import json, os, time
import boto3

def handler(event, context):
    aws = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"], "region_name": "us-east-1"}
    boto3.client("s3", **aws).put_object(Bucket="tokens", Key=event["key"], Body=event["token"])
    if "answer" in event["do"]:
        boto3.client("stepfunctions", **aws).send_task_success(taskToken=event["token"], output='"answered"')
    if "later" in event["do"]:
        objects = boto3.client("s3", **aws)
        while not objects.list_objects_v2(Bucket="tokens", Prefix=event["key"] + "/go").get("KeyCount"):
            time.sleep(0.05)
    if "fail" in event["do"]:
        raise KeyError("told to")
    if "die" in event["do"]:
        os._exit(1)
"""


class LocalAws:
    """A process of the local AWS on a free port."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.folder = tempfile.TemporaryDirectory()
        self.url = f"http://127.0.0.1:{port}"
        own = {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "AUTH": "true",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "TMPDIR": self.folder.name,
            "S3_DATA_DIR": f"{self.folder.name}/s3",
            "AWS_ENDPOINT_URL": self.url,
        }
        self.log = open(f"{self.folder.name}/log", "w+")
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "infra" / "local" / "local_aws.py"],
            env={"PATH": os.environ["PATH"]} | own,
            stdout=self.log,
            stderr=self.log,
        )
        self.states = self.client("stepfunctions")
        self.functions = self.client("lambda")
        self.objects = self.client("s3")
        until(self.is_up, "the local AWS is up")
        self.objects.create_bucket(Bucket="tokens")
        # A role that answers the tokens of this one machine.
        statements = [allow("states:SendTask*", f"{MACHINES}:machine"), allow("s3:*", "*")]
        roles = self.client("iam")
        roles.create_role(RoleName="answers", AssumeRolePolicyDocument="{}")
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        roles.put_role_policy(RoleName="answers", PolicyName="answers", PolicyDocument=policy)
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("index.py", FUNCTION)
        self.function = self.functions.create_function(
            FunctionName="does-as-told",
            Runtime="python3.12",
            Handler="index.handler",
            Role=f"arn:aws:iam::{ACCOUNT}:role/answers",
            Code={"ZipFile": code.getvalue()},
            Timeout=30,
        )["FunctionArn"]

    def client(self, service):
        patient = Config(retries={"mode": "standard", "total_max_attempts": 1})
        credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, config=patient, **credentials)

    def is_up(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            raise AssertionError(self.log.read())
        try:
            self.states.list_state_machines()
            return True
        except (ConnectionError, HTTPClientError):
            return False

    def stop(self, seconds=60):
        """Tells it to end, and kills it after so many seconds. True if it ended by itself."""
        self.process.send_signal(signal.SIGTERM)
        by_itself = True
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            by_itself = False
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.folder.cleanup()
        return by_itself

    def start(self, *tasks, **fields):
        """Starts an execution with a Map over these tasks: what the function does in each. Its ARN."""
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": {
                "FunctionName": self.function,
                "Payload": {
                    "do": "{% $states.input.do %}",
                    "key": "{% $states.context.Execution.Name & '/' & $states.input.index & '/' &"
                    " $states.context.State.RetryCount %}",
                    "token": "{% $states.context.Task.Token %}",
                },
            },
            "End": True,
        } | fields
        lanes = {
            "Type": "Map",
            "Items": "{% $states.input.tasks %}",
            "ItemSelector": {
                "do": "{% $states.context.Map.Item.Value %}",
                "index": "{% $string($states.context.Map.Item.Index) %}",
                "seconds": 1,
            },
            "ItemProcessor": {"StartAt": "Task", "States": {"Task": task}},
            "End": True,
        }
        return self.start_state(lanes, {"tasks": tasks})

    def start_state(self, state, asked):
        """Starts an execution of this one state. Its ARN."""
        definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "State", "States": {"State": state}})
        role = f"arn:aws:iam::{ACCOUNT}:role/answers"
        try:
            self.states.create_state_machine(name="machine", definition=definition, roleArn=role)
        except ClientError:
            self.states.update_state_machine(stateMachineArn=f"{MACHINES}:machine", definition=definition)
        started = self.states.start_execution(stateMachineArn=f"{MACHINES}:machine", input=json.dumps(asked))
        return started["executionArn"]

    def token(self, execution, index=0, retry=0):
        """The token of a task's try, once its function was invoked."""
        key = f"{execution.rsplit(':')[-1]}/{index}/{retry}"
        return until(lambda: self.stored(key), f"{key} is stored")

    def stored(self, key):
        try:
            return self.objects.get_object(Bucket="tokens", Key=key)["Body"].read().decode()
        except ClientError:
            return None

    def end(self, execution):
        """The execution once it has ended."""

        def ended():
            described = self.states.describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        return until(ended, "the execution has ended")


def allow(action, resource):
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def until(ready, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := ready()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} seconds this does not hold: {what}")
        time.sleep(0.05)
    return value


class StepFunctions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.aws = LocalAws()

    @classmethod
    def tearDownClass(cls):
        cls.aws.stop()

    def refused(self, token):
        with self.assertRaises(ClientError) as refusal:
            self.aws.states.send_task_success(taskToken=token, output="1")
        self.assertEqual(refusal.exception.response["Error"]["Code"], "TaskTimedOut")

    def test_a_function_answers_its_token_where_its_role_names_the_machine(self):
        ended = self.aws.end(self.aws.start("answer"))
        self.assertEqual((ended["status"], ended.get("output")), ("SUCCEEDED", '["answered"]'))

    def test_a_task_fails_when_its_function_fails_even_after_an_answer(self):
        for told in ("fail", "answer and fail"):
            ended = self.aws.end(self.aws.start(told))
            self.assertEqual((ended["status"], ended.get("error")), ("FAILED", FAILED_FUNCTION), told)

    def test_a_task_fails_when_its_function_dies(self):
        ended = self.aws.end(self.aws.start("die"))
        self.assertEqual(ended["status"], "FAILED", ended)

    def test_a_token_is_answered_once(self):
        execution = self.aws.start("sleep", "sleep")
        first, second = self.aws.token(execution, 0), self.aws.token(execution, 1)
        self.aws.states.send_task_success(taskToken=first, output="1")
        self.refused(first)
        self.aws.states.send_task_success(taskToken=second, output="2")
        self.assertEqual(self.aws.end(execution)["output"], "[1, 2]")
        self.refused(second)

    def test_each_try_has_a_token_of_its_own(self):
        retry = [{"ErrorEquals": [FAILED_FUNCTION], "IntervalSeconds": 1, "MaxAttempts": 1}]
        told = "{% $states.context.State.RetryCount = 0 ? 'fail' : 'sleep' %}"
        payload = {
            "do": told,
            "key": "{% $states.context.Execution.Name & '/0/' & $states.context.State.RetryCount %}",
            "token": "{% $states.context.Task.Token %}",
        }
        arguments = {"FunctionName": self.aws.function, "Payload": payload}
        execution = self.aws.start("", Retry=retry, Arguments=arguments)
        first, second = self.aws.token(execution, retry=0), self.aws.token(execution, retry=1)
        self.assertNotEqual(first, second)
        self.refused(first)
        self.aws.states.send_task_success(taskToken=second, output='"second"')
        self.assertEqual(self.aws.end(execution)["output"], '["second"]')

    def test_a_map_fails_with_its_first_failure_and_stops_the_rest(self):
        execution = self.aws.start("sleep", "sleep")
        first, second = self.aws.token(execution, 0), self.aws.token(execution, 1)
        self.aws.states.send_task_failure(taskToken=first, error="Told", cause="")
        self.assertEqual(self.aws.end(execution)["error"], "Told")
        self.refused(second)

    def test_a_stopped_execution_stops_its_tasks_and_stays_so(self):
        execution = self.aws.start("sleep")
        token = self.aws.token(execution)
        self.aws.states.stop_execution(executionArn=execution)
        self.refused(token)
        self.assertEqual(self.aws.end(execution)["status"], "ABORTED")

    def test_a_failure_after_the_end_changes_nothing(self):
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": self.aws.function, "Payload": "{% $states.input %}"},
            "End": True,
        }
        asked = {"do": "fail later", "key": "stopped/0/0", "token": "none"}
        execution = self.aws.start_state(task, asked)
        until(lambda: self.aws.stored("stopped/0/0"), "the function works")
        self.aws.states.stop_execution(executionArn=execution)
        self.aws.objects.put_object(Bucket="tokens", Key="stopped/0/0/go", Body="")

        def failed():
            history = self.aws.states.get_execution_history(executionArn=execution)["events"]
            return any(event["type"] == "TaskFailed" for event in history)

        until(failed, "the task has failed")
        self.assertEqual(self.aws.end(execution)["status"], "ABORTED")

    def test_a_task_s_time_may_be_an_expression(self):
        execution = self.aws.start("sleep", TimeoutSeconds="{% $states.input.seconds %}")
        self.assertEqual(self.aws.end(execution)["error"], "States.Timeout")

    def test_a_throttled_function_is_told_apart(self):
        throttled = {"FunctionName": "does-as-told", "ReservedConcurrentExecutions": 0}
        self.aws.functions.put_function_concurrency(**throttled)
        self.addCleanup(self.aws.functions.delete_function_concurrency, FunctionName="does-as-told")
        ended = self.aws.end(self.aws.start("answer"))
        self.assertEqual(ended["error"], "Lambda.TooManyRequestsException")

    def test_a_template_reserves_a_function_s_concurrency(self):
        stacks = self.aws.client("cloudformation")
        for number in (3, 2):
            template = {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {
                "FunctionName": "reserved",
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "Role": f"arn:aws:iam::{ACCOUNT}:role/answers",
                "Code": {"ZipFile": FUNCTION},
                "ReservedConcurrentExecutions": number,
            }}}}
            change = stacks.create_stack if number == 3 else stacks.update_stack
            change(StackName="reserves", TemplateBody=json.dumps(template))

            def reserved():
                try:
                    answer = self.aws.functions.get_function_concurrency(FunctionName="reserved")
                    return answer.get("ReservedConcurrentExecutions") == number
                except ClientError:
                    return False

            until(reserved, f"{number} are reserved")


class Ending(unittest.TestCase):
    def test_the_local_aws_ends_while_tasks_sleep(self):
        aws = LocalAws()
        aws.token(aws.start("sleep"))
        self.assertTrue(aws.stop(), "it had to be killed")


if __name__ == "__main__":
    unittest.main()
