"""Mends the local AWS's Step Functions, and what CloudFormation and IAM make of it, where they depart from AWS."""

import contextvars
import json
import queue
import threading
import time

from ministack.core import iam_actions
from ministack.core.responses import error_response_json, json_response, new_uuid
from ministack.services import lambda_svc
from ministack.services import stepfunctions as sfn
from ministack.services.cloudformation import provisioners

# ---- What runs, and how it is told to end

# The scope that this thread works for; a function that an execution invokes runs in a thread of its own.
SCOPE = contextvars.ContextVar("scope")
# The scope of each execution that runs, by its ARN.
EXECUTIONS = {}


class Stopped(SystemExit):
    """Ends a thread whose execution or Map has ended. Neither Retry nor Catch sees it, and threading prints nothing."""


class Scope:
    """All that runs for an execution, or for one try of a Map in it. When it ends, what sleeps in it ends too."""

    def __init__(self, execution, parent=None):
        self.execution = execution
        self.parent = parent
        self.ended = False
        self.changed = parent.changed if parent else threading.Condition()

    def is_over(self):
        if self.ended or self.execution["status"] != "RUNNING":
            return True
        return self.parent is not None and self.parent.is_over()

    def tell(self, change=lambda: None):
        """Makes a change and wakes whoever waits for one."""
        with self.changed:
            change()
            self.changed.notify_all()

    def end(self):
        self.tell(lambda: setattr(self, "ended", True))

    def wait_until(self, ready, seconds=None):
        """Waits until `ready`, or for so many seconds. False if it is still not ready then."""
        with self.changed:
            in_time = self.changed.wait_for(lambda: self.is_over() or ready(), seconds)
            if self.is_over():
                raise Stopped
            return in_time


run_execution = sfn._run_execution


def run_execution_in_scope(arn):
    execution = sfn._executions.get(arn)
    if execution is None:
        return
    EXECUTIONS[arn] = Scope(execution)
    SCOPE.set(EXECUTIONS[arn])
    try:
        run_execution(arn)
    finally:
        EXECUTIONS.pop(arn).end()


sfn._run_execution = run_execution_in_scope

# AWS ends at once what runs for a stopped execution. ministack lets it go on to the end.
stop_execution = sfn._stop_execution


def stop_execution_and_what_runs(data):
    answer = stop_execution(data)
    scope = EXECUTIONS.get(data.get("executionArn"))
    if scope:
        scope.tell()
    return answer


sfn._stop_execution = stop_execution_and_what_runs

# On AWS an execution that has ended stays so. In ministack a late failure makes a stopped one a failed one.
fail_execution = sfn._fail_execution


def fail_running_execution(execution, error, cause):
    if execution["status"] == "RUNNING":
        fail_execution(execution, error, cause)


sfn._fail_execution = fail_running_execution


def sleep_in_scope(seconds):
    scaled = seconds * sfn._SFN_WAIT_SCALE
    scope = SCOPE.get(None)
    if scope is None:
        time.sleep(max(scaled, 0))
    elif scaled > 0:
        scope.wait_until(lambda: False, scaled)


sfn._scaled_sleep = sleep_in_scope

# ---- Map

# On AWS a Map fails with its first item that fails, and the others are stopped. ministack waits for all of them, in
# threads that keep its process from ending.
run_map_items = sfn._run_map_items


def run_map_items_until_one_fails(state, raw_input, execution, ctx):
    processor = state.get("ItemProcessor", {})
    distributed = processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED"
    if distributed or sfn._state_query_language(state, ctx) != "JSONata" or SCOPE.get(None) is None:
        return run_map_items(state, raw_input, execution, ctx)
    items = sfn._jsonata_state_field(state, "Items", "array", raw_input, ctx) if "Items" in state else raw_input
    at_once = 0
    if "MaxConcurrency" in state:
        at_once = sfn._jsonata_state_field(state, "MaxConcurrency", "number", raw_input, ctx)
    scope = Scope(execution, parent=SCOPE.get())
    left = queue.SimpleQueue()
    for entry in enumerate(items):
        left.put(entry)
    results, failures = {}, []

    def run_item(index, item):
        item_ctx = sfn.copy.deepcopy(ctx)
        item_ctx["Map"] = {"Item": {"Index": index, "Value": item}}
        chosen = state.get("ItemSelector")
        item_input = sfn._apply_jsonata_template(chosen, raw_input, item_ctx) if chosen else item
        return sfn._run_sub_machine(
            processor.get("States", {}), processor.get("StartAt"), item_input, execution, item_ctx)

    def run_items():
        SCOPE.set(scope)
        try:
            while not scope.is_over():
                index, item = left.get_nowait()
                result = run_item(index, item)
                scope.tell(lambda: results.update({index: result}))
        except queue.Empty:
            pass
        except Exception as error:
            failure = error if isinstance(error, sfn._ExecutionError) else sfn._ExecutionError("States.Runtime", str(error))
            scope.tell(lambda: failures.append(failure))

    for _ in range(min(int(at_once) or len(items), len(items))):
        threading.Thread(target=contextvars.copy_context().run, args=(run_items,), daemon=True).start()
    try:
        scope.wait_until(lambda: failures or len(results) == len(items))
    finally:
        scope.end()
    if failures:
        raise failures[0]
    ordered = [results[index] for index in range(len(items))]
    output = sfn._apply_jsonata_output(state, raw_input, ctx, result=ordered, default=ordered)
    sfn._apply_state_assign(state, raw_input, ctx, result=ordered)
    return output, sfn._next_or_end(state)


sfn._run_map_items = run_map_items_until_one_fails

