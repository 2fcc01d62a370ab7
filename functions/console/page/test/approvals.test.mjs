// What waits for a person, and for a signal: decided and sent in the page, and the run goes on.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { API_TOKEN, call, close, fits, fresh, isAccessible, visit } from "./browser.mjs";

after(close);

const approval = (variableName, question, more = {}) => ({ type: "approval", variableName, question, onReject: "continue", ...more });

/** Starts a run of these nodes and waits until those of `waits` wait. */
async function waiting(nodes, waits, input = {}) {
  const id = fresh("asks");
  await call("PUT", `/workflows/${id}`, { name: "Asks", nodes, limits: { timeoutSeconds: 3600 } });
  const run = await call("POST", `/workflows/${id}/runs`, { input });
  await nodeOf(run.id, waits, (node) => node.status === "WAITING");
  return run.id;
}

/** The node of a run once it is as `is` says. */
async function nodeOf(run, id, is) {
  for (const until = Date.now() + 60_000; Date.now() < until; ) {
    const node = (await call("GET", `/runs/${run}`)).nodes.find((one) => one.id === id);
    if (is(node)) return node;
    await new Promise((go) => setTimeout(go, 200));
  }
  throw new Error(`the node ${id} of the run ${run} does not become what it should`);
}
const succeeded = (node) => node.status === "SUCCEEDED";

/** The card of a question in the list, which may have further pages. */
async function cardOf(page, question) {
  const card = page.getByRole("region", { name: question, exact: true });
  const more = page.getByRole("button", { name: "Show more" });
  for (let pages = 0; pages < 20; pages++) {
    await card.or(more).first().waitFor();
    if (await card.count()) return card;
    await more.click();
  }
  throw new Error(`there is no card ${question}`);
}

test("what waits is listed with its data as text; it is approved with other data and a comment, and is gone", async () => {
  const question = `May <b>${fresh("post")}</b> be published?`;
  const run = await waiting([approval("review", question, { data: { text: "<img src=x onerror=alert(1)>" }, editable: true, timeoutSeconds: 1800 })], "review");
  const { page, requests, signIn, end } = await visit();
  await signIn();
  await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("a");
  await page.getByRole("heading", { level: 1, name: "Approvals" }).waitFor();
  const card = await cardOf(page, question);
  await card.getByText(/Asked .* ends in \d+ minutes/).waitFor();
  assert.equal(await page.locator("main img").count(), 0);
  assert.equal(await card.getByRole("link", { name: "review" }).getAttribute("href"), `#/runs/${run}?node=review`);
  await isAccessible(page, "approvals");
  const data = card.getByLabel("Data, as JSON");
  await data.fill('{"text": ');
  await card.getByText(/^This is not JSON/).waitFor();
  assert.equal(await data.getAttribute("aria-invalid"), "true");
  assert(await card.getByRole("button", { name: "Approve" }).isDisabled());
  await data.fill('{"text": "shorter"}');
  await card.getByLabel("Comment (optional)").fill("well done");
  await card.getByRole("button", { name: "Approve" }).click();
  await card.waitFor({ state: "detached" });
  await page.locator(".toast", { hasText: "review is approved" }).waitFor();
  const { output } = await nodeOf(run, "review", succeeded);
  assert.equal(output.approved, true);
  assert.equal(output.comment, "well done");
  assert.deepEqual(output.data, { text: "shorter" });
  assert(requests.some(({ method, url }) => method === "POST" && url.endsWith(`/runs/${run}/nodes/review/approve`)));
  await end();
});

test("what somebody else has decided is told where it stands, and what was written stays until then", async () => {
  const question = `Is ${fresh("it")} good?`;
  const run = await waiting([approval("first", question)], "first");
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, "#/approvals");
  const card = await cardOf(page, question);
  await call("POST", `/runs/${run}/nodes/first/reject`, { comment: "no" });
  await card.getByLabel("Comment (optional)").fill("yes");
  await card.getByRole("button", { name: "Approve" }).click();
  await card.getByRole("alert").waitFor();
  assert.equal(await card.getByLabel("Comment (optional)").inputValue(), "yes");
  assert(await card.getByRole("button", { name: "Reject" }).isDisabled());
  await isAccessible(page, "a question that is decided");
  await card.getByRole("button", { name: "Take it off this list" }).click();
  await card.waitFor({ state: "detached" });
  assert.equal((await nodeOf(run, "first", succeeded)).output.approved, false);
  await end();
});

