// What people do with the console, by hand, against the deployed stack: from a key to an answer, and from a failure to its end.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, test } from "node:test";
import { API_TOKEN, API_URL, call, close, ended, fresh, key, node, revoke, visit } from "./browser.mjs";

after(close);

test("from a token to an answer: key, workflow, variable, run, cost", async () => {
  const [credential, name, secret] = [fresh("main"), fresh("Story"), key()];
  const { page, requests, go, end } = await visit();
  await go("");
  await page.getByLabel("API token").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("Token Not Accepted").waitFor();
  await page.getByLabel("API token").fill(API_TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();

  // A credential: a key that is refused is told beside its field, a good one shows its limit.
  await page.getByRole("link", { name: "Credentials" }).click();
  await page.getByRole("button", { name: "New credential" }).first().click();
  await page.getByLabel("Name").fill(credential);
  await page.getByLabel("API key").fill("sk-or-v1-wrong-key");
  await page.getByRole("button", { name: "Check and store" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByLabel("API key").getAttribute("aria-invalid"), "true");
  await page.getByLabel("API key").fill(secret);
  await page.getByRole("button", { name: "Check and store" }).click();
  await page.getByRole("heading", { level: 1, name: credential }).waitFor();
  await page.getByRole("meter", { name: "Used of the limit" }).waitFor();

  // A workflow of two nodes: the second reads the first, by a name that is offered while it is typed.
  await page.getByRole("link", { name: "Workflows" }).click();
  await page.getByRole("button", { name: "New workflow" }).first().click();
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Credential").selectOption(credential);
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await page.getByRole("button", { name: "Add a node" }).click();
  await page.getByRole("button", { name: /^openrouter/ }).click();
  await page.getByLabel("Variable name").fill("headline");
  const prompt = page.getByLabel("User prompt", { exact: true });
  await prompt.fill("One headline for: ");
  await prompt.press("End");
  await prompt.pressSequentially("{{po");
  await page.getByRole("option", { name: /post\.text/ }).waitFor();
  await prompt.press("Enter");
  assert.equal(await prompt.inputValue(), "One headline for: {{post.text}}");
  await page.getByRole("button", { name: /^headline .*waits for post/ }).waitFor();
  assert.match(await page.getByLabel("Source of the workflow").inputValue(), /One headline for: \{\{post\.text\}\}/);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("version 2, just now").waitFor();

  // A run: its form is the workflow's input, its answers and its cost are the API's.
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByLabel("Topic").fill("octopuses");
  await page.getByRole("dialog").getByRole("button", { name: "Run" }).click();
  await page.getByRole("button", { name: /^headline .*Succeeded/ }).first().waitFor();
  await page.getByRole("button", { name: /^post .*Succeeded/ }).first().click();
  const id = page.url().split("/runs/")[1].split("?")[0];
  const run = await ended(id);
  assert.deepEqual(run.input, { topic: "octopuses" });
  await page.waitForFunction((text) => document.querySelector("[role=region][aria-label=Answer]")?.textContent === text, run.nodes[0].output.text);
  await page.locator("main").getByText(`$${run.costUsd.replace(/0+$/, "")}`).first().waitFor();
  await end();

  // The key was in one request's body that was taken, and nowhere else.
  const carrying = requests.filter((request) => JSON.stringify(request).includes(secret));
  assert.deepEqual(carrying.map(({ method, url }) => `${method} ${url}`), [`POST ${API_URL}/credentials`]);
});

test("a key that was revoked: the failure leads to another key, and the resumed run pays only for what is left", async () => {
  const [good, bad, workflow] = [fresh("good"), fresh("bad"), fresh("mended")];
  const revoked = key();
  await call("POST", "/credentials", { name: good, provider: "openrouter", apiKey: key() });
  await call("POST", "/credentials", { name: bad, provider: "openrouter", apiKey: revoked });
  await call("PUT", `/workflows/${workflow}`, { name: "Mended", nodes: [node("first", good, "Say something"), node("second", bad, "And of {{first.text}}")] });
  await revoke(revoked);
  const { id } = await call("POST", `/workflows/${workflow}/runs`, {});
  const failed = await ended(id);
  assert.equal(failed.error.code, "InvalidApiKey");

  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, `#/runs/${id}`);
  const alert = page.getByRole("alert").first();
  await alert.getByRole("heading", { name: failed.error.title }).waitFor();
  await alert.getByRole("link", { name: `Replace the key of ${bad}` }).click();
  await page.getByLabel("API key").fill(key());
  await page.getByRole("button", { name: "Replace, then resume" }).click();
  const dialog = page.getByRole("dialog", { name: "Resume this run" });
  await dialog.getByText("1 answer: first").waitFor();
  await dialog.getByText("1 node: second").waitFor();
  await dialog.getByText(/^\$0\.\d+, all attempts counted/).waitFor();
  await dialog.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("button", { name: /^second .*Succeeded/ }).first().waitFor();
  const mended = await ended(id);
  assert.equal(mended.status, "SUCCEEDED");
  assert.equal(mended.nodes[0].attempts.length, 1);
  await end();
});

test("what a model writes stays text", async () => {
  const [credential, workflow] = [fresh("main"), fresh("hostile")];
  const hostile = `<img src=x onerror="alert(1)"></script><script>alert(2)</script><a href="javascript:alert(3)">x</a>`;
  await call("POST", "/credentials", { name: credential, provider: "openrouter", apiKey: key() });
  await call("PUT", `/workflows/${workflow}`, { name: `${hostile}`.slice(0, 100), nodes: [node("echo", credential, `[[echo]]{{text}}`)] });
  const { id } = await call("POST", `/workflows/${workflow}/runs`, { input: { text: hostile } });
  await ended(id);
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, `#/runs/${id}`);
  await page.getByRole("region", { name: "Answer" }).getByText(hostile).waitFor();
  assert.equal(await page.locator("main img, main script, main a[href^=javascript]").count(), 0);
  await page.getByRole("tab", { name: "Prompts" }).click();
  await page.getByRole("region", { name: "User prompt, rendered" }).getByText(`[[echo]]${hostile}`).waitFor();
  assert.equal(await page.locator("main img, main script, main a[href^=javascript]").count(), 0);
  await end();
});

