// What needs no browser: the layout of graphs, templates, differences, amounts.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { build } from "esbuild";

async function load(name) {
  const made = await build({ entryPoints: [join(import.meta.dirname, "../src", name)], bundle: true, format: "esm", write: false });
  return import(`data:text/javascript;base64,${Buffer.from(made.outputFiles[0].text).toString("base64")}`);
}

const { layout, step } = await load("layout.ts");
const { needsOf, namesFor, pieces, reads, suggestions, take } = await load("template.ts");
const { close, diff } = await load("diff.ts");
const { lasting, money, sum } = await load("words.ts");
const { tidy } = await load("tidy.ts");
Object.assign(globalThis, { location: { href: "http://x/console" } });
const { byDay, byPart, csv, dayOf, daysBefore, everyDay, isDay, roundUp, stacks, total } = await load("costs.ts");
const { apply, frames } = await load("live.ts");

test("a node stands behind all that it waits for, and 500 nodes are laid out at once", () => {
  const nodes = Array.from({ length: 500 }, (_, place) => ({ id: `n${place}`, needs: [place - 1, place - 9, place - 20].filter((need) => need >= 0 && place % 7).map((need) => `n${need}`) }));
  const begun = performance.now();
  const drawing = layout(nodes);
  assert(performance.now() - begun < 500);
  for (const { id, needs } of nodes) for (const need of needs) assert(drawing.at.get(need).layer < drawing.at.get(id).layer);
  const places = new Set([...drawing.at.values()].map(({ x, y }) => `${x} ${y}`));
  assert.equal(places.size, 500);
});

test("a circle and an unknown need do no harm, and a chain of 500 is no reason to fail", () => {
  assert.equal(layout([{ id: "a", needs: ["b", "x"] }, { id: "b", needs: ["a"] }]).at.size, 2);
  assert.equal(layout([]).at.size, 0);
  const chain = Array.from({ length: 500 }, (_, place) => ({ id: `${place}`, needs: place < 499 ? [`${place + 1}`] : [] }));
  assert.equal(layout(chain).layers.length, 500);
});

test("arrows walk layers and rows", () => {
  const nodes = [{ id: "a", needs: [] }, { id: "b", needs: ["a"] }, { id: "c", needs: ["a"] }];
  const wide = layout(nodes);
  assert.equal(step(wide, "a", "ArrowRight"), "b");
  assert.equal(step(wide, "b", "ArrowDown"), "c");
  assert.equal(step(wide, "a", "ArrowLeft"), "a");
  assert.equal(step(wide, "a", "x"), null);
  assert.equal(step(layout(nodes, true), "a", "ArrowDown"), "b");
});

test("what a template reads is what stands first in its paths", () => {
  assert.deepEqual([...reads('{{a.text}} {{#if (eq b.json.x "c d")}}{{../d}}{{/if}} \\{{no}} {{{e}}} {{default f "g"}} {{this.h}}')], ["a", "b", "d", "e", "f", "h"]);
  const nodes = [{ variableName: "a" }, { variableName: "b", userPrompt: "{{a.text}}", onError: { fallback: "c" } }, { variableName: "c", dependsOn: ["a"] }];
  assert.deepEqual(nodes.map((one) => needsOf(one, nodes)), [[], ["a"], ["a", "b"]]);
  const names = namesFor(nodes[0], nodes, { properties: { topic: {} } }).map(({ name }) => name);
  assert(names.includes("topic") && !names.some((name) => /^[bc]/.test(name)), "what waits for it is not offered");
});

test("names are offered behind two braces only, and a taken one is closed once", () => {
  const names = [{ name: "post.text", about: "" }, { name: "topic", about: "" }];
  assert.equal(suggestions("{{po", 4, names).list[0].name, "post.text");
  for (const text of ["po", "{{a}} po", "\\{{po", "https://x/po"]) assert.equal(suggestions(text, text.length, names), null, text);
  assert.deepEqual(take("x {{po", 6, 4, "post.text"), { text: "x {{post.text}}", caret: 15 });
  assert.deepEqual(take("x {{po }} y", 6, 4, "post.text"), { text: "x {{post.text }} y", caret: 16 });
  assert.deepEqual(pieces("a {{b}} c").map(({ isTag }) => isTag), [false, true, false]);
});

test("a difference has all lines of both", () => {
  for (let round = 0; round < 300; round++) {
    const text = () => Array.from({ length: Math.floor(Math.random() * 12) }, () => "abc"[Math.floor(Math.random() * 3)]).join("\n");
    const [before, after] = [text(), text()];
    const lines = diff(before, after);
    assert.equal(lines.filter(({ kind }) => kind !== "in").map((line) => line.text).join("\n"), before);
    assert.equal(lines.filter(({ kind }) => kind !== "out").map((line) => line.text).join("\n"), after);
  }
  assert.deepEqual(close(diff("a\nb", "a\nb")), [{ kind: "gap", text: "2 equal lines" }]);
});

test("amounts are exact", () => {
  assert.equal(sum(["0.1", "0.2", "0.00000000000000007"]), "0.300000000000000070");
  assert.equal(money(sum(["0.1", "0.2"])), "$0.30");
  assert.equal(sum(["0.1", null]), null);
  assert.equal(money("0.00036"), "$0.00036");
  assert.equal(money("25"), "$25");
  assert.equal(money(null), "unknown");
  assert.equal(lasting(61_000), "1 min 1 s");
  assert.equal(lasting(59_999), "1 min 0 s");
});

