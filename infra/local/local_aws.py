"""Starts the local AWS (ministack). Its port and the rest come from the environment that stack.py gives it."""

import contextvars
import json
import socketserver
import string
import threading
import time
import uuid

import authorized_calls
import function_logs
import function_urls
import leading_keys
import step_functions  # noqa: F401
import yaml
from ministack import app
from ministack.core import iam_actions
from ministack.core.responses import error_response_json, json_response
from ministack.services import lambda_svc, secretsmanager
from ministack.services.cloudformation import provisioners

# Without this every call of a function waits some 40 ms for a delayed acknowledgement.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

# AWS takes a state machine's definition as JSON or YAML, ministack as JSON only.
read_definition = provisioners._sfn_definition
provisioners._sfn_definition = lambda properties: json.dumps(yaml.safe_load(read_definition(properties)))

# AWS leaves punctuation out of a generated secret when told to, ministack only single characters.
make_secret = provisioners._sm_secret_string


def make_secret_as_told(properties):
    generate = dict(properties.get("GenerateSecretString") or {})
    if str(generate.get("ExcludePunctuation")).lower() == "true":
        generate["ExcludeCharacters"] = generate.get("ExcludeCharacters", "") + string.punctuation
    return make_secret({**properties, "GenerateSecretString": generate})


provisioners._sm_secret_string = make_secret_as_told

# AWS reads what a parameter of type Number gives as a number, ministack keeps it as a text, and compares it with numbers.
batches_at_once = lambda_svc._sqs_esm_concurrency


def batches_at_once_as_number(mapping, *rest, **named):
    scaling = mapping.get("ScalingConfig") or {}
    if "MaximumConcurrency" in scaling:
        scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
    return batches_at_once(mapping, *rest, **named)


lambda_svc._sqs_esm_concurrency = batches_at_once_as_number

# AWS checks a role's right to the schedule in its own group, ministack always in the default group.
resource_arn = iam_actions.extract_resource_arn


def resource_arn_in_group(service, method, path, headers, body, query_params, *place):
    arn = resource_arn(service, method, path, headers, body, query_params, *place)
    if service == "scheduler" and ":schedule/default/" in arn:
        asked = query_params if method in ("GET", "DELETE") else json.loads(body or b"{}")
        group = asked.get("groupName") or asked.get("GroupName") or "default"
        group = group[0] if isinstance(group, list) else group
        arn = arn.replace(":schedule/default/", f":schedule/{group}/")
    return arn


iam_actions.extract_resource_arn = resource_arn_in_group

# AWS has a secret's rotation function make, test and finish the new version, and can be told to stop rotating. ministack
# makes the old value current once more, calls nobody, and knows no CancelRotateSecret.
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
handle_secrets = secretsmanager.handle_request


async def handle_secrets_and_rotation(method, path, headers, body, query_params):
    action = headers.get("x-amz-target", "").split(".")[-1]
    if action not in ("RotateSecret", "CancelRotateSecret"):
        return await handle_secrets(method, path, headers, body, query_params)
    asked = json.loads(body or b"{}")
    _, secret = secretsmanager._resolve(asked.get("SecretId"))
    if not secret:
        return error_response_json("ResourceNotFoundException", "Secrets Manager can't find the specified secret.", 400)
    if secret.get("DeletedDate"):
        return error_response_json("InvalidRequestException", "The secret was marked for deletion.", 400)
    answer = {"ARN": secret["ARN"], "Name": secret["Name"]}
    if action == "CancelRotateSecret":
        secret["RotationEnabled"] = False
        return json_response(answer)
    current, _ = secretsmanager._find_stage_version(secret, "AWSCURRENT")
    pending, _ = secretsmanager._find_stage_version(secret, "AWSPENDING")
    if pending not in (None, current):
        return error_response_json("InvalidRequestException", "A previous rotation isn't complete.", 400)
    function = asked.get("RotationLambdaARN") or secret.get("RotationLambdaARN")
    if not function:
        return error_response_json("InvalidRequestException", "No Lambda rotation function ARN is given.", 400)
    secret["RotationLambdaARN"] = function
    secret["RotationRules"] = asked.get("RotationRules") or secret.get("RotationRules")
    secret["RotationEnabled"] = True
    token = asked.get("ClientRequestToken") or str(uuid.uuid4())
    # The version is empty until the function puts something into it.
    empty = {"SecretString": None, "SecretBinary": None, "CreatedDate": int(time.time()), "Stages": ["AWSPENDING"]}
    secret["Versions"][token] = empty
    now = asked.get("RotateImmediately", True)
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(rotate, secret, function, token, now), daemon=True).start()
    return json_response(answer | {"VersionId": token})


def rotate(secret, function, token, now):
    """Where no rotation is due now, AWS only tries out the function's test step, and removes the empty version again."""
    record, configuration, _ = lambda_svc._get_func_record_for_ref_in_scope(function)
    execution = lambda_svc._execution_record_for_config(record, configuration)
    for step in STEPS if now else ("testSecret",):
        event = {"SecretId": secret["ARN"], "ClientRequestToken": token, "Step": step}
        if lambda_svc._execute_function_with_config_scope(execution, event).get("error"):
            break
    if not now:
        secret["Versions"].pop(token, None)


secretsmanager.handle_request = handle_secrets_and_rotation

function_logs.install()
function_urls.install()

# In this order, so that the calls that are written down have the condition key.
authorized_calls.install()
leading_keys.install()

app.main()
