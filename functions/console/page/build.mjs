// Builds the page into ../dist: `npm run build`. With `--check` it only compares: it fails where dist is not what the sources make.
// With `--out DIR` it writes there, unminified, for work on the page.
import { build } from "esbuild";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const here = import.meta.dirname;
const isCheck = process.argv.includes("--check");
const out = process.argv.includes("--out") ? process.argv[process.argv.indexOf("--out") + 1] : undefined;
const dist = out ?? join(here, "..", "dist");

const made = await build({
  absWorkingDir: here,
  entryPoints: ["src/main.tsx", "src/style.css"],
  outdir: dist,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: !out,
  legalComments: "none",
  metafile: true,
  write: false,
});

const files = new Map(made.outputFiles.map((file) => [basename(file.path), file.text]));
// The file of the page that an entry was made into, and what it imports at once: the browser is told of both.
const named = (entry) => Object.entries(made.metafile.outputs).find(([, output]) => output.entryPoint === entry);
const [script, { imports }] = named("src/main.tsx");
const [style] = named("src/style.css");
const at = (path) => `console/${basename(path)}`;
const early = imports.filter((file) => file.kind === "import-statement").map((file) => file.path);
const page = readFileSync(join(here, "src/index.html"), "utf8")
  .replace("{{style}}", at(style))
  .replace("{{script}}", at(script))
  .replace("{{preload}}", early.map((path) => `<link rel="modulepreload" href="${at(path)}">`).join("\n    "));
files.set("index.html", page);

if (isCheck) {
  const there = readdirSync(dist).sort();
  const wanted = [...files.keys()].sort();
  const isSame = there.join() === wanted.join() && wanted.every((name) => readFileSync(join(dist, name), "utf8") === files.get(name));
  if (!isSame) {
    console.error("functions/console/dist is not what its page makes: run `npm run build` in functions/console/page and commit dist");
    process.exit(1);
  }
} else {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(dist, name), text);
}
