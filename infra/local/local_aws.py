"""Starts the local AWS (ministack). Its port and the rest come from the environment that stack.py gives it."""

import json
import socketserver
import string

import yaml
from ministack import app
from ministack.core import iam_actions
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

# AWS asks a role about a schedule in its own group, ministack always about one in the default group.
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

app.main()
