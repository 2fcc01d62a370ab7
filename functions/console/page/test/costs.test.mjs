// The view of costs: its numbers are the API's, to the last digit; a month of many parts is usable by everybody, by keyboard and on
// a phone; and its files are small. `UPDATE_SCREENSHOTS=1` writes its pictures for docs/console.md.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { brotliCompressSync } from "node:zlib";
import { call, close, ended, fits, fresh, isAccessible, key, node, visit } from "./browser.mjs";

after(close);

const PICTURES = process.env.UPDATE_SCREENSHOTS ? join(import.meta.dirname, "../../../../docs/pictures") : null;

const today = () => new Date().toISOString().slice(0, 10);
const dollars = (usd) => `$${usd.replace(/0+$/, "").replace(/\.(\d?)$/, (_, digit) => `.${digit.padEnd(2, "0")}`)}`;

/** A row of a table, as its cells say it. */
const cells = (row) => row.getByRole("cell").allInnerTexts();

test("what the view shows is what the API tells, by each grouping, and the file has it too", async () => {
  const [credential, workflow] = [fresh("payer"), fresh("paid")];
  const stored = await call("POST", "/credentials", { name: credential, provider: "openrouter", apiKey: key() });
  await call("PUT", `/workflows/${workflow}`, { name: "Paid", nodes: [node("one", credential, "Say something"), node("two", credential, "And of {{one.text}}", { model: "anthropic/claude-haiku-4.5" })] });
  const { id } = await call("POST", `/workflows/${workflow}/runs`, {});
  const run = await ended(id);
  assert.equal(run.status, "SUCCEEDED");
  const mine = { workflow: (row) => row.workflowId === workflow, node: (row) => row.workflowId === workflow, credential: (row) => row.credentialId === stored.id };
  // The costs follow the end of a run.
  let told;
  for (const until = Date.now() + 20_000; Date.now() < until; await new Promise((go) => setTimeout(go, 200))) {
    told = (await call("GET", `/costs?by=workflow&from=${today()}`)).costs.filter(mine.workflow);
    if (told.length) break;
  }
  assert.deepEqual(told.map(({ costUsd, unknown }) => [Number(costUsd), unknown]), [[Number(run.costUsd), 0]]);

  const { page, go, signIn, end } = await visit();
  await signIn();
  const all = page.getByRole("button", { name: /^Show all/ });
  for (const [by, name, count] of [["workflow", workflow, 1], ["credential", credential, 1], ["node", workflow, 2]]) {
    await go(`#/costs?by=${by}&days=7`);
    const table = page.getByRole("region", { name: `By ${by}` }).getByRole("table");
    await table.waitFor();
    if (await all.isVisible()) await all.click();
    const rows = table.getByRole("row", { name: new RegExp(name) });
    await rows.first().waitFor();
    assert.equal(await rows.count(), count, by);
    const answered = (await call("GET", `/costs?by=${by}&from=${today()}`)).costs.filter(mine[by]);
    const shown = (await Promise.all((await rows.all()).map(cells))).map((row) => row.at(-1)).sort();
    assert.deepEqual(shown, answered.map((row) => dollars(row.costUsd)).sort(), by);
  }
  await go("#/costs?by=credential&days=7");
  await page.getByRole("region", { name: "By credential" }).waitFor();
  const waits = page.waitForEvent("download");
  await page.getByRole("button", { name: "CSV" }).click();
  const file = await waits;
  assert.match(file.suggestedFilename(), /^costs-by-credential-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/);
  const lines = readFileSync(await file.path(), "utf8").split("\r\n");
  assert.equal(lines[0], "day,credentialId,name,costUsd,unknown");
  const [answered] = (await call("GET", `/costs?by=credential&from=${today()}`)).costs.filter(mine.credential);
  assert(lines.includes(`${today()},${stored.id},${credential},${answered.costUsd},0`), lines.join("\n"));
  await end();
});

const MODELS = ["openai/gpt-4o-mini", "anthropic/claude-haiku-4.5", "google/gemini-2.5-flash", "mistralai/mistral-nemo", "deepseek/deepseek-v3.2", "qwen/qwen3-32b", "meta-llama/llama-4-scout", "openai/gpt-4o", "a-new-author/a-model-with-a-very-long-name-that-has-to-be-broken-somewhere"];

/** Costs of a month with more parts than colours, as the API would tell them. */
function month() {
  const costs = [];
  for (let back = 29; back >= 0; back--) {
    const day = new Date(Date.now() - back * 86_400_000);
    const rest = [0, 6].includes(day.getUTCDay()) ? 5 : 1;
    MODELS.forEach((model, part) => {
      const mix = (back * 7919 + part * 104_729 + back * part * 31) % 97;
      if (back === 1 || mix % (part + 3)) costs.push({ day: day.toISOString().slice(0, 10), model, costUsd: `0.${String(Math.floor(((mix + 40) * (9 - part) * 360_000_000) / rest)).padStart(12, "0")}`, unknown: back === 1 && part === 2 ? 1 : 0 });
    });
  }
  return { by: "model", from: costs[0].day, to: costs.at(-1).day, costs, open: { calls: 1, runs: 2, ends: 1, more: false }, cursor: null };
}

