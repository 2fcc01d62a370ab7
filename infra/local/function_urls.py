"""Function URLs that stream: AWS hands the answer of a function on as it comes, ministack once it is whole."""

import asyncio
import contextvars
import json
import os
import re

from ministack.core import lambda_runtime
from ministack.core.responses import StreamingResponse
from ministack.services import lambda_svc

# Takes a piece of the answer of the invocation that this task waits for.
TAKES_PIECES = contextvars.ContextVar("takes_pieces", default=None)
# The same by the id of the invocation, for the thread that the function answers to.
STREAMS = {}
# What stands between the answer's status with its headers, and its body.
END_OF_PRELUDE = b"\0" * 8


def install():
    """Makes function URLs with `InvokeMode: RESPONSE_STREAM` stream, and gives out addresses that work here."""
    worker = lambda_runtime.ProvidedWorker
    worker.invoke = invoke_and_stream(worker.invoke)
    worker._build_handler_class = runtime_api_that_streams(worker._build_handler_class)
    lambda_svc.handle_function_url_request = answer_in_pieces(lambda_svc.handle_function_url_request)
    lambda_svc._create_function_url_config = url_of_here(lambda_svc._create_function_url_config)
    lambda_svc._function_url_id = lambda url: url.rstrip("/").rsplit("/", 1)[-1].split(".")[0]


def invoke_and_stream(invoke):
    def invoked(worker, event, request_id, **more):
        STREAMS[request_id] = TAKES_PIECES.get()
        try:
            return invoke(worker, event, request_id, **more)
        finally:
            STREAMS.pop(request_id, None)

    return invoked


def runtime_api_that_streams(build):
    """The Runtime API, whose reader of bodies hands the pieces of a streamed answer on."""

    def built(worker, generation, pending):
        handler = build(worker, generation, pending)
        whole_body = handler._read_body

        def read_body(self):
            answers = re.search(r"/invocation/([^/]+)/response$", self.path)
            take = answers and STREAMS.get(answers[1])
            if not take or self.headers.get("Lambda-Runtime-Function-Response-Mode") != "streaming":
                return whole_body(self)
            while size := int(self.rfile.readline(), 16):
                take(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass  # trailers
            return b"null"

        handler._read_body = read_body
        return handler

    return built


def answer_in_pieces(answer):
    async def answered(url_id, method, path, headers, *rest, resolved=None, source_ip=None):
        config = resolved[4] if resolved else {}
        pieces, loop = asyncio.Queue(), asyncio.get_running_loop()
        if config.get("InvokeMode") == "RESPONSE_STREAM":
            TAKES_PIECES.set(lambda piece: loop.call_soon_threadsafe(pieces.put_nowait, piece))
        asked = answer(url_id, method, path, headers, *rest, resolved=resolved, source_ip=source_ip)
        whole = asyncio.ensure_future(asked)
        whole.add_done_callback(lambda _: pieces.put_nowait(None))
        begun = b""
        while END_OF_PRELUDE not in begun:
            piece = await pieces.get()
            if piece is None:
                # It failed, or was not streamed.
                return await whole
            begun += piece
        prelude, _, body = begun.partition(END_OF_PRELUDE)
        prelude = json.loads(prelude)
        sent = dict(prelude.get("headers") or {}) | lambda_svc._function_url_cors_headers(config, headers)

        async def send_pieces(send, _):
            piece = body
            while piece is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await pieces.get()
            # The answer of a function that died stays cut, as on AWS.
            if (await whole)[0] < 500:
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        return prelude["statusCode"], sent, StreamingResponse(send_pieces)

    return answered


def url_of_here(create):
    """ministack's own address is a name that no resolver knows."""

    def created(*given):
        made = create(*given)
        if made[0] == 201:
            config = lambda_svc._function_urls[lambda_svc._url_config_key(given[0], given[2])]
            url_id = lambda_svc._function_url_id(config["FunctionUrl"])
            config["FunctionUrl"] = f"{os.environ['AWS_ENDPOINT_URL']}/_aws/lambda-url/{url_id}/"
            made = made[0], made[1], json.dumps(config).encode()
        return made

    return created
