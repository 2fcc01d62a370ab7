"""The node of the event in Python: LangChain with its OpenRouter package."""

import os

from langchain_core.prompts import ChatPromptTemplate
from langchain_openrouter import ChatOpenRouter

import credential
import runtime

models = {}


def model(name, key):
    known = models.get((name, key))
    if known is None:
        known = models[name, key] = ChatOpenRouter(
            model=name,
            api_key=key,
            base_url=os.environ["OPENROUTER_BASE_URL"],
            max_tokens=4096,
            max_retries=0,
            streaming=True,
        )
    return known


def handler(event):
    node = event["node"]
    messages = [("system", node["systemPrompt"]), ("human", node["userPrompt"])]
    prompt = ChatPromptTemplate.from_messages(messages, template_format="mustache")
    answer = model(node["model"], credential.key(node["credential"])).invoke(prompt.invoke(event["context"]))
    return {
        "text": answer.content,
        "usage": answer.usage_metadata,
        "costUsd": f"{answer.response_metadata['cost']:.7f}",
    }


runtime.serve(handler)
