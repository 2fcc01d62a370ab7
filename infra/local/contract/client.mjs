// OpenRouter's SDK for TypeScript, as a client of the stand-in at BASE.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

const { BASE, KEY, MODEL, SDK } = process.env;
const { exports } = JSON.parse(readFileSync(path.join(SDK, "package.json"), "utf8"));
const entry = exports["."].import?.default ?? exports["."].import ?? exports["."].default;
const { OpenRouter } = await import(path.join(SDK, entry));

const client = (apiKey = KEY) =>
  new OpenRouter({ apiKey, serverURL: BASE, retryConfig: { strategy: "none" } });
const ask = (content, more = {}) => ({
  chatRequest: { model: MODEL, messages: [{ role: "user", content }], stream: false, ...more },
});
const openrouter = client();

test("plain", async () => {
  const answer = await openrouter.chat.send(ask("[[echo]]hello"));
  assert.equal(answer.choices[0].message.content, "hello");
  assert.ok(answer.usage.cost > 0);
});

test("streamed", async () => {
  const stream = await openrouter.chat.send(ask("[[echo]]hello again", { stream: true }));
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), "hello again");
  assert.ok(chunks.at(-1).usage.cost > 0);
});

test("tools", async () => {
  const tools = [{ type: "function", function: { name: "look_up", parameters: { type: "object" } } }];
  const answer = await openrouter.chat.send(ask("[[fault:tool-calls]]", { tools }));
  assert.equal(answer.choices[0].message.toolCalls[0].function.name, "look_up");
});

test("schema", async () => {
  const schema = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
  const responseFormat = { type: "json_schema", jsonSchema: { name: "person", strict: true, schema } };
  const answer = await openrouter.chat.send(ask("who?", { responseFormat }));
  assert.ok(JSON.parse(answer.choices[0].message.content).name);
});

test("models, key, generation", async () => {
  const models = await openrouter.models.list();
  assert.ok(models.result.totalCount > 600);
  const key = await openrouter.apiKeys.getCurrentKeyMetadata();
  assert.equal(key.data.limit, null);
  const answer = await openrouter.chat.send(ask("hi"));
  const generation = await openrouter.generations.getGeneration({ id: answer.id });
  assert.equal(generation.data.totalCost, answer.usage.cost);
});

test("each error status", async () => {
  for (const [status, fault] of Object.entries(JSON.parse(process.env.REFUSALS))) {
    await assert.rejects(openrouter.chat.send(ask(`[[fault:${fault}]]`)), (error) => {
      assert.equal(error.statusCode, Number(status), `${fault}: ${error}`);
      assert.notEqual(error.name, "ResponseValidationError", `${fault}: ${error}`);
      return true;
    });
  }
  await assert.rejects(client("sk-or-v1-wrong").chat.send(ask("hi")), { name: "UnauthorizedResponseError" });
});
