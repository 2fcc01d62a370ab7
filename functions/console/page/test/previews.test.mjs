// Previews in the editor and in a run: what a prompt becomes with real values, what it may cost, and what is missing.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { API_TOKEN, call, close, ended, fresh, isAccessible, key, node, visit } from "./browser.mjs";

after(close);

const texts = (page, name) => page.getByRole("region", { name });

test("the editor shows what a prompt becomes with a run's values or a sample, its tokens and the most that it may cost", async () => {
  const [credential, workflow] = [fresh("main"), fresh("preview")];
  await call("POST", "/credentials", { name: credential, provider: "openrouter", apiKey: key() });
  await call("POST", "/models/refresh", {});
  await call("PUT", `/workflows/${workflow}`, { name: "Preview", nodes: [node("post", credential, "[[echo]]About {{topic}}"), node("headline", credential, "One headline for: {{post.text}}", { systemPrompt: "Be short" }), { type: "set", variableName: "both", value: { title: "{{headline.text}}" } }] });
  const { page, requests, signIn, end } = await visit();

  // No run yet: a sample, with stand-ins for other answers.
  await signIn(API_TOKEN, `#/workflows/${workflow}?node=headline`);
  const preview = page.getByRole("region", { name: "Preview" });
  await preview.getByLabel("With the values of").waitFor();
  await texts(page, "User prompt, rendered").getByText("One headline for: (the answer of post)").waitFor();
  await texts(page, "System prompt, rendered").getByText("Be short").waitFor();
  await preview.getByText(/^about \d+ tokens$/).waitFor();
  await preview.getByText(/^\$0\.\d+ at most$/).waitFor();

  // With a run: its answers, also in what is offered while one types.
  const { id } = await call("POST", `/workflows/${workflow}/runs`, { input: { topic: "octopuses" } });
  await ended(id);
  await page.reload();
  await signIn(API_TOKEN, `#/workflows/${workflow}?node=headline`);
  await texts(page, "User prompt, rendered").getByText("One headline for: About octopuses").waitFor();
  assert.equal(await preview.getByLabel("With the values of").inputValue(), id);
  const prompt = page.getByLabel("User prompt", { exact: true });
  await prompt.press("End");
  await prompt.pressSequentially(" {{post.te");
  await page.getByRole("option", { name: "post.text About octopuses" }).waitFor();
  await prompt.press("Escape");

  // What is missing is told while it is written, before anything is stored.
  await prompt.fill("Of {{tpoic}}");
  await preview.getByText(/`?tpoic`? is missing/).first().waitFor();
  await prompt.fill("Of {{topic}}");
  await texts(page, "User prompt, rendered").getByText("Of octopuses").waitFor();

  // Each model of the list says what this prompt would cost.
  await page.getByLabel("Model", { exact: true }).click();
  await page.getByRole("option", { name: /this prompt: \$0\.\d+ at most/ }).first().waitFor();
  await page.keyboard.press("Escape");

  // Another kind: its value.
  await page.getByRole("button", { name: /^both / }).click();
  await page.getByRole("region", { name: "What it sends" }).getByText(/title/).waitFor();
  await isAccessible(page, "preview");
  await page.getByRole("button", { name: "Discard" }).click();
  await end();
  const posts = requests.filter((request) => request.url.endsWith("/workflows/preview"));
  assert(posts.length > 0 && posts.every((request) => !request.body.includes("sk-or-")));
});

test("a run shows its prompts as they were sent, also to who may only read", async () => {
  const [credential, workflow] = [fresh("main"), fresh("sent")];
  await call("POST", "/credentials", { name: credential, provider: "openrouter", apiKey: key() });
  await call("PUT", `/workflows/${workflow}`, { name: "Sent", nodes: [node("post", credential, "[[echo]]About {{topic}}"), node("headline", credential, "For {{post.text}}")] });
  const { id } = await call("POST", `/workflows/${workflow}/runs`, { input: { topic: "squids" } });
  await ended(id);
  const { token } = await call("POST", "/tokens", { name: fresh("reader"), scopes: ["read"], expiresInDays: 1 });
  const { page, signIn, end } = await visit();
  await signIn(token, `#/runs/${id}?node=headline&show=prompts`);
  await texts(page, "User prompt, rendered").getByText("For About squids", { exact: true }).waitFor();
  await page.getByText("As it is written").click();
  await page.getByRole("region", { name: "User prompt", exact: true }).getByText("{{post.text}}").waitFor();
  await isAccessible(page, "prompts of a run");
  await end();
});