test("a stored document is shown as one writes it, and loses nothing that was said", () => {
  const stored = { nodes: [{ credential: "c", id: "a", model: "m", operation: "chat", retry: { maxAttempts: 5 }, type: "openrouter", userPrompt: "u", variableName: "a" }, { id: "x", retry: { maxAttempts: 2 }, type: "set", value: 0, variableName: "y" }], name: "N", limits: { maxConcurrency: 10, timeoutSeconds: 60 } };
  assert.deepEqual(JSON.stringify(tidy(stored)), JSON.stringify({ name: "N", limits: { timeoutSeconds: 60 }, nodes: [{ type: "openrouter", variableName: "a", credential: "c", model: "m", userPrompt: "u" }, { type: "set", id: "x", variableName: "y", value: 0, retry: { maxAttempts: 2 } }] }));
});

test("events are read however they are cut, and a run is what its events say", async () => {
  const said = 'retry: 200\n\nevent: run\nid: A\ndata: {"status":"RUNNING"}\n\n: comment\n\nevent: text\r\nid: B\r\ndata: {"node":"a","attempt":1,"kind":"text","from":0,"text":"Ü<b>"}\r\n\r\nevent: text\ndata: {"node":"a","attempt":1,"kind":"text","from":5,"text":"!"}\n\n';
  const bytes = new TextEncoder().encode(said);
  for (const size of [1, 3, 7, bytes.length]) {
    const body = new ReadableStream({ start: (to) => { for (let at = 0; at < bytes.length; at += size) to.enqueue(bytes.slice(at, at + size)); to.close(); } });
    const all = [];
    for await (const frame of frames(body)) all.push(frame);
    assert.equal(all[0].retry, 200);
    const told = all.filter(({ data }) => data);
    assert.deepEqual(told.map(({ event, id }) => [event, id]), [["run", "A"], ["text", "B"], ["text", undefined]]);
    const begun = { status: "RUNNING", nodes: [{ id: "a", attempts: [], output: null, status: "PENDING" }] };
    const run = told.reduce((run, { event, data }) => apply(run, event, JSON.parse(data)), begun);
    assert.deepEqual(run.nodes[0].live, { attempt: 1, text: "Ü<b>!", reasoning: "" });
    const again = apply(run, "text", { node: "a", attempt: 2, kind: "text", from: 0, text: "new" });
    assert.equal(again.nodes[0].live.text, "new");
    const done = apply(again, "nodes", { nodes: [{ node: "a", status: "SUCCEEDED", attempt: 2, startedAt: "2026-11-26T15:00:00.000Z", endedAt: "2026-11-26T15:00:01.000Z", costUsd: "0.1" }, { node: "unknown", status: "RUNNING" }] });
    assert.equal(done.nodes[0].attempts.length, 2);
    assert.equal(done.nodes[0].costUsd, "0.1");
    assert(done.nodes[0].isOlder);
    assert.equal(apply(done, "end", { status: "SUCCEEDED" }).status, "SUCCEEDED");
    assert.equal(apply(done, "something new", {}), done);
  }
});

test("costs are added up to the last digit, and days are days of UTC", () => {
  const row = (day, model, costUsd, unknown = 0) => ({ day, model, costUsd, unknown });
  const rows = [row("2026-11-25", "a/b", "0.1"), row("2026-11-25", "c/d", "0.000000000001"), row("2026-11-26", "a/b", "0.2", 1), row("2026-11-26", undefined, "3")];
  assert.deepEqual(byPart(rows).map(({ key, usd, unknown }) => [key, money(usd), unknown]), [["", "$3.00", 0], ["a/b", "$0.30", 1], ["c/d", "$0.000000000001", 0]]);
  assert.equal(money(byDay(rows).get("2026-11-25").usd), "$0.100000000001");
  assert.equal(money(total(rows).usd), "$3.300000000001");
  assert.deepEqual(everyDay("2024-02-28", "2024-03-01"), ["2024-02-28", "2024-02-29", "2024-03-01"]);
  assert.equal(daysBefore("2026-01-01", 2), "2025-12-31");
  assert.equal(dayOf(Date.parse("2026-11-26T23:59:59.999Z")), "2026-11-26");
  for (const wrong of [null, "", "2026-02-30", "2026-1-1", "today"]) assert(!isDay(wrong), wrong);
  const heights = stacks(rows, everyDay("2026-11-24", "2026-11-26"), byPart(rows));
  assert.deepEqual(heights.map((day) => day.filter(Boolean)), [[], [0.1, 1e-12], [3, 0.2]]);
  const many = Array.from({ length: 9 }, (_, place) => row("2026-11-25", `m${place}`, String(9 - place)));
  assert.deepEqual(stacks(many, ["2026-11-25"], byPart(many)), [[9, 8, 7, 6, 5, 4, 6]]);
  for (const [value, top] of [[0, 1], [0.0011, 0.0012], [3, 3], [3.01, 4], [9.7, 10]]) assert.equal(roundUp(value), top);
});

test("a file of costs has each row to the last digit, and no formula of a stranger", () => {
  const rows = [{ day: "2026-11-25", user: "eventbridge/=cmd()", costUsd: "0.000000000001", unknown: 0 }, { day: "2026-11-26", user: 'token/"x", y', costUsd: "1", unknown: 2 }];
  assert.equal(csv("user", rows, ({ user }) => (user.startsWith("event") ? "=cmd()" : "Name")), 'day,user,name,costUsd,unknown\r\n2026-11-25,eventbridge/=cmd(),\'=cmd(),0.000000000001,0\r\n2026-11-26,"token/""x"", y",Name,1,2\r\n');
  assert.equal(csv("node", [{ day: "2026-11-25", workflowId: "w", node: "n", costUsd: "0.1", unknown: 0 }], String), "day,workflowId,node,costUsd,unknown\r\n2026-11-25,w,n,0.1,0\r\n");
});
