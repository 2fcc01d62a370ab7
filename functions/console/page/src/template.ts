// What the page knows of templates: which variables a text reads, and what may follow `{{` at the caret.
// The API decides what a template means; this only helps while one is written.
import type { DocumentNode, Var } from "./types";

/** The id of a node. */
export const idOf = (node: DocumentNode) => node.id || node.variableName;

const TAG = /\\?\{\{\{?([^{}]*)\}?\}\}/g;
const PATH = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[A-Za-z_$@.][\w$./@-]*/g;
const HELPERS = new Set("if unless each with lookup json default len eq ne gt gte lt lte and or not else this as true false null".split(" "));

/** The first parts of the paths that a template reads. */
export function reads(text: string): Set<string> {
  const found = new Set<string>();
  for (const [whole, inner = ""] of text.matchAll(TAG)) {
    if (whole.startsWith("\\")) continue;
    for (const [word] of inner.matchAll(PATH)) {
      if (word.startsWith('"') || word.startsWith("'")) continue;
      const first = word.replace(/^(\.\.\/|\.\/|@root\.|this\.)+/, "").split(/[./]/)[0]!;
      if (first && !HELPERS.has(first)) found.add(first);
    }
  }
  return found;
}

function texts(value: unknown, found: string[] = []) {
  if (typeof value === "string") found.push(value);
  else if (value && typeof value === "object") for (const inner of Object.values(value)) texts(inner, found);
  return found;
}

/** The ids of the nodes that a node of a draft waits for: those whose variables it reads, and those that it names. */
export function needsOf(node: DocumentNode, nodes: DocumentNode[]): string[] {
  const { credential: _credential, model: _model, ...rest } = node;
  const read = new Set(texts(rest).flatMap((text) => (text.includes("{{") ? [...reads(text)] : [])));
  const named = new Set<string>([...(Array.isArray(node.dependsOn) ? node.dependsOn : [])]);
  const fallbackOf = nodes.filter((other) => other.onError && typeof other.onError === "object" && other.onError.fallback === idOf(node));
  const needed = nodes.filter((other) => other !== node && (read.has(other.variableName) || named.has(idOf(other)) || fallbackOf.includes(other)));
  return needed.map(idOf);
}

export interface Name {
  name: string;
  about: string;
  /** What it was in the last run. */
  value?: string;
}

/** What a template of this node may read: inputs, variables of the others with their fields, those of the deployment, and the trigger. */
export function namesFor(node: DocumentNode | null, nodes: DocumentNode[], input: any, vars: Var[] = []): Name[] {
  const fields: Record<string, [string, string][]> = {
    openrouter: [[".text", "answer"], [".json", "parsed answer"], [".model", "model"], [".costUsd", "cost"], [".usage.totalTokens", "tokens"]],
    wait: [[".since", "begin"], [".until", "end"]],
    approval: [[".approved", "decision"], [".comment", "comment"], [".data", "data"], [".by", "who decided"], [".at", "time"]],
    compare: [[".best.text", "best answer"], [".best.model", "best model"], [".answers", "answers"], [".costUsd", "cost"]],
  };
  const later = node ? behind(node, nodes) : new Set<string>();
  const inputs = Object.entries(input?.properties ?? {}).map(([name, schema]: [string, any]) => ({ name, about: schema?.description ?? "input" }));
  const variables = nodes
    .filter((other) => other !== node && !later.has(idOf(other)))
    .flatMap((other) => [...(fields[other.type ?? ""] ?? [["", "value"]]), ...inner(other)].map(([field, about]) => ({ name: `${other.variableName}${field}`, about: `${about} of ${other.variableName}` })));
  const item = node?.forEach ? [{ name: "item", about: "this item of the list" }, { name: "index", about: "its place, from 0" }] : [];
  const trigger = ["type", "time", "runId", "id"].map((field) => ({ name: `trigger.${field}`, about: "what started the run" }));
  const ofDeployment = vars.flatMap(({ name, value }) => {
    const about = "variable of the deployment";
    const fields = value && typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : [];
    return [{ name: `vars.${name}`, about, value: shown(value) }, ...fields.map(([field, its]) => ({ name: `vars.${name}.${field}`, about, value: shown(its) }))];
  });
  return [...item, ...inputs, ...variables, ...ofDeployment, ...trigger];
}

const shown = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value)).slice(0, 60);

/** Fields that a node's own settings name: those of the JSON that it asks for, and those of an object that it makes. */
function inner(node: DocumentNode): [string, string][] {
  const asked = node.responseFormat?.json_schema?.schema?.properties;
  if (asked && typeof asked === "object") return Object.keys(asked).map((name) => [`.json.${name}`, "answer's field"]);
  const made = node.type === "set" && node.value && typeof node.value === "object" && !Array.isArray(node.value) ? node.value : {};
  return Object.keys(made).map((name) => [`.${name}`, "field"]);
}

/** The nodes that wait for this one: what it reads of them would be a circle. */
function behind(node: DocumentNode, nodes: DocumentNode[]) {
  const found = new Set<string>();
  const queue = [idOf(node)];
  const needs = new Map(nodes.map((other) => [idOf(other), needsOf(other, nodes)]));
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const [other, its] of needs) {
      if (its.includes(id) && !found.has(other)) {
        found.add(other);
        queue.push(other);
      }
    }
  }
  return found;
}

/** What may stand at the caret inside an open `{{`; null outside of one. */
export function suggestions(text: string, caret: number, names: Name[]) {
  const open = text.lastIndexOf("{{", caret - 1);
  if (open < 0 || text[open - 1] === "\\" || text.slice(open, caret).includes("}}")) return null;
  const typed = /[\w$.]*$/.exec(text.slice(open + 2, caret))![0];
  const low = typed.toLowerCase();
  const list = names.filter(({ name }) => name !== typed && name.toLowerCase().includes(low));
  list.sort((a, b) => Number(b.name.toLowerCase().startsWith(low)) - Number(a.name.toLowerCase().startsWith(low)));
  return list.length ? { from: caret - typed.length, list: list.slice(0, 8) } : null;
}

/** The text with the name taken, and where the caret then stands: behind the closing braces. */
export function take(text: string, caret: number, from: number, name: string) {
  const rest = text.slice(caret);
  const closed = /^\s*\}\}/.exec(rest);
  const close = closed ? "" : "}}";
  return { text: text.slice(0, from) + name + close + rest, caret: from + name.length + (closed ? closed[0].length : 2) };
}

/** A template in pieces: its tags, and the text between them. */
export function pieces(text: string): { text: string; isTag: boolean }[] {
  const found: { text: string; isTag: boolean }[] = [];
  let end = 0;
  for (const match of text.matchAll(TAG)) {
    if (match.index > end) found.push({ text: text.slice(end, match.index), isTag: false });
    found.push({ text: match[0], isTag: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push({ text: text.slice(end), isTag: false });
  return found;
}
