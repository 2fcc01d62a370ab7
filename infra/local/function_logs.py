"""Mends the local AWS's logs: the names of streams in a shared log group, and events past the first 10,000."""

import json
import threading

from ministack.core.responses import json_response
from ministack.services import cloudwatch_logs, lambda_svc

MOST_EVENTS = 10_000


def install():
    lambda_svc._emit_lambda_logs = named_after_function(lambda_svc._emit_lambda_logs)
    cloudwatch_logs._filter_log_events = in_pages(cloudwatch_logs._filter_log_events)


def named_after_function(emit_logs):
    """AWS puts the function's name into the name of a stream in a shared log group, ministack does not."""
    one_at_a_time = threading.Lock()

    def emit(function, *arguments, **options):
        configuration = function.get("config") or function
        group = (configuration.get("LoggingConfig") or {}).get("LogGroup")
        with one_at_a_time:
            emit_logs(function, *arguments, **options)
            streams = cloudwatch_logs._log_groups[group]["streams"] if group in cloudwatch_logs._log_groups else {}
            newest = next(reversed(streams), "")
            if "/[" in newest:
                streams[newest.replace("/[", f"/{configuration['FunctionName']}[", 1)] = streams.pop(newest)

    return emit


def in_pages(filter_log_events):
    """AWS gives events in pages, ministack one page and no more."""

    def page(asked):
        # A token is the time of the last event that was given, and how many of that very time were.
        since, given = map(int, asked.get("nextToken", f"{asked.get('startTime', 0)}/0").split("/"))
        status, headers, body = filter_log_events(asked | {"startTime": since})
        if status != 200:
            return status, headers, body
        events = json.loads(body)["events"]
        answer = {"events": events[given:], "searchedLogStreams": []}
        if answer["events"] and len(events) >= min(asked.get("limit", MOST_EVENTS), MOST_EVENTS):
            last = events[-1]["timestamp"]
            answer["nextToken"] = f"{last}/{sum(event['timestamp'] == last for event in events)}"
        return json_response(answer)

    return page
