// Starts a run by hand: a form for the input, by the workflow's schema, or by the names that its prompts read.
import { useSignal } from "@preact/signals";
import { api } from "../api";
import { reads } from "../template";
import type { WorkflowDocument } from "../types";
import { Area, Ask, Field, say } from "../ui";
import { JsonField, SchemaField } from "./fields";
import { faultOfJson } from "../words";

/** The last input of each workflow, kept while the page is open. */
const last = new Map<string, Record<string, any>>();

/** The names that prompts read and no node makes: the input's fields, as far as the texts show. */
export function inputsOf(document: WorkflowDocument): [string, boolean][] {
  const made = new Set([...document.nodes.map((node) => node.variableName), "trigger", "vars", ...(document.nodes.some((node) => node.forEach) ? ["item", "index"] : [])]);
  const text = JSON.stringify(document.nodes);
  const found = new Set(document.nodes.flatMap((node) => Object.values(node).flatMap((value) => [...reads(typeof value === "string" ? value : JSON.stringify(value ?? ""))])));
  return [...found].filter((name) => !made.has(name) && !name.startsWith("@")).map((name) => [name, new RegExp(`\\{\\{[^}]*\\b${name.replace(/\$/g, "\\$")}\\.`).test(text)]);
}

export function RunForm({ id, document, onClose, onDone }: { id: string; document: WorkflowDocument; onClose: () => void; onDone: (run: { id: string }) => void }) {
  const schema = document.input?.properties ? document.input : null;
  const guessed = schema ? [] : inputsOf(document);
  const value = useSignal<Record<string, any>>(last.get(id) ?? {});
  const isJson = useSignal(false);
  const text = useSignal("");
  const broken = isJson.value ? faultOfJson(text.value) : undefined;
  const send = () => {
    const input = isJson.value ? JSON.parse(text.value || "{}") : value.value;
    last.set(id, input);
    return api<{ id: string }>("POST", `/workflows/${encodeURIComponent(id)}/runs`, { body: { input } });
  };
  const set = (name: string, given: any) => {
    const next = { ...value.value };
    if (given === undefined || given === "") delete next[name];
    else next[name] = given;
    value.value = next;
  };
  return (
    <Ask title={`Run ${document.name ?? id}`} submit="Run" onClose={onClose} onDone={(run) => { say("The run has started"); onDone(run); }} send={send} isOff={!!broken}>
      {(problem) => {
        const faultAt = (path: string) => problem?.faults?.find((fault) => fault.path === path || fault.path === `input.${path}`)?.message;
        if (isJson.value) return <Area id="json" label="Input as JSON" code rows={10} fault={broken} value={text.value} onValue={(given) => (text.value = given)} />;
        return (
          <>
            {schema &&
              Object.entries(schema.properties).map(([name, its]: [string, any]) => (
                <SchemaField key={name} path={name} name={name} schema={{ ...its, format: undefined }} value={value.value[name]} isRequired={(schema.required ?? []).includes(name)} around={{ credentials: [], names: [], others: [], faultAt }} onValue={(given) => set(name, given)} />
              ))}
            {guessed.map(([name, isObject]) =>
              isObject ? (
                <JsonField key={name} id={`f-${name}`} label={name} hint="The prompts read fields of it." value={value.value[name]} onValue={(given) => set(name, given)} />
              ) : (
                <Field key={name} id={`f-${name}`} label={name} value={value.value[name] ?? ""} onValue={(given) => set(name, given)} />
              ),
            )}
            {!schema && guessed.length === 0 && <p>Its prompts read no input.</p>}
            {!schema && guessed.length > 0 && <p class="small dim">The workflow declares no <code>input</code>: these are the names that its prompts read.</p>}
            <p><button type="button" class="link" onClick={() => { text.value = JSON.stringify(value.value, null, 2); isJson.value = true; }}>Write the input as JSON</button></p>
          </>
        );
      }}
    </Ask>
  );
}
