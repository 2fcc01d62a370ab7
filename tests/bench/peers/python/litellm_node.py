"""The node of the event in Python: LiteLLM, with its SDK alone (no proxy)."""

import os
import re

import litellm

import credential
import runtime


def render(template, context):
    return re.sub(r"\{\{(\w+)\}\}", lambda name: str(context[name[1]]), template)


def handler(event):
    node, context = event["node"], event["context"]
    chunks = litellm.completion(
        model=f"openrouter/{node['model']}",
        api_key=credential.key(node["credential"]),
        api_base=os.environ["OPENROUTER_BASE_URL"],
        messages=[
            {"role": "system", "content": render(node["systemPrompt"], context)},
            {"role": "user", "content": render(node["userPrompt"], context)},
        ],
        max_tokens=4096,
        stream=True,
        stream_options={"include_usage": True},
    )
    text, usage = "", None
    for chunk in chunks:
        text += chunk.choices[0].delta.content or "" if chunk.choices else ""
        usage = getattr(chunk, "usage", None) or usage
    return {"text": text, "usage": usage.model_dump(), "costUsd": f"{usage.cost:.7f}"}


runtime.serve(handler)