for (const [colorScheme, width] of [["light", 1360], ["dark", 1360], ["dark", 360], ["light", 360]]) {
  test(`a month is shown to everybody (${colorScheme}, ${width} px)`, async () => {
    const { page, context, go, signIn, end } = await visit({ colorScheme, viewport: { width, height: 860 } });
    const told = month();
    await context.route(/\/costs\?/, (route) => route.fulfill({ json: told }));
    await context.route(/\/credentials$/, (route) => route.fulfill({ json: { credentials: [{ id: "1", name: "main", type: "openrouter", maxCostUsdPerDay: "2.50" }] } }));
    await signIn();
    await go("#/costs");
    const slider = page.getByRole("slider", { name: "Day" });
    await slider.waitFor();
    await page.getByText(/2 runs that go on, 1 run that has just ended and 1 node/).waitFor();
    await page.getByText("3 others").waitFor();
    await page.getByText("1 cost not known").waitFor();
    await page.getByText("Budgets of all keys, $2.50 a day").waitFor();
    await isAccessible(page, "a month");
    await fits(page, "a month");
    const isPictured = PICTURES && (width > 360 || colorScheme === "dark");
    if (isPictured) await page.screenshot({ path: join(PICTURES, `console-costs-${width > 360 ? colorScheme : "phone"}.png`), animations: "disabled", caret: "hide" });
    await page.getByText("Each day in numbers").click();
    const numbers = page.getByRole("table", { name: /has cost on each day/ });
    assert.equal(await numbers.getByRole("row").count(), 61, "the heading, and the first sixty");
    await fits(page, "a month in numbers");
    await isAccessible(page, "a month in numbers");
    // By keyboard: the last day, then the one before.
    await slider.focus();
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    const day = told.costs.filter((row) => row.day === new Date(Date.now() - 86_400_000).toISOString().slice(0, 10));
    const spoken = await slider.getAttribute("aria-valuetext");
    const sum = day.reduce((total, row) => total + BigInt(row.costUsd.replace(".", "")), 0n).toString();
    assert(spoken.endsWith(`: ${dollars(`${sum.slice(0, -12)}.${sum.slice(-12)}`)}`), spoken);
    assert.match(page.url(), /day=\d{4}-\d\d-\d\d/);
    await page.getByRole("button", { name: "All days" }).waitFor();
    await isAccessible(page, "a day");
    await fits(page, "a day");
    await page.keyboard.press("Escape");
    await page.getByRole("region", { name: "By model" }).waitFor();
    await end();
  });
}

test("where nothing was paid, the next step is told, and the keys lead here", async () => {
  const { page, context, signIn, end } = await visit();
  await context.route(/\/costs\?/, (route) => route.fulfill({ json: { by: "model", from: "", to: "", costs: [], open: { calls: 0, runs: 0, ends: 0, more: false }, cursor: null } }));
  await signIn();
  await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("o");
  await page.getByRole("heading", { level: 1, name: "Costs" }).waitFor();
  await page.getByRole("link", { name: "Go to the workflows" }).waitFor();
  assert(await page.getByRole("button", { name: "CSV" }).isDisabled());
  await isAccessible(page, "no costs");
  await page.getByLabel("Days").selectOption("Other days");
  await page.getByLabel("From").fill("2026-01-01");
  await page.waitForURL(/from=2026-01-01/);
  await page.getByRole("button", { name: "Show the last 30 days" }).click();
  await page.getByText("Nothing was paid in the last 30 days").waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("costs");
  await page.getByRole("option", { name: "Costs" }).waitFor();
  await end();
});

test("the page stays small: 100 KB until something is shown, 150 KB with everything, the costs when they are asked for", () => {
  const dist = join(import.meta.dirname, "../../dist");
  const size = (name) => brotliCompressSync(readFileSync(join(dist, name))).length;
  const names = readdirSync(dist);
  const html = readFileSync(join(dist, "index.html"), "utf8");
  const first = names.filter((name) => name === "index.html" || html.includes(name));
  const bytes = (files) => files.reduce((sum, name) => sum + size(name), 0);
  assert(first.length > 3 && !first.some((name) => name.startsWith("costs-")), String(first));
  assert(bytes(first) < 100 * 1024, `${bytes(first)} bytes before something is shown`);
  assert(bytes(names) < 150 * 1024, `${bytes(names)} bytes in all`);
});
