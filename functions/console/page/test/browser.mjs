// What the browser tests share: one browser, pages that fail on any error of the console, and calls of the API by hand.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const { API_URL, API_TOKEN, STAND_IN_URL } = process.env;
assert(API_URL && API_TOKEN && STAND_IN_URL, "start the stack and source its env first: infra/local/README.md");

const PLACES = [process.env.CHROMIUM, "/usr/bin/chromium-headless-shell", "/usr/bin/chromium", "/usr/bin/google-chrome", "/snap/bin/chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];
const executablePath = PLACES.find((place) => place && existsSync(place));
assert(executablePath, "no Chromium was found: install it (Debian and Ubuntu: apt-get install chromium), or name it in CHROMIUM");

let browser;
export const open = async () => (browser ??= await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] }));
export const close = () => browser?.close();

/** A page in a context of its own. `end()` fails where the console or the policy complained of anything. */
export async function visit(options = {}) {
  const context = await (await open()).newContext({ viewport: { width: 1280, height: 860 }, reducedMotion: "reduce", permissions: ["clipboard-write"], ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints = [];
  const requests = [];
  // What the API refuses is told by the page; the browser writes a line of its own for each.
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && !message.text().startsWith("Failed to load resource") && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error.stack)));
  page.on("dialog", (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  context.on("request", (request) => requests.push({ method: request.method(), url: request.url(), headers: request.headers(), body: request.postData() ?? "" }));
  return {
    page,
    context,
    requests,
    go: (hash) => page.goto(`${API_URL}/console${hash}`),
    signIn: async (token = API_TOKEN, hash = "") => {
      await page.goto(`${API_URL}/console#token=${token}`);
      await page.getByRole("navigation", { name: "Main" }).waitFor();
      if (hash) await page.goto(`${API_URL}/console${hash}`);
    },
    end: async () => {
      await context.close();
      assert.deepEqual(complaints, []);
    },
  };
}

/** Looks for what makes a page hard to use: it fails on what axe calls serious or critical. */
export async function isAccessible(page, where) {
  // By the debugger, not as a script of the page: the page's policy stays on.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const bad = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  assert.deepEqual(bad.map(({ id, nodes }) => `${where}: ${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`), []);
}

/** Nothing stands out at the page's side. */
export async function fits(page, where) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(over, 0, `${where} is ${over} px too wide`);
}

export async function call(method, path, body, token = API_TOKEN) {
  const answer = await fetch(API_URL + path, { method, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** The run once it has ended. */
export async function ended(id) {
  for (const until = Date.now() + 20_000; Date.now() < until; ) {
    const run = await call("GET", `/runs/${id}`);
    if (!["RUNNING", "QUEUED"].includes(run.status)) return run;
    await new Promise((go) => setTimeout(go, 100));
  }
  throw new Error(`the run ${id} goes on and on`);
}

/** A name that no other test has. */
export const fresh = (word) => `${word}-${Math.random().toString(36).slice(2, 8)}`;

export const key = () => `sk-or-v1-${fresh("console")}-of-the-page`;

export const revoke = (apiKey) => fetch(`${STAND_IN_URL}/_stand-in/keys`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ key: apiKey, state: "revoked" }) });

export const node = (variableName, credential, userPrompt, more = {}) => ({ type: "openrouter", variableName, credential, model: "openai/gpt-4o-mini", userPrompt, ...more });
