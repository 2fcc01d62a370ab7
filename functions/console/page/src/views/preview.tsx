// What a node would send: its prompts rendered by the API with a sample input or a past run's values, and what the call may cost.
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, asProblem, type Fault, type Problem } from "../api";
import { idOf } from "../template";
import type { DocumentNode, Json, Run, RunRow, WorkflowDocument } from "../types";
import { ago, count, faultOfJson, fieldWords, many, money, statusWord } from "../words";
import { Area, Faults, Field, Icon, JsonView, Note, ProblemCard, Select, Text, useData } from "../ui";
import { inputsOf } from "./run-form";

export interface PreviewOf {
  node: string;
  type: string;
  fields: { field: string; text: string; bytes: number }[];
  sends: Json;
  skipped: boolean | null;
  items: number | null;
  call: { promptTokensAbout: number; promptTokensAtMost: number; maxTokens: number; mostUsd: string | null; unpriced: string | null; byModel: { model: string; mostUsd: string | null }[] } | null;
  faults: Fault[];
}

/** Whose values prompts are filled from: those of a run, or a sample. */
interface Values {
  runId: string;
  /** The sample's input, JSON. */
  sample: string;
}

/** By workflow, while the page is open. */
const kept = signal(new Map<string, Values>());

/** The values that previews of a workflow take: at first those of its newest run. */
export function useValues(id: string, document: WorkflowDocument) {
  const runs = useData((signal) => api<{ runs: RunRow[] }>("GET", `/runs?workflowId=${encodeURIComponent(id)}&limit=10`, { signal }), [id]);
  const begun = (runs.data?.runs ?? []).filter((run) => run.status !== ("QUEUED" as string));
  const now = kept.value.get(id);
  const values: Values = now ?? { runId: begun[0]?.id ?? "", sample: JSON.stringify(sampleOf(document), null, 2) };
  const past = useData((signal) => (values.runId ? api<Run>("GET", `/runs/${values.runId}`, { signal }) : Promise.resolve(null)), [values.runId]);
  return {
    runs: begun,
    values,
    /** The run, as far as its texts fit one answer. */
    past: values.runId ? (past.data ?? null) : null,
    isReady: !!now || !runs.isLoading,
    set: (next: Partial<Values>) => (kept.value = new Map(kept.value).set(id, { ...values, ...next })),
  };
}

/** An input to begin with: what the schema's defaults and examples say, else words that name the field. */
function sampleOf(document: WorkflowDocument): Record<string, Json> {
  const properties = document.input?.properties;
  if (properties) {
    return Object.fromEntries(Object.entries(properties).map(([name, its]: [string, any]) => [name, its?.default ?? its?.examples?.[0] ?? its?.enum?.[0] ?? ({ number: 1, integer: 1, boolean: true, array: [], object: {} } as Record<string, Json>)[its?.type] ?? `a sample ${name}`]));
  }
  return Object.fromEntries(inputsOf(document).map(([name, isObject]) => [name, isObject ? {} : `a sample ${name}`]));
}

/** What stands for the variables of the other nodes where no run gives them. */
function standIns(node: DocumentNode, document: WorkflowDocument): Record<string, Json> {
  const others = document.nodes.filter((other) => other && other !== node && other.variableName);
  return Object.fromEntries(others.map((other) => [other.variableName, (other.type ?? "openrouter") === "openrouter" ? { text: `(the answer of ${idOf(other)})`, json: {}, model: other.model ?? "", costUsd: "0", finishReason: "stop", usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0 } } : `(the value of ${idOf(other)})`]));
}

/** Asks for the preview of a node, with these models priced too. */
export function askPreview(node: DocumentNode, document: WorkflowDocument, values: Values, more: { models?: string[]; index?: number } = {}, signal?: AbortSignal) {
  const from = values.runId ? { runId: values.runId } : { input: JSON.parse(values.sample || "{}"), variables: standIns(node, document) };
  return api<PreviewOf>("POST", "/workflows/preview", { body: { node: idOf(node), document, ...from, ...more }, signal });
}

type Of = ReturnType<typeof useValues>;

