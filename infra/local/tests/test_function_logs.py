"""The local AWS's logs can be read to their end, and each stream names its function. Needs the stack of `make test`."""

import os
import time
import unittest
import uuid

import boto3

STACK = os.environ.get("STACK_NAME")


class FunctionLogs(unittest.TestCase):
    def setUp(self):
        self.logs = boto3.client("logs")

    def events(self, group):
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event for page in pages for event in page["events"]]

    def test_more_events_than_a_page_holds_are_read(self):
        group, now = f"events-{uuid.uuid4().hex}", int(time.time() * 1000)
        self.logs.create_log_group(logGroupName=group)
        self.addCleanup(self.logs.delete_log_group, logGroupName=group)
        self.logs.create_log_stream(logGroupName=group, logStreamName="all")
        # Four of them are of the same moment each time.
        events = [{"timestamp": now + number // 4, "message": str(number)} for number in range(10_006)]
        for batch in (events[:6_000], events[6_000:]):
            self.logs.put_log_events(logGroupName=group, logStreamName="all", logEvents=batch)
        self.assertEqual([event["message"] for event in self.events(group)], [one["message"] for one in events])

    def test_a_stream_of_the_shared_log_group_has_its_functions_name(self):
        function = f"{STACK}-reference"
        boto3.client("lambda").invoke(FunctionName=function, Payload=b"{}")
        streams = {event["logStreamName"] for event in self.events(f"/aws/lambda/{STACK}")}
        self.assertTrue(any(f"/{function}[" in stream for stream in streams), streams)


if __name__ == "__main__":
    unittest.main()
