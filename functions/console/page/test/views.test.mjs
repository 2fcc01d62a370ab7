// Every view, in both schemes and three widths: nothing serious by axe, nothing too wide, everything by keyboard.
// `UPDATE_SCREENSHOTS=1` writes the pictures of docs/console.md.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { API_TOKEN, API_URL, call, close, ended, fits, fresh, isAccessible, key, node, revoke, visit } from "./browser.mjs";

const PICTURES = process.env.UPDATE_SCREENSHOTS ? join(import.meta.dirname, "../../../../docs/pictures") : null;
const PICTURED = ["sign-in", "runs", "run", "failure", "rerun", "credential", "new-credential", "editor", "preview", "tokens", "versions", "triggers", "models", "compared", "palette"];
const at = {};

before(async () => {
  const [main, bad, workflow] = [fresh("main"), fresh("agency"), fresh("article")];
  const revoked = key();
  at.credential = main;
  at.workflow = workflow;
  await call("POST", "/credentials", { name: main, provider: "openrouter", apiKey: key(), maxCostUsdPerDay: "5.00" });
  await call("POST", "/credentials", { name: bad, provider: "openrouter", apiKey: revoked });
  const document = {
    name: "Article",
    input: { type: "object", properties: { topic: { type: "string", description: "What to write about" }, words: { type: "integer", description: "About how many words" } }, required: ["topic"] },
    limits: { maxCostUsd: "0.50" },
    nodes: [
      node("outline", main, "[[echo]]1. What an octopus has in its arms. 2. How it solves a puzzle. 3. What it may dream of ({{topic}})."),
      node("opening", main, "[[echo]]An octopus has nine brains: one in its head, and one in each arm.\n\nOn {{outline.text}}"),
      node("middle", main, "[[echo]]Give it a jar with a crab inside, and it opens the lid. On {{outline.text}}", { model: "anthropic/claude-haiku-4.5" }),
      node("ending", main, "[[echo]]Asleep, it changes its colours. Nobody knows what it sees. On {{outline.text}}", { model: "google/gemini-2.5-flash" }),
      node("article", main, "[[echo]]{{opening.text}} {{middle.text}} {{ending.text}}", { systemPrompt: "You are an editor." }),
      node("headline", bad, "[[echo]]Nine Brains, One Dream {{#if article.text}}{{/if}}", { maxTokens: 100 }),
    ],
  };
  await call("PUT", `/workflows/${workflow}`, { ...document, nodes: document.nodes.slice(0, 5) });
  await call("PUT", `/workflows/${workflow}`, document);
  await call("PUT", `/workflows/${workflow}/webhooks/github`, { mode: "github" });
  await call("PUT", `/workflows/${workflow}/schedules/weekdays`, { expression: "cron(30 8 ? * MON-FRI *)", timezone: "Europe/Berlin", input: { topic: "octopuses" }, overlap: "skip" });
  const good = await call("POST", `/workflows/${workflow}/runs`, { input: { topic: "how octopuses think" } });
  assert.equal((await ended(good.id)).status, "SUCCEEDED");
  await revoke(revoked);
  const failed = await call("POST", `/workflows/${workflow}/runs`, { input: { topic: "how octopuses think" } });
  assert.equal((await ended(failed.id)).status, "FAILED");
  const models = ["openai/gpt-4o-mini", "anthropic/claude-haiku-4.5", "google/gemini-2.5-flash"];
  const answers = ["Of the colours it wore by day: its skin runs through them once more.", "Perhaps of hunting. Its arms twitch, one after the other, as if they held a crab.", "Nobody knows. It has nine brains, so it may dream nine dreams at once."];
  await call("PUT", "/workflows/compare", { name: "Comparison", nodes: models.map((model, place) => node(`model${place + 1}`, main, `[[echo]]${answers[place]}`, { model })) });
  const compared = await call("POST", "/workflows/compare/runs", {});
  await ended(compared.id);
  await call("POST", "/tokens", { name: "nightly report", scopes: ["read"], expiresInDays: 30 });
  await call("POST", "/tokens", { name: "shop backend", scopes: ["run"], expiresInDays: 90 });
  Object.assign(at, { good: good.id, failed: failed.id, compared: compared.id });
  if (PICTURES) mkdirSync(PICTURES, { recursive: true });
});
after(close);