test("a secret of HTTP requests is stored with its hosts, and offered to http nodes only", async () => {
  const [name, credential, workflow] = [fresh("crm"), fresh("main"), fresh("kinds")];
  await call("POST", "/credentials", { name: credential, provider: "openrouter", apiKey: key() });
  await call("PUT", `/workflows/${workflow}`, { name: "Kinds", nodes: [node("a", credential, "hi")] });
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, "#/credentials?do=new");
  await page.getByLabel("Provider").selectOption("http");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Token").fill("a-secret-of-a-service");
  await page.getByLabel(/^Hosts/).fill("api.crm.example");
  await page.getByRole("button", { name: "Store" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await page.getByText("api.crm.example", { exact: true }).first().waitFor();
  assert.equal(await page.getByRole("button", { name: "Rotation" }).count(), 0);
  assert(!(await page.content()).includes("a-secret-of-a-service"));
  await page.goto(`${API_URL}/console#/workflows/${workflow}?node=a`);
  const offered = page.getByLabel("Credential", { exact: true });
  await offered.waitFor();
  assert(!(await offered.textContent()).includes(name));
  await page.getByRole("button", { name: "Add a node" }).click();
  await page.getByRole("button", { name: /^http/ }).click();
  const optional = page.getByLabel("Credential (optional)");
  await optional.waitFor();
  assert((await optional.textContent()).includes(name) && !(await optional.textContent()).includes(credential));
  await page.getByRole("button", { name: "Discard" }).click();
  await end();
});

test("a key is in no page, no storage and no log", async () => {
  const secret = key();
  const { page, signIn, context, end } = await visit();
  await signIn(API_TOKEN, "#/credentials?do=new");
  const name = fresh("main");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("API key").fill(secret);
  await page.getByRole("button", { name: "Check and store" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  const all = await page.evaluate(() => document.documentElement.outerHTML + JSON.stringify({ ...localStorage, ...sessionStorage }) + location.href + JSON.stringify(history.state));
  assert(!all.includes(secret));
  assert.equal((await context.cookies()).length, 0);
  await end();
  const logs = execFileSync(join(import.meta.dirname, "../../../../infra/local/stack.py"), ["logs"], { encoding: "utf8", maxBuffer: 1 << 28 });
  assert(logs.includes("credentials:") && !logs.includes(secret));
});

test("the token is in memory, unless it is asked to stay; in the address it is wiped at once", async () => {
  const { page, signIn, go, end } = await visit();
  await signIn();
  assert(!page.url().includes(API_TOKEN) && !page.url().includes("token"));
  assert(!(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).includes(API_TOKEN));
  await page.reload();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.getByLabel("API token").fill(API_TOKEN);
  await page.getByLabel(/Stay signed in/).check();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  await page.reload();
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.reload();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await go("#/runs");
  await end();
});

test("what a token may not do is not offered", async () => {
  const make = async (scopes) => (await call("POST", "/tokens", { name: fresh("console"), scopes, expiresInDays: 1 })).token;
  const [credential, workflow] = [fresh("main"), fresh("read")];
  await call("POST", "/credentials", { name: credential, provider: "openrouter", apiKey: key() });
  await call("PUT", `/workflows/${workflow}`, { name: "Read", nodes: [node("a", credential, "hi")] });
  const { id } = await call("POST", `/workflows/${workflow}/runs`, {});
  await ended(id);
  const reader = await visit();
  await reader.signIn(await make(["read"]), `#/workflows/${workflow}`);
  await reader.page.getByRole("button", { name: /^a / }).waitFor();
  for (const name of ["Run", "Save", "Add a node", "Delete the workflow"]) assert.equal(await reader.page.getByRole("button", { name, exact: true }).count(), 0, name);
  await reader.go(`#/runs/${id}`);
  await reader.page.getByRole("heading", { level: 1, name: "Read" }).waitFor();
  assert.equal(await reader.page.getByRole("button", { name: /Run again|Resume|Cancel/ }).count(), 0);
  await reader.go(`#/credentials`);
  await reader.page.getByRole("link", { name: credential }).waitFor();
  assert.equal(await reader.page.getByRole("button", { name: "New credential" }).count(), 0);
  await reader.end();
  const runner = await visit();
  await runner.signIn(await make(["run"]));
  await runner.page.getByText("This token may only start runs").waitFor();
  await runner.end();
});

test("the items of a list are shown one by one", async () => {
  const [credential, workflow] = [fresh("main"), fresh("list")];
  await call("POST", "/credentials", { name: credential, provider: "openrouter", apiKey: key() });
  await call("PUT", `/workflows/${workflow}`, { name: "Words", nodes: [node("each", credential, "[[echo]]{{index}}: {{item}}", { forEach: { items: "{{words}}" } })] });
  const { id } = await call("POST", `/workflows/${workflow}/runs`, { input: { words: ["ink", "beak", "mantle"] } });
  await ended(id);
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, `#/runs/${id}`);
  await page.getByRole("button", { name: /^each 3 of 3 items Succeeded/ }).waitFor();
  await page.getByRole("tab", { name: "Items" }).click();
  await page.getByText("Item 1").click();
  await page.getByRole("region", { name: "Answer of item 1" }).getByText("1: beak", { exact: true }).waitFor();
  await end();
});

test("one prompt, three models side by side: answers and costs are the run's", async () => {
  const credential = fresh("main");
  await call("POST", "/credentials", { name: credential, provider: "openrouter", apiKey: key() });
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, "#/compare");
  await page.getByLabel("User prompt", { exact: true }).fill("[[echo]]What does {{an octopus}} dream of?");
  await page.getByLabel("Credential").selectOption(credential);
  await page.getByLabel("Model 2", { exact: true }).fill("clau haiku 4.5");
  await page.getByRole("option", { name: /anthropic\/claude-haiku-4\.5/ }).waitFor();
  await page.getByLabel("Model 2", { exact: true }).press("Enter");
  await page.getByRole("button", { name: "Ask 3 models" }).click();
  const column = page.getByRole("region", { name: "anthropic/claude-haiku-4.5", exact: true });
  await column.getByText("Succeeded").waitFor();
  const run = await ended(page.url().split("/compare/")[1]);
  await column.getByText(`$${run.nodes[1].costUsd.replace(/0+$/, "")}`, { exact: true }).waitFor();
  assert.equal(await column.getByRole("region", { name: /^Answer/ }).textContent(), run.nodes[1].output.text);
  assert.equal(run.nodes[1].output.text, "What does {{an octopus}} dream of?", "the prompt is no template");
  await page.getByText("cheapest").waitFor();
  await page.getByLabel("From").selectOption({ label: "openai/gpt-4o-mini" });
  await page.getByLabel("To").selectOption({ label: "google/gemini-2.5-flash" });
  await page.getByRole("region", { name: "Changed lines" }).waitFor();
  await end();
});

/** A run that takes some seconds, begun at this moment. */
async function slow(pieces = 300) {
  const [credential, workflow] = [fresh("main"), fresh("slow")];
  await call("POST", "/credentials", { name: credential, provider: "openrouter", apiKey: key() });
  await call("PUT", `/workflows/${workflow}`, { name: "Slow", nodes: [node("story", credential, `[[fault:slow-body(ms=${pieces})]]Tell a story of an octopus that counts its arms, one after the other, and of what it finds at the end of each`)] });
  return (await call("POST", `/workflows/${workflow}/runs`, {})).id;
}

test("a run that goes on is followed to its end, and can be cancelled", async () => {
  const id = await slow();
  const { page, signIn, end } = await visit();
  await signIn(API_TOKEN, `#/runs/${id}`);
  await page.getByRole("button", { name: /^story .*Running/ }).first().waitFor();
  await page.getByRole("button", { name: /^story .*Succeeded/ }).first().waitFor({ timeout: 30_000 });
  const other = await slow(2000);
  await page.goto(`${API_URL}/console#/runs/${other}`);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("dialog").getByLabel("Reason (optional)").fill("not needed");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the run" }).click();
  await page.locator(".head").getByText("Cancelled").waitFor();
  await end();
});

const { paths } = await (await fetch(`${API_URL}/openapi.json`)).json();
const streams = paths["/runs/{id}/events-token"] ? {} : { skip: "this stack tells no events" };

for (const way of ["the stream", "long-poll"]) {
  test(`by ${way} an answer grows while it is written, and a lost connection loses and repeats nothing`, streams, async () => {
    const { page, context, signIn, end } = await visit();
    if (way === "long-poll") await context.route(/\/events-token$/, (route) => route.fulfill({ status: 404, json: { code: "NoSuchRoute", title: "No Such Route", cause: "there is none", solution: [] } }));
    await signIn();
    const id = await slow(400);
    await page.goto(`${API_URL}/console#/runs/${id}`);
    await page.getByText("live", { exact: true }).waitFor();
    const answer = page.getByRole("region", { name: "Answer" });
    await answer.waitFor();
    const first = await answer.textContent();
    await page.waitForFunction((length) => document.querySelector("[role=region][aria-label=Answer]").textContent.length > length, first.length);
    await context.setOffline(true);
    await page.waitForTimeout(1000);
    await context.setOffline(false);
    await page.getByRole("button", { name: /^story .*Succeeded/ }).first().waitFor({ timeout: 30_000 });
    const run = await ended(id);
    assert(run.nodes[0].output.text.startsWith(first));
    assert.equal(await answer.textContent(), run.nodes[0].output.text);
    await end();
  });
}