test("on the run's page a person decides, also for one item of a list, and sends a signal", async () => {
  const nodes = [
    approval("review", "May it go on?", { data: "a text", timeoutSeconds: 1800 }),
    { type: "signal", variableName: "payment", signal: "paid-{{order}}" },
    { type: "wait", variableName: "pause", for: "50m" },
    approval("each", "Is {{item}} good?", { forEach: { items: "{{list}}" } }),
  ];
  const run = await waiting(nodes, "review", { order: "A7", list: ["tea", "milk"] });
  await nodeOf(run, "payment", (node) => node.status === "WAITING");
  await nodeOf(run, "pause", (node) => node.status === "WAITING");
  const { page, signIn, end } = await visit();
  // Chosen by itself: what somebody can do something about.
  await signIn(API_TOKEN, `#/runs/${run}`);
  const panel = page.getByRole("region", { name: "review", exact: true });
  await panel.getByText(/It waits for a person to decide, until .* at the latest/).waitFor();
  await panel.getByRole("heading", { name: "May it go on?" }).waitFor();
  await isAccessible(page, "a run that waits for a person");
  await panel.getByRole("button", { name: "Reject" }).click();
  assert.equal((await nodeOf(run, "review", succeeded)).output.approved, false);
  await page.getByRole("button", { name: /^review/ }).first().click();
  await panel.getByText("approved:").waitFor();

  await page.getByRole("button", { name: /^payment/ }).first().click();
  const signal = page.getByRole("form", { name: "Send the signal of payment" });
  await page.waitForFunction(() => document.querySelector("#signal-payment--name")?.value === "paid-A7");
  await isAccessible(page, "a run that waits for a signal");
  await signal.getByLabel("JSON (optional)").fill("{amount");
  await signal.getByText(/^This is not JSON/).waitFor();
  await signal.getByLabel("JSON (optional)").fill('{"amount": 12.5}');
  await signal.getByRole("button", { name: "Send the signal" }).click();
  assert.deepEqual((await nodeOf(run, "payment", succeeded)).output, { amount: 12.5 });
  await signal.waitFor({ state: "detached" });

  await page.getByRole("button", { name: /^pause/ }).first().click();
  await page.getByText(/It waits for a time, until/).waitFor();

  await page.getByRole("button", { name: /^each/ }).first().click();
  await page.getByRole("tab", { name: "Items" }).click();
  await page.getByText(/^Item 1/).click();
  const item = page.getByRole("form", { name: "Decide each, item 1" });
  await item.waitFor();
  await page.getByRole("heading", { name: "Is milk good?" }).waitFor();
  await item.getByRole("button", { name: "Approve" }).click();
  await item.waitFor({ state: "detached" });
  for (const until = Date.now() + 60_000; ; await new Promise((go) => setTimeout(go, 200))) {
    const one = await call("GET", `/runs/${run}/nodes/each/items/1`);
    if (one.status === "SUCCEEDED") break;
    assert(Date.now() < until, JSON.stringify(one));
  }
  await call("POST", `/runs/${run}/cancel`, {});
  await end();
});

test("a token that may only read is not offered to decide, and nothing to decide teaches what comes next", async () => {
  const question = `Does ${fresh("it")} wait?`;
  const run = await waiting([approval("review", question, { data: { n: 1 } })], "review");
  const { token } = await call("POST", "/tokens", { name: fresh("reader"), scopes: ["read"], expiresInDays: 1 });
  const reader = await visit();
  await reader.signIn(token, `#/runs/${run}`);
  await reader.page.getByRole("heading", { name: question }).waitFor();
  assert.equal(await reader.page.getByRole("button", { name: "Approve" }).count(), 0);
  assert.equal(await reader.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Approvals" }).count(), 0);
  await reader.go("#/approvals");
  await reader.page.getByText("For tokens with the scope run").waitFor();
  await reader.end();

  for (const colorScheme of ["light", "dark"]) {
    const { page, context, go, signIn, end } = await visit({ viewport: { width: 360, height: 780 }, colorScheme });
    await signIn(API_TOKEN, "#/approvals");
    await cardOf(page, question);
    await fits(page, "approvals on a phone");
    await isAccessible(page, `approvals (${colorScheme})`);
    await go("#/runs");
    await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
    // The stack of the tests is never empty: this list is answered here.
    await context.route(/\/approvals\?/, (route) => route.fulfill({ json: { approvals: [], cursor: null } }));
    await go("#/approvals");
    await page.getByText("Nothing waits for a person").waitFor();
    await isAccessible(page, "no approvals");
    await fits(page, "no approvals");
    await end();
  }
  await call("POST", `/runs/${run}/cancel`, {});
});