async function picture(page, name, scheme) {
  if (PICTURES && (PICTURED.includes(name) || scheme === "phone")) await page.screenshot({ path: join(PICTURES, `console-${name}-${scheme}.png`), animations: "disabled", caret: "hide" });
}

/** Name, address, and what is there once it is shown. */
const views = () => [
  ["runs", `#/runs?workflow=${at.workflow}`, (page) => page.getByRole("link", { name: at.workflow }).first()],
  ["run", `#/runs/${at.good}?node=opening`, (page) => page.getByRole("region", { name: "Answer" })],
  ["failure", `#/runs/${at.failed}`, (page) => page.getByRole("link", { name: /^Replace the key/ }).first()],
  ["rerun", `#/runs/${at.good}?do=rerun&from=article`, (page) => page.getByRole("dialog")],
  ["prompts", `#/runs/${at.good}?node=article&show=prompts`, (page) => page.getByText("What it read in this run")],
  ["attempts", `#/runs/${at.failed}?show=attempts`, (page) => page.getByText("Attempt 1", { exact: true })],
  ["approvals", "#/approvals", (page) => page.getByText("Nothing waits for a person").or(page.getByRole("button", { name: "Approve" })).first()],
  ["credentials", "#/credentials", (page) => page.getByRole("link", { name: at.credential })],
  ["credential", `#/credentials/${at.credential}`, (page) => page.getByRole("meter")],
  ["new-credential", "#/credentials?do=new", (page) => page.getByRole("dialog")],
  ["workflows", "#/workflows", (page) => page.getByRole("table")],
  ["editor", `#/workflows/${at.workflow}?node=article`, (page) => page.getByLabel("User prompt", { exact: true })],
  ["preview", `#/workflows/${at.workflow}?node=article`, async (page) => {
    await page.getByRole("region", { name: "User prompt, rendered" }).waitFor();
    await page.getByText(/^about [\d,]+ tokens$/).waitFor();
    await page.getByRole("region", { name: "Preview" }).evaluate((preview) => preview.scrollIntoView());
    return page.getByRole("region", { name: "Preview" });
  }],
  ["tokens", "#/access", (page) => page.getByRole("row", { name: /nightly report/ }).first()],
  ["vars", "#/access?tab=vars", (page) => page.getByRole("button", { name: "New variable" })],
  ["audit", "#/access?tab=audit", (page) => page.getByRole("table")],
  ["switch", "#/access?tab=switch", (page) => page.getByText(/may start/)],
  ["settings", `#/workflows/${at.workflow}`, (page) => page.getByLabel("Name")],
  ["versions", `#/workflows/${at.workflow}?tab=versions`, (page) => page.getByRole("region", { name: "Changed lines" })],
  ["triggers", `#/workflows/${at.workflow}?tab=triggers`, (page) => page.getByText("weekdays")],
  ["start", `#/workflows/${at.workflow}?do=run`, (page) => page.getByLabel("Topic")],
  ["models", "#/models", (page) => page.getByRole("table")],
  ["model", "#/models?model=openai%2Fgpt-4o-mini", (page) => page.getByRole("dialog").getByText("Up, last 30 min")],
  ["compare", "#/compare", (page) => page.getByLabel("Model 3", { exact: true })],
  ["compared", `#/compare/${at.compared}`, (page) => page.getByText("cheapest")],
  ["costs", "#/costs", (page) => page.getByRole("table").first()],
  ["costs-day", `#/costs?by=credential&day=${new Date().toISOString().slice(0, 10)}`, async (page) => {
    // Where many have paid on this day, the dearest are shown at first.
    const row = page.getByRole("row", { name: at.credential });
    const all = page.getByRole("button", { name: /^Show all/ });
    await row.or(all).first().waitFor();
    if (!(await row.count())) await all.click();
    return row;
  }],
  ["costs-none", "#/costs?from=2026-01-01&to=2026-01-31", (page) => page.getByText("Nothing was paid on these days")],
  ["nothing", "#/nowhere", (page) => page.getByText("There is no such page")],
];

