// Who may do what, whether runs start, and what is done with runs that have ended: tokens, audit, switches, callbacks, texts.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { API_TOKEN, call, close, ended, fits, fresh, isAccessible, key, node, visit } from "./browser.mjs";

after(close);

const set = (variableName, value) => ({ type: "set", variableName, value });

/** A workflow that costs nothing and is done at once. */
async function quick(word, more = {}) {
  const id = fresh(word);
  await call("PUT", `/workflows/${id}`, { name: word, nodes: [set("a", "{{default topic \"nothing\"}}")], ...more });
  return id;
}

/** Waits until `look` gives something. */
async function until(look, what) {
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    const found = await look();
    if (found) return found;
    await new Promise((go) => setTimeout(go, 150));
  }
  throw new Error(`in vain: ${what}`);
}

test("a token is made, shown once, works with its scopes only, and is revoked; the audit tells of it", async () => {
  const name = fresh("reporter");
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, "#/access");
  await page.getByRole("button", { name: "New token" }).first().click();
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("What it may do").selectOption("read");
  await page.getByLabel(/^Ends after days/).fill("7");
  await page.getByRole("button", { name: "Make the token" }).click();
  const shown = page.getByRole("dialog", { name: `The token ${name}` });
  const token = await shown.locator("code").textContent();
  assert.match(token, /^os_/);
  await call("GET", "/runs?limit=1", undefined, token);
  await assert.rejects(call("POST", "/tokens", { name: "x", scopes: ["read"] }, token));
  await isAccessible(page, "a new token");
  await shown.getByRole("button", { name: "Close" }).click();
  assert(!(await page.content()).includes(token), "it is shown once");
  await page.getByRole("row", { name: new RegExp(name) }).getByText("in 7 days").waitFor();
  await page.getByRole("button", { name: `Revoke ${name}` }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("row", { name: new RegExp(name) }).getByText(/revoked/).waitFor();
  await isAccessible(page, "tokens");

  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByRole("table").waitFor();
  await page.getByLabel("About").fill(`tokens/${token.split("_")[1]}`);
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByText("revoked", { exact: true }).waitFor();
  assert.match(page.url(), /subject=tokens/);
  await isAccessible(page, "the audit");
  await end();
});

