"""The key of a credential, from Secrets Manager, or from memory where it was read in the last minutes."""

import json
import time

import boto3

CACHE_SECONDS = 300

client = boto3.client("secretsmanager")
keys = {}


def key(credential):
    known = keys.get(credential)
    if known and time.monotonic() - known[1] < CACHE_SECONDS:
        return known[0]
    secret = client.get_secret_value(SecretId=f"bench/{credential}")
    keys[credential] = (json.loads(secret["SecretString"])["apiKey"], time.monotonic())
    return keys[credential][0]