# ---- Tasks that wait for their token

# The tasks whose token may be answered, and the state machine of every token that there was.
WAITING = {}
MACHINES = {}


class WaitingTask:
    """A function that was invoked with a token, and what has come of both."""

    def __init__(self, scope):
        self.scope = scope
        self.returned = False
        self.failure = None
        self.answer = None

    def may_be_answered(self):
        return not self.scope.is_over() and self.failure is None and self.answer is None


# Each try of such a task has a token of its own on AWS. In ministack all have the first one's, and an answer to the try
# before is lost.
apply_arguments = sfn._apply_jsonata_arguments


def apply_arguments_with_new_token(state, raw_input, ctx=None):
    if ".waitForTaskToken" in state.get("Resource", ""):
        ctx["Task"] = {"Token": new_uuid()}
    return apply_arguments(state, raw_input, ctx)


sfn._apply_jsonata_arguments = apply_arguments_with_new_token

# AWS waits for the function, fails the task if the function fails or dies, and only then waits for the token. ministack
# does not look at how the function ended.
invoke_with_callback = sfn._invoke_with_callback


def invoke_function_with_callback(resource, asked, token, state):
    if not resource.startswith("arn:aws:states:::lambda:invoke") or SCOPE.get(None) is None:
        return invoke_with_callback(resource, asked, token, state)
    scope = SCOPE.get()
    function = sfn._resolve_lambda_function_ref(asked.get("FunctionName", ""), optimized=True)
    task = WaitingTask(scope)
    WAITING[token] = task
    MACHINES[token] = scope.execution["stateMachineArn"]

    def call():
        failure = None
        try:
            sfn._call_lambda(function, asked.get("Payload", {}))
        except sfn._ExecutionError as error:
            failure = error
        except Exception as error:
            failure = sfn._ExecutionError("Lambda.Unknown", str(error))
        scope.tell(lambda: task.__dict__.update(returned=True, failure=failure))

    threading.Thread(target=contextvars.copy_context().run, args=(call,), daemon=True).start()
    # Under the lock, so that no answer is accepted once the task has timed out.
    with scope.changed:
        try:
            ended = lambda: task.failure or (task.returned and task.answer)
            in_time = scope.wait_until(ended, state.get("TimeoutSeconds"))
        finally:
            WAITING.pop(token)
    if not in_time:
        raise sfn._ExecutionError("States.Timeout", "")
    if task.failure:
        raise task.failure
    failed, answer = task.answer
    if failed:
        raise sfn._ExecutionError(answer.get("error", ""), answer.get("cause", ""))
    return json.loads(answer.get("output", "{}"))


sfn._invoke_with_callback = invoke_function_with_callback


def answer_token(unpatched, failed):
    """SendTaskSuccess or SendTaskFailure. The first answer counts. Later ones are refused, and so is every answer once the
    task or its execution has ended, as on AWS.
    """

    def answer(data):
        token = data.get("taskToken")
        task = WAITING.get(token)
        if task is None and token not in MACHINES:
            return unpatched(data)
        if task:
            with task.scope.changed:
                if token in WAITING and task.may_be_answered():
                    task.scope.tell(lambda: setattr(task, "answer", (failed, data)))
                    return json_response({})
        return error_response_json("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'", 400)

    return answer


sfn._send_task_success = answer_token(sfn._send_task_success, False)
sfn._send_task_failure = answer_token(sfn._send_task_failure, True)

# TimeoutSeconds may be an expression on AWS. In ministack it is a number.
execute_task = sfn._execute_task


def execute_task_in_time(state, raw_input, execution, ctx):
    scope = SCOPE.get(None)
    if scope and scope.is_over():
        raise Stopped
    if isinstance(state.get("TimeoutSeconds"), str):
        seconds = sfn._jsonata_state_field(state, "TimeoutSeconds", "number", raw_input, ctx)
        state = state | {"TimeoutSeconds": seconds}
    return execute_task(state, raw_input, execution, ctx)


sfn._execute_task = execute_task_in_time

# AWS asks a role that answers a token about the token's state machine, ministack about every resource.
resource_arn = iam_actions.extract_resource_arn


def resource_arn_of_token(service, method, path, headers, body, *place):
    if service == "states":
        machine = MACHINES.get(json.loads(body or b"{}").get("taskToken"))
        if machine:
            return machine
    return resource_arn(service, method, path, headers, body, *place)


iam_actions.extract_resource_arn = resource_arn_of_token

# ---- Throttled functions

# A function that is throttled fails its task as Lambda.TooManyRequestsException, in ministack as Lambda.Unknown.
call_lambda = sfn._call_lambda


def call_lambda_that_may_be_throttled(function, event):
    try:
        return call_lambda(function, event)
    except sfn._ExecutionError as error:
        if error.error == "Lambda.Unknown" and '"TooManyRequestsException"' in error.cause:
            raise sfn._ExecutionError("Lambda.TooManyRequestsException", "Rate Exceeded.") from None
        raise


sfn._call_lambda = call_lambda_that_may_be_throttled


def with_reserved_concurrency(provision, properties_at):
    """CloudFormation reserves a function's concurrency where the template says so; ministack leaves it out."""

    def provision_and_reserve(*arguments, **named):
        made = provision(*arguments, **named)
        reserved = arguments[properties_at].get("ReservedConcurrentExecutions")
        lambda_svc._functions[made[0]]["concurrency"] = None if reserved is None else int(reserved)
        return made

    return provision_and_reserve


handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
handlers["create"] = with_reserved_concurrency(handlers["create"], 1)
handlers["update"] = with_reserved_concurrency(handlers["update"], 2)