test("a workflow is switched off and on, and whoever tries meanwhile is told why", async () => {
  const id = await quick("switched");
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, `#/workflows/${id}?tab=triggers`);
  const card = page.getByRole("region", { name: "On and off" });
  await card.getByRole("button", { name: "Switch off" }).click();
  await page.getByLabel("Reason (optional)").fill("the prices have changed");
  await page.getByRole("dialog").getByRole("button", { name: "Switch off" }).click();
  await card.getByText(/the prices have changed/).waitFor();
  await isAccessible(page, "a switch");
  await page.getByRole("link", { name: "Editor" }).click();
  await page.getByText(/It is switched off/).waitFor();
  await assert.rejects(call("POST", `/workflows/${id}/runs`, {}), /WorkflowDisabled/);
  await page.getByRole("link", { name: "Switch it on" }).click();
  await card.getByRole("button", { name: "Switch on" }).click();
  await card.getByRole("button", { name: "Switch off" }).waitFor();
  await call("POST", `/workflows/${id}/runs`, {});
  // The stack's own switch is looked at, and left alone.
  await page.goto(page.url().replace(/#.*/, "#/access?tab=switch"));
  await page.getByText("Runs of the whole stack may start.").waitFor();
  await end();
});

test("callbacks have a secret of their own, and a delivery is sent again", async () => {
  const posts = [];
  const receiver = createServer((request, response) => {
    request.resume();
    request.on("end", () => { posts.push(request.headers); response.writeHead(204).end(); });
  });
  await new Promise((listens) => receiver.listen(0, "127.0.0.1", listens));
  const address = `http://localhost:${receiver.address().port}/`;
  const id = await quick("posted", { callbacks: [address] });
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, `#/workflows/${id}?tab=triggers`);
  const card = page.getByRole("region", { name: "Signing of callbacks" });
  await card.getByRole("button", { name: "Make a secret" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Make it" }).click();
  const shown = page.getByRole("dialog", { name: "The secret of callbacks" });
  assert.match(await shown.locator("code").textContent(), /^whsec_/);
  await shown.getByRole("button", { name: "Close" }).click();
  await card.getByText(/^whpk_/).waitFor();

  const run = await call("POST", `/workflows/${id}/runs?callbackUrl=${encodeURIComponent(address)}`, {});
  await ended(run.id);
  await until(() => posts.length, "the first post");
  const taken = (count) => until(async () => { const [one] = (await call("GET", `/runs/${run.id}/deliveries`)).deliveries; return one?.status === "DELIVERED" && one.attempts.length === count; }, `${count} posts are taken`);
  await taken(1);
  await page.goto(page.url().replace(/#.*/, `#/runs/${run.id}`));
  const deliveries = page.getByRole("region", { name: "Callbacks" });
  await deliveries.getByText("1 post", { exact: false }).first().waitFor();
  await isAccessible(page, "deliveries");
  await deliveries.getByRole("button", { name: "Send it again" }).click();
  await until(() => posts.length > 1, "another post");
  await taken(2);
  await deliveries.getByRole("button", { name: "Look again" }).click();
  await deliveries.getByText("2 posts").waitFor();
  await deliveries.getByText("taken", { exact: true }).waitFor();
  await end();
  receiver.close();
});

test("a run's texts are erased, and what it cost stays", async () => {
  const id = await quick("erased");
  const run = await call("POST", `/workflows/${id}/runs`, { input: { topic: "a secret of mine" } });
  await ended(run.id);
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, `#/runs/${run.id}`);
  await page.getByText("a secret of mine").first().waitFor();
  await page.getByRole("button", { name: "Erase the run's texts" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Erase" }).click();
  await page.getByText(/Its texts were erased/).waitFor();
  assert(!(await page.content()).includes("a secret of mine"));
  assert.equal(await page.getByRole("button", { name: /Resume|Run again/ }).count(), 0);
  await isAccessible(page, "an erased run");
  await end();
});

test("runs that struggle say why in the list, and several are cancelled and resumed at once", async () => {
  const [credential, id] = [fresh("main"), fresh("struggles")];
  await call("POST", "/credentials", { name: credential, provider: "openrouter", apiKey: key() });
  await call("PUT", `/workflows/${id}`, { name: "Struggles", nodes: [node("x", credential, "[[fault:rate-limit-own(retry_after=90)*1]][[echo]]hi {{n}}")] });
  const runs = [];
  for (const n of ["1", "2"]) runs.push((await call("POST", `/workflows/${id}/runs`, { input: { n } })).id);
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, `#/runs?workflow=${id}`);
  await page.getByText(/x waits.*RateLimitExceeded until/).first().waitFor();
  const picks = page.getByRole("checkbox", { name: new RegExp(`Choose the run of ${id}`) });
  await picks.nth(1).waitFor();
  for (const place of [0, 1]) await picks.nth(place).check();
  await isAccessible(page, "chosen runs");
  await fits(page, "chosen runs");
  await page.getByRole("button", { name: "Cancel 2" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel 2 runs" }).click();
  await page.getByRole("row", { name: /Cancelled/ }).nth(1).waitFor();
  for (const run of runs) assert.equal((await ended(run)).status, "ABORTED");
  await page.goto(page.url().replace(/#.*/, `#/runs/${runs[0]}`));
  await page.getByText(/^Stopped\. Its calls cost/).waitFor();
  await page.goto(page.url().replace(/#.*/, `#/runs?workflow=${id}`));
  for (const place of [0, 1]) await picks.nth(place).check();
  await page.getByRole("button", { name: "Resume 2" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Resume 2 runs" }).click();
  for (const run of runs) await until(async () => (await call("GET", `/runs/${run}?texts=false`)).execution === 2, "it goes on");
  await end();
});

test("the items in view are followed while their list goes on", async () => {
  const [credential, id] = [fresh("main"), fresh("items")];
  await call("POST", "/credentials", { name: credential, provider: "openrouter", apiKey: key() });
  await call("PUT", `/workflows/${id}`, { name: "Items", nodes: [node("each", credential, "[[fault:slow-body(ms=120)]][[echo]]{{item}} and more words to be written slowly, one after the other", { forEach: { items: "{{words}}", concurrency: 1 } })] });
  const run = await call("POST", `/workflows/${id}/runs`, { input: { words: ["ink", "beak", "mantle", "arm", "eye"] } });
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, `#/runs/${run.id}?node=each&show=items`);
  const panel = page.getByRole("tabpanel");
  await panel.getByText("Item 0").waitFor();
  await panel.locator("summary").filter({ hasText: "Running" }).first().waitFor();
  await panel.locator("summary").filter({ hasText: /Item 1.*Succeeded/ }).waitFor({ timeout: 40_000 });
  await panel.getByText("Item 0").click();
  await panel.getByRole("region", { name: "Answer of item 0" }).getByText(/^ink and more/).waitFor();
  await ended(run.id).catch(() => {});
  await panel.locator("summary").filter({ hasText: /Item 4.*Succeeded/ }).waitFor({ timeout: 40_000 });
  await end();
});
