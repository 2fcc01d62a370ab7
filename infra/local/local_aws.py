"""Starts the local AWS (ministack). Its port and the rest come from the environment that stack.py gives it."""

import json
import socketserver

import yaml
from ministack import app
from ministack.services.cloudformation import provisioners

# Without this every call of a function waits some 40 ms for a delayed acknowledgement.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

# AWS takes a state machine's definition as JSON or YAML, ministack as JSON only.
read_definition = provisioners._sfn_definition
provisioners._sfn_definition = lambda properties: json.dumps(yaml.safe_load(read_definition(properties)))

app.main()
