// Serves the page from its sources, for work on it: `API_URL=... PORT=4800 npm run dev`, then open http://127.0.0.1:4800/console.
// Each load builds it anew. Every other request goes on to the API.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const api = process.env.API_URL;
const port = Number(process.env.PORT ?? 4800);
if (!api) throw new Error("API_URL is not set: source .local/env");
const out = join(tmpdir(), `console-page-${port}`);
const types = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css" };
// The policy of the deployed page, so that what it forbids fails here too.
const policy = /const POLICY: &str = "([^"]*)"/.exec(readFileSync(join(import.meta.dirname, "../src/handler.rs"), "utf8"))[1].replace(/\\\n\s*/g, "").replace("connect-src 'self'", `connect-src 'self' ${new URL(api).origin}`);

createServer(async (request, response) => {
  const path = new URL(request.url, "http://x").pathname;
  try {
    if (path === "/console" || path.startsWith("/console/")) {
      if (path === "/console") execFileSync(process.execPath, [join(import.meta.dirname, "build.mjs"), "--out", out]);
      const name = path === "/console" ? "index.html" : path.slice("/console/".length);
      const file = readFileSync(join(out, name.replaceAll("/", "")));
      response.writeHead(200, { "content-type": types[name.split(".").pop()], "content-security-policy": policy, "cache-control": "no-store" });
      return response.end(file);
    }
    const body = [];
    for await (const piece of request) body.push(piece);
    const { host, connection, ...headers } = request.headers;
    const answer = await fetch(api + request.url, { method: request.method, headers, body: body.length ? Buffer.concat(body) : undefined });
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
    response.end(Buffer.from(await answer.arrayBuffer()));
  } catch (error) {
    response.writeHead(502, { "content-type": "text/plain" });
    response.end(String(error.stderr ?? error));
  }
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/console`));