export function Preview({ node, document, of }: { node: DocumentNode; document: WorkflowDocument; of: Of }) {
  const seen = useSignal<PreviewOf | null>(null);
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  const index = useSignal(0);
  const { values, runs, set, isReady } = of;
  const broken = values.runId ? undefined : faultOfJson(values.sample);
  const asked = JSON.stringify([document, idOf(node), values, index.value]);
  useEffect(() => {
    if (broken || !isReady) return;
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      busy.value = true;
      try {
        seen.value = await askPreview(node, document, values, { index: index.value }, stop.signal);
        problem.value = null;
      } catch (error) {
        if (!stop.signal.aborted) problem.value = asProblem(error);
      } finally {
        if (!stop.signal.aborted) busy.value = false;
      }
    }, seen.peek() ? 300 : 0);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [asked, isReady]);
  const options: [string, string][] = [["", "a sample input"], ...runs.map((run): [string, string] => [run.id, `the run of ${ago(run.startedAt)}, ${statusWord(run.status).toLowerCase()}`])];
  if (values.runId && !runs.some((run) => run.id === values.runId)) options.push([values.runId, values.runId]);
  const at = `nodes[${document.nodes.indexOf(node)}]`;
  const faults = (seen.value?.faults ?? []).filter((fault) => fault.path.startsWith(at));
  return (
    <section class="card preview" aria-labelledby="preview-title" aria-busy={busy.value}>
      <header><h2 id="preview-title">Preview</h2><span class="dim small row">{busy.value && <Icon name="refresh" spin />}rendered, not sent</span></header>
      <div class="stack">
        <Select id="preview-values" label="With the values of" value={values.runId} onValue={(runId) => set({ runId })} options={options} />
        {!values.runId && <Area id="preview-sample" label="Sample input, as JSON" code rows={Math.min(8, values.sample.split("\n").length)} fault={broken} value={values.sample} onValue={(sample) => set({ sample })} hint={document.nodes.length > 1 ? "The answers of other nodes are stood in for: choose a run to see real ones." : undefined} />}
        {seen.value?.items !== null && seen.value?.items !== undefined && <Field id="preview-item" type="number" min={0} max={Math.max(0, seen.value.items - 1)} label={`Item, of ${many(seen.value.items, "item")}`} hint="The first is 0." value={String(index.value)} onValue={(value) => (index.value = Math.max(0, Number(value) || 0))} />}
        {problem.value && <ProblemCard problem={problem.value} small level={3} action={problem.value.code === "RunErased" && <button type="button" class="primary" onClick={() => set({ runId: "" })}>Take a sample input</button>} />}
        {seen.value && !broken && <Rendered of={seen.value} faults={faults} />}
      </div>
    </section>
  );
}

/** The rendered texts of a node, and what they may cost. */
export function Rendered({ of, faults = [], wasSent }: { of: PreviewOf; faults?: Fault[]; wasSent?: boolean }) {
  const { call } = of;
  const isChat = of.type === "openrouter";
  return (
    <>
      {of.skipped && !wasSent && <Note icon="SKIPPED">With these values it would be skipped: its <code>when</code> is not true.</Note>}
      {faults.length > 0 && <Note kind="warn" icon="warn"><Faults faults={faults} /></Note>}
      {call && !wasSent && (
        <dl class="facts" aria-label="What it may cost">
          <div><dt>Prompt</dt><dd>about {many(call.promptTokensAbout, "token")}</dd></div>
          <div><dt>Answer</dt><dd>{count(call.maxTokens)} tokens at most</dd></div>
          <div><dt>One try costs</dt><dd>{call.mostUsd === null ? <span title={call.unpriced ?? undefined}>not known</span> : `${money(call.mostUsd)} at most`}</dd></div>
        </dl>
      )}
      {of.fields.filter((field) => field.text !== "" && (isChat || !of.sends || ["when", "forEach.items"].includes(field.field))).map((field) => (
        <div class="stack tight" key={field.field}>
          <p class="label">{fieldWords(field.field)}</p>
          <Text text={field.text} label={`${fieldWords(field.field)}, rendered`} />
          {field.bytes > 400_000 && <p class="small dim">It is cut here: it has {count(field.bytes)} bytes.</p>}
        </div>
      ))}
      {!isChat && of.sends !== null && (
        <div class="stack tight">
          <p class="label">{of.type === "set" ? "Its value" : wasSent ? "What it sent" : "What it would send"}</p>
          <div class="box json" role="region" aria-label="What it sends" tabIndex={0}><JsonView value={of.sends} /></div>
          {of.type === "http" && <p class="small dim">The secret of its credential is put in when it is sent, and is shown nowhere.</p>}
        </div>
      )}
      {isChat && of.sends !== null && <details class="fold"><summary>The whole request</summary><div class="box json"><JsonView value={of.sends} /></div></details>}
    </>
  );
}

/** The value of a path such as `post.text` in a run, as a short text; undefined where it has none. */
export function valueIn(run: Run | null, name: string): string | undefined {
  if (!run) return undefined;
  const [root = "", ...path] = name.split(".");
  const made = run.nodes.find((node) => node.variableName === root);
  const input = run.input && typeof run.input === "object" && !Array.isArray(run.input) ? run.input : {};
  let value: any = made ? made.output : root === "trigger" ? { type: run.trigger, runId: run.id, id: run.id, time: run.startedAt } : (input as Record<string, Json>)[root];
  for (const part of path) value = value && typeof value === "object" ? value[part] : undefined;
  if (value === undefined || value === null) return undefined;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
