// The node of the event in Node.js: the AI SDK with OpenRouter's provider, Handlebars, the AWS SDK for the key.
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { streamText } from "ai";
import Handlebars from "handlebars";
import { serve } from "./runtime.mjs";

const CACHE_MILLISECONDS = 300_000;
const secrets = new SecretsManagerClient({});
const keys = new Map();

async function openrouter(credential) {
  const known = keys.get(credential);
  if (known && Date.now() - known.readAt < CACHE_MILLISECONDS) return known.provider;
  const secret = await secrets.send(new GetSecretValueCommand({ SecretId: `bench/${credential}` }));
  const { apiKey } = JSON.parse(secret.SecretString);
  const provider = createOpenRouter({ apiKey, baseURL: process.env.OPENROUTER_BASE_URL });
  keys.set(credential, { provider, readAt: Date.now() });
  return provider;
}

const render = (template, context) => Handlebars.compile(template, { noEscape: true })(context);

await serve(async ({ node, context }) => {
  const provider = await openrouter(node.credential);
  let failure;
  const result = streamText({
    model: provider.chat(node.model, { usage: { include: true } }),
    system: render(node.systemPrompt, context),
    prompt: render(node.userPrompt, context),
    maxOutputTokens: 4096,
    maxRetries: 0,
    onError: ({ error }) => {
      failure = error;
    },
  });
  await result.consumeStream();
  if (failure) throw failure;
  const { usage } = (await result.providerMetadata).openrouter;
  return { text: await result.text, usage: await result.usage, costUsd: String(usage.cost) };
});