for (const colorScheme of ["light", "dark"]) {
  test(`every view is usable by everybody (${colorScheme})`, async () => {
    const { page, go, signIn, end } = await visit({ colorScheme, viewport: { width: 1180, height: 760 } });
    await go("");
    await page.getByLabel("API token").waitFor();
    await isAccessible(page, "sign-in");
    await picture(page, "sign-in", colorScheme);
    await signIn();
    for (const [name, hash, shown] of views()) {
      await go(hash);
      await (await shown(page)).waitFor();
      await isAccessible(page, name);
      await fits(page, name);
      await picture(page, name, colorScheme);
    }
    await page.keyboard.press("Escape");
    await go("#/runs");
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").getByRole("option", { name: /Article/ }).first().waitFor();
    await isAccessible(page, "palette");
    await picture(page, "palette", colorScheme);
    await end();
  });
}

for (const width of [360, 768]) {
  test(`every view fits ${width} px`, async () => {
    const { page, go, signIn, end } = await visit({ viewport: { width, height: 780 }, colorScheme: "dark" });
    await go("");
    await fits(page, "sign-in");
    await signIn();
    for (const [name, hash, shown] of views()) {
      await go(hash);
      await (await shown(page)).waitFor();
      await fits(page, name);
      if (width === 360 && ["run", "editor"].includes(name)) await picture(page, name, "phone");
    }
    await end();
  });
}

test("by keyboard alone: the palette, a graph, a tab, a dialog, the shortcuts", async () => {
  const { page, signIn, end } = await visit();
  await signIn();
  await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type(`article ${at.workflow}`);
  await page.getByRole("dialog").getByRole("option", { name: new RegExp(at.workflow) }).first().waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Article" }).waitFor();
  await page.getByRole("button", { name: /^outline/ }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  const chosen = page.getByRole("button", { pressed: true, name: /opening|middle|ending/ });
  await chosen.waitFor();
  assert(await chosen.evaluate((button) => button === document.activeElement && getComputedStyle(button).outlineStyle !== "none"));
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("g");
  await page.keyboard.press("m");
  await page.getByRole("heading", { level: 1, name: "Models" }).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("claude");
  await page.waitForURL(/q=claude/);
  await end();
});

test("faults are told at their fields, all at once, and a broken source changes nothing", async () => {
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, `#/workflows/${at.workflow}?node=article`);
  const source = page.getByLabel("Source of the workflow");
  const before = await source.inputValue();
  await page.getByLabel("User prompt", { exact: true }).fill("{{#if x}} never closed");
  await page.getByText(/^More fields/).click();
  await page.getByLabel(/^Temperature/).fill("9");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").getByText("2 faults").waitFor();
  assert.equal(await page.getByLabel("User prompt", { exact: true }).getAttribute("aria-invalid"), "true");
  assert.equal(await page.getByLabel(/^Temperature/).getAttribute("aria-invalid"), "true");
  await page.getByRole("button", { name: "nodes[4].temperature" }).click();
  await page.waitForFunction(() => document.activeElement.labels?.[0]?.textContent.startsWith("Temperature"));
  await source.fill("name: [broken");
  await page.getByText(/^Line 1/).waitFor();
  assert(await page.getByRole("button", { name: "Save" }).isDisabled());
  await page.getByRole("button", { name: "Discard" }).click();
  assert.equal(await source.inputValue(), before);
  await source.fill(before.replace("You are an editor.", "You are a strict editor."));
  assert.equal(await page.getByLabel("System prompt (optional)").inputValue(), "You are a strict editor.");
  await page.getByRole("button", { name: "Discard" }).click();
  await end();
});

