"""The state machine of run-workflow.asl.yaml in LocalStack's Step Functions engine, in this process.

The engine is another's: it was written against what AWS answered, and shares no code with the local AWS. What both do with
the definition is likely to be what AWS does. Where the engine itself departs from AWS, or takes too long, it is mended here:

- JSONata is evaluated by its reference implementation. LocalStack starts a Java machine for it.
- Each try of a task has a token of its own. In LocalStack all tries of a task have the first one's.
- A token that was answered, or whose try is over, is refused. LocalStack takes an answer to it and drops it.
- The pauses between tries are cut to PAUSE seconds. `pauses` holds what they would have been.
"""

import datetime
import itertools
import json
import logging
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import yaml


def give_module(name, **content):
    """A module in place of one that the engine imports and that would import half of LocalStack."""
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(content)


def json_of(value, separators=None):
    return json.dumps(value, separators=separators, default=str)


give_module("jpype")
give_module("jpype.imports")
give_module("localstack.services.stepfunctions.packages", jpype_jsonata_package=None)
give_module("localstack.services.events.utils", to_json_str=json_of)

from botocore.exceptions import ClientError  # noqa: E402
from localstack.services.stepfunctions.asl.component.common.retry import retrier_decl  # noqa: E402
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task import lambda_eval_utils  # noqa: E402
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_lambda import (  # noqa: E402
    StateTaskServiceLambda,
)
from localstack.services.stepfunctions.asl.eval.callback.callback import (  # noqa: E402
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)
from localstack.services.stepfunctions.asl.eval.evaluation_details import (  # noqa: E402
    AWSExecutionDetails,
    EvaluationDetails,
    ExecutionDetails,
    StateMachineDetails,
)
from localstack.services.stepfunctions.asl.jsonata import jsonata  # noqa: E402
from localstack.services.stepfunctions.backend.execution_worker import SyncExecutionWorker  # noqa: E402

HERE = Path(__file__).resolve().parent
DEFINITION = HERE.parents[1] / "run-workflow.asl.yaml"
REGION, ACCOUNT = "us-east-1", "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/run-workflow"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:run-workflow"
EXECUTION = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:run-workflow"

# Seconds between two tries, and what the definition asked for each time.
PAUSE = 0.02
pauses = []

# The engine logs each failure that a test brings about.
logging.getLogger("localstack").setLevel(logging.CRITICAL + 1)


# ---- What the engine is given