test("a webhook's secret is shown once, with a line that the API takes", async () => {
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, `#/workflows/${at.workflow}?tab=triggers`);
  await page.getByRole("button", { name: "New webhook" }).click();
  await page.getByLabel("Name").fill("door");
  await page.getByRole("button", { name: "Store" }).click();
  const line = await page.getByRole("region", { name: "Signed line" }).textContent();
  const headers = Object.fromEntries([...line.matchAll(/-H '([^:]+): ([^']+)'/g)].map(([, name, value]) => [name, value]));
  const [, body] = /-d '(.*)'$/.exec(line);
  const answer = await fetch(`${API_URL}/hooks/${at.workflow}/door`, { method: "POST", headers, body });
  assert.equal(answer.status, 202, await answer.text());
  await page.getByRole("button", { name: "I have kept it" }).click();
  await page.getByText("door", { exact: false }).first().waitFor();
  assert(!(await page.content()).includes("whsec_"));
  await end();
});

test("200 nodes are drawn and walked", async () => {
  const id = fresh("large");
  const nodes = Array.from({ length: 200 }, (_, place) => ({ type: "set", variableName: `n${place}`, value: place < 10 ? "x" : `{{n${place - 10}}} {{n${place - 7}}}` }));
  await call("PUT", `/workflows/${id}`, { name: "Large", nodes });
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, `#/workflows/${id}`);
  await page.getByRole("button", { name: /^n199 / }).waitFor();
  assert.equal(await page.locator("button.node").count(), 200);
  await page.getByRole("button", { name: /^n0 / }).focus();
  const begun = Date.now();
  for (let steps = 0; steps < 10; steps++) await page.keyboard.press("ArrowRight");
  assert(Date.now() - begun < 3000);
  assert.match(await page.evaluate(() => document.activeElement.id), /^node-n\d+$/);
  await end();
});

test("the first load is small, and later ones are not asked for again", async () => {
  const { page, context, go, end } = await visit();
  const network = await context.newCDPSession(page);
  await network.send("Network.enable");
  let bytes = 0;
  network.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await go("");
  await page.getByLabel("API token").waitFor();
  assert(bytes > 10_000 && bytes < 100 * 1024, `${bytes} bytes`);
  bytes = 0;
  await page.reload();
  await page.getByLabel("API token").waitFor();
  assert(bytes < 4096, `${bytes} bytes`);
  await end();
});

test("an empty stack says what to do first", async () => {
  const { page, context, signIn, end } = await visit();
  // The stack of the tests is never empty: these three lists are answered here.
  await context.route(/\/(runs|workflows|credentials)\?|\/credentials$/, (route) => route.fulfill({ json: { runs: [], workflows: [], credentials: [], cursor: null } }));
  await signIn();
  await page.getByRole("heading", { name: "Three steps to the first answer" }).waitFor();
  await page.getByText("No runs yet").waitFor();
  await isAccessible(page, "welcome");
  await fits(page, "welcome");
  await page.getByRole("link", { name: "New credential" }).click();
  await page.getByRole("dialog", { name: "New credential" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("No credential yet").waitFor();
  await page.getByRole("link", { name: "Workflows" }).click();
  await page.getByText("No workflow yet").waitFor();
  await end();
});

test("a node is renamed letter by letter, also past the name of another one", async () => {
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, `#/workflows/${at.workflow}?node=outline`);
  const name = page.getByLabel("Variable name");
  await name.fill("");
  await name.pressSequentially("openings");
  assert.equal(await name.inputValue(), "openings");
  assert(await name.evaluate((field) => field === document.activeElement));
  const source = await page.getByLabel("Source of the workflow").inputValue();
  assert(source.includes("variableName: openings\n") && source.includes("variableName: opening\n") && !source.includes("variableName: outline\n"));
  await page.getByRole("button", { name: "Discard" }).click();
  await end();
});