class Jsonata:
    """A process of Node.js that evaluates expressions."""

    def __init__(self):
        self.lock = threading.Lock()
        command = ["node", str(HERE / "jsonata.js")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def evaluate(self, expression):
        with self.lock:
            self.process.stdin.write(json.dumps(expression) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the process that evaluates JSONata has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise jsonata.JSONataException("UNKNOWN", answer["error"])
        return answer["value"]


def pause(seconds):
    pauses.append(seconds)
    time.sleep(PAUSE)


def evaluate_with_a_token_of_its_own(task, env):
    context = env.states.context_object
    if context.context_object_data["State"]["RetryCount"]:
        env.callback_pool_manager.add(context.update_task_token())
    evaluate(task, env)


def invoke(parameters, region, state_credentials):
    """Lambda's Invoke."""
    answer = EXECUTIONS[parameters["FunctionName"]].invoke(json.loads(parameters["Payload"]))
    return {"StatusCode": 200, "ExecutedVersion": "$LATEST"} | answer


jsonata._eval_jsonata = Jsonata().evaluate
retrier_decl.time = types.SimpleNamespace(sleep=pause)
lambda_eval_utils._invoke_lambda_function = invoke
evaluate = StateTaskServiceLambda._evaluate_with_timeout
StateTaskServiceLambda._evaluate_with_timeout = evaluate_with_a_token_of_its_own


# ---- Executions

# By the function's ARN: each execution has a function of its own.
EXECUTIONS = {}
serial = itertools.count(1)

ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut")

# What Lambda answers itself, without calling the function.
OF_LAMBDA = {
    "Lambda.TooManyRequestsException": 429,
    "Lambda.ClientExecutionTimeoutException": 500,
    "Lambda.ServiceException": 500,
    "Lambda.AWSLambdaException": 500,
    "Lambda.SdkClientException": 500,
}


def definition(function="arn"):
    """The definition that is shipped, with this function's ARN filled in."""
    text = DEFINITION.read_text().replace("${ExecuteNodeFunctionArn}", function)
    if "${" in text:
        raise ValueError(f"{DEFINITION} has a substitution that is not known here: fill it in as template.yaml does")
    return yaml.safe_load(text)


class Failure(Exception):
    """An invocation fails under the name that Step Functions gives to it."""


class Execution:
    """An execution of the definition. Each task calls `function` with this execution and the task's payload."""

    def __init__(self, function, lanes, part=1):
        name = f"run-{next(serial)}"
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        now = datetime.datetime.now(datetime.UTC).isoformat()
        details = EvaluationDetails(
            AWSExecutionDetails(ACCOUNT, REGION, ROLE),
            ExecutionDetails(f"{EXECUTION}:{name}", name, ROLE, {"runId": name, "take": 1, "part": part, "lanes": lanes}, now),
            StateMachineDetails(MACHINE, "run-workflow", "STANDARD", json.dumps(definition(arn))),
        )
        self.function = function
        # Tokens that wait for an answer.
        self.open = set()
        self.lock = threading.Lock()
        self.worker = SyncExecutionWorker(details, types.SimpleNamespace(terminated=lambda: None), None, {})
        EXECUTIONS[arn] = self
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        began = time.monotonic()
        self.worker.start()
        self.seconds = time.monotonic() - began

    def invoke(self, payload):
        """One try of a task: what Lambda's Invoke answers."""
        with self.lock:
            self.open.add(payload["token"])
        try:
            self.function(self, payload)
        except Failure as failure:
            name = str(failure)
            # The try is over, even where the function had answered: the failure wins.
            with self.lock:
                self.open.discard(payload["token"])
            if name in OF_LAMBDA:
                raise refusal(name) from None
            return {"FunctionError": "Unhandled", "Payload": {"errorType": name, "errorMessage": "as the test says"}}
        return {"Payload": None}

    def succeed(self, token, output):
        """SendTaskSuccess. False where AWS would refuse the token."""
        return self.answer(CallbackOutcomeSuccess(token, json.dumps(output)))

    def fail(self, token, error, cause=""):
        """SendTaskFailure. False where AWS would refuse the token."""
        return self.answer(CallbackOutcomeFailure(token, error, cause))

    def answer(self, outcome):
        with self.lock:
            if outcome.callback_id not in self.open:
                return False
            self.open.remove(outcome.callback_id)
            return self.pool().notify(outcome.callback_id, outcome)

    def pool(self):
        """The engine's own tokens."""
        return self.worker.env.callback_pool_manager

    def wait(self, seconds=30):
        """Waits for the end, and gives its event: its `type`, and the details under a key of that type."""
        self.thread.join(seconds)
        if self.thread.is_alive():
            raise AssertionError(f"the execution has not ended after {seconds} s")
        if self.worker.env is None:
            raise AssertionError("the engine refuses the definition: its message stands above")
        self.events = self.worker.env.event_manager.get_event_history()
        # What sleeps in it would sleep on for as long as this process runs.
        for endpoint in list(self.pool()._pool.values()):
            endpoint.interrupt_all()
        return next(event for event in self.events if event["type"] in ENDS)

    def states_entered(self):
        return sum(event["type"].endswith("StateEntered") for event in self.events)


def refusal(name):
    answer = {
        "Error": {"Code": name.removeprefix("Lambda."), "Message": "as the test says"},
        "ResponseMetadata": {"HTTPStatusCode": OF_LAMBDA[name], "RequestId": "none"},
    }
    return ClientError(answer, "Invoke")
