// One workflow: its graph with the form of a node and the source beside it, its runs, its versions, and what starts it.
import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { isMap, parseDocument } from "yaml";
import { api, asProblem, can, type Fault, type Problem } from "../api";
import { rewritten } from "../comments";
import { Graph } from "../graph";
import { readPlan } from "../plan";
import { go, refine, route, to } from "../router";
import { idOf, needsOf } from "../template";
import { type Credential, type DocumentNode, isKey, type StoredWorkflow, type Var, type WorkflowDocument } from "../types";
import { Ago, Area, Ask, Empty, Faults, Field, Icon, Note, ProblemCard, Shown, say, Tabs, ticked, useData } from "../ui";
import { many, money } from "../words";
import { withField, SchemaField } from "./fields";
import { kindsOf, NodeForm } from "./node-form";
import { askPreview, Preview, useValues, valueIn } from "./preview";
import { RunForm } from "./run-form";
import { RunList } from "./runs";
import { Triggers } from "./triggers";
import { tidy } from "../tidy";
import { asYaml, Versions } from "./versions";

/** What is being written, kept by workflow while the page is open. */
interface Draft {
  document: WorkflowDocument;
  /** What is shown in the source: the document, or a text that cannot be read yet. */
  text: string;
  isJson: boolean;
  /** Why the text cannot be read. */
  broken: Fault | null;
  /** What it was when it was read: a draft that is equal has nothing to save. */
  saved: string;
  faults: Fault[];
}

const drafts = signal(new Map<string, Draft>());
const draftOf = (id: string) => drafts.value.get(id);
function setDraft(id: string, draft: Draft) {
  drafts.value = new Map(drafts.value).set(id, draft);
}

const written = (document: unknown, isJson: boolean) => (isJson ? `${JSON.stringify(document, null, 2)}\n` : asYaml(document));
const isChanged = (draft: Draft) => draft.broken !== null || JSON.stringify(draft.document) !== draft.saved;

function begin(stored: StoredWorkflow): Draft {
  const document = tidy(stored.workflow);
  return { document, text: asYaml(document), isJson: false, broken: null, saved: JSON.stringify(document), faults: [] };
}

addEventListener("beforeunload", (event) => {
  if ([...drafts.value.values()].some(isChanged)) event.preventDefault();
});

export function Workflow({ id }: { id: string }) {
  const { query } = route.value;
  const version = query.get("version");
  const at = `/workflows/${encodeURIComponent(id)}`;
  const stored = useData((signal) => api<StoredWorkflow>("GET", `${at}${version ? `?version=${version}` : ""}`, { signal }), [id, version]);
  const newest = useData((signal) => (version ? api<StoredWorkflow>("GET", at, { signal }) : Promise.resolve(null)), [id, version]);
  const tab = query.get("tab") ?? "editor";
  const off = useData((signal) => api<{ enabled: boolean; reason: string | null }>("GET", `${at}/switch`, { signal }), [id, tab]);
  const deleting = useSignal(false);
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const warnings = useSignal<Fault[]>([]);
  const planned = useSignal(0);

  useEffect(() => {
    if (stored.data && !version && !draftOf(id)) setDraft(id, begin(stored.data));
  }, [stored.data]);

  const isFixed = !!version || !can("admin");
  const draft = version && stored.data ? begin(stored.data) : draftOf(id);
  const latest = newest.data?.version ?? stored.data?.version ?? 1;

  const save = async () => {
    const now = draftOf(id);
    if (!now || isFixed || busy.value) return;
    busy.value = true;
    problem.value = null;
    try {
      const made = await api<StoredWorkflow>("PUT", at, { body: now.document });
      // Comments are not stored, but stay while the page is open.
      setDraft(id, { ...now, ...begin(made), isJson: now.isJson, text: (!now.isJson && rewritten(now.text, tidy(made.workflow))) || written(tidy(made.workflow), now.isJson) });
      warnings.value = made.warnings ?? [];
      stored.set(made);
      planned.value++;
      say(`Version ${made.version} is stored`);
    } catch (error) {
      const failed = asProblem(error);
      setDraft(id, { ...now, faults: failed.faults ?? [] });
      problem.value = failed;
    } finally {
      busy.value = false;
    }
  };
  const latestSave = useRef(save);
  latestSave.current = save;
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
        event.preventDefault();
        latestSave.current();
      }
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);

  const view = (name: string, words: string) => ({ href: to(["workflows", id], name === "editor" ? {} : { tab: name }), words, isCurrent: tab === name });
  const hasChanged = !!draft && !version && isChanged(draft);
  return (
    <>
      <nav class="crumbs" aria-label="Where you are"><a href={to(["workflows"])}>Workflows</a></nav>
      <Shown of={stored} tall>
        {(of) => (
          <>
            <div class="head">
              <div class="title">
                <h1>{draft?.document.name ?? of.workflow.name ?? id}</h1>
                <p class="row lead"><code class="small">{id}</code><span class="small">version {of.version}, <Ago at={of.updatedAt} /></span>{hasChanged && <span class="tag warn">not saved</span>}</p>
              </div>
              <div class="row">
                {can("admin") && !version && <button type="button" class="danger plain icon-only" aria-label="Delete the workflow" onClick={() => (deleting.value = true)}><Icon name="trash" /></button>}
                {can("run") && !version && <button type="button" class={hasChanged ? "" : "primary"} onClick={() => refine({ do: "run" })}><Icon name="runs" />Run</button>}
                {!isFixed && hasChanged && <button type="button" onClick={() => { setDraft(id, begin(of)); problem.value = null; }}>Discard</button>}
                {!isFixed && hasChanged && <button type="button" class="primary" disabled={busy.value || !!draft.broken} onClick={save}>{busy.value && <Icon name="refresh" spin />}Save</button>}
              </div>
            </div>
            {off.data && !off.data.enabled && <Note kind="warn" icon="warn">It is switched off: no run of it starts{off.data.reason ? ` (${off.data.reason})` : ""}. <a href={to(["workflows", id], { tab: "triggers" })}>Switch it on</a></Note>}
            {version && <Note icon="clock">This is version {version}; the newest is {latest}. <a href={to(["workflows", id])}>Go to the newest</a></Note>}
            <Tabs label="Of this workflow" tabs={[view("editor", "Editor"), view("runs", "Runs"), view("versions", "Versions"), view("triggers", "What starts it")]} />
            {tab === "editor" && draft && <Editor id={id} draft={draft} isFixed={isFixed} stored={of} problem={problem.value} warnings={warnings.value} planned={planned.value} />}
            {tab === "runs" && <RunList workflowId={id} />}
            {tab === "versions" && <Versions id={id} newest={latest} onTake={can("admin") ? (old) => { setDraft(id, { ...begin(old), saved: JSON.stringify(tidy(of.workflow)) }); say(`Version ${old.version} is in the editor, not saved yet`); go(["workflows", id]); } : null} />}
            {tab === "triggers" && <Triggers id={id} />}
            {query.get("do") === "run" && draft && can("run") && (
              hasChanged ? <SaveFirst onClose={() => refine({ do: null })} /> : <RunForm id={id} document={of.workflow} onClose={() => refine({ do: null })} onDone={(run) => go(["runs", run.id])} />
            )}
            {deleting.value && <Ask title={`Delete ${of.workflow.name ?? id}`} submit="Delete" danger onClose={() => (deleting.value = false)} onDone={() => { const left = new Map(drafts.value); left.delete(id); drafts.value = left; say("The workflow is deleted"); go(["workflows"]); }} send={() => api("DELETE", at)}><p>Its schedules are deleted with it, and its webhooks answer 404. Its runs stay. Whoever puts it again under this id goes on with the next version.</p></Ask>}
          </>
        )}
      </Shown>
    </>
  );
}

function SaveFirst({ onClose }: { onClose: () => void }) {
  return <Ask title="Save it first" submit="Back to the editor" onClose={onClose} onDone={onClose} send={async () => null}><p>A run takes a stored version. Save what you have changed, then run it.</p></Ask>;
}

// ---- The editor

/** What a node is called in the address and in the graph, also while its name is being written anew. */
const handle = (node: DocumentNode) => idOf(node) || "(no name)";

function Editor({ id, draft, isFixed, stored, problem, warnings, planned }: { id: string; draft: Draft; isFixed: boolean; stored: StoredWorkflow; problem: Problem | null; warnings: Fault[]; planned: number }) {
  const { document } = draft;
  const schema = useData((signal) => api<any>("GET", "/schema/workflow.json", { signal }), []);
  const credentials = useData((signal) => api<{ credentials: Credential[] }>("GET", "/credentials", { signal }), []);
  const vars = useData((signal) => api<{ vars: Var[] }>("GET", "/vars", { signal }), []);
  const plan = useData((signal) => readPlan(id, stored.version, signal), [id, stored.version, planned]);
  const values = useValues(id, document);
  const adding = useSignal(false);
  const edited = useSignal<{ id: string; place: number }>({ id: "", place: -1 });
  const chosen = route.value.query.get("node");
  const nodes = Array.isArray(document.nodes) ? document.nodes.filter((node) => node && typeof node === "object" && node.variableName !== undefined) : [];
  // While a name is typed it may be another node's for a moment: the form stays with the node that it began with.
  const index = chosen && edited.value.id === chosen && nodes[edited.value.place] && handle(nodes[edited.value.place]!) === chosen ? edited.value.place : nodes.findIndex((node) => handle(node) === chosen);
  const hasChanged = isChanged(draft);

  const change = (next: WorkflowDocument) => setDraft(id, { ...draft, document: next, text: (!draft.isJson && !draft.broken && rewritten(draft.text, next)) || written(next, draft.isJson), broken: null, faults: [] });
  const changeNode = (place: number, node: DocumentNode) => {
    const before = nodes[place]!;
    change({ ...document, nodes: document.nodes.map((one) => (one === before ? node : one)) });
    edited.value = { id: handle(node), place };
    if (idOf(before) !== idOf(node)) refine({ node: handle(node) });
  };
  const faultAt = (path: string) => draft.faults.find((fault) => fault.path === path || fault.path.startsWith(`${path}.`) || fault.path.startsWith(`${path}[`))?.message;
  const jump = (path: string) => {
    const place = /^nodes\[(\d+)\]/.exec(path)?.[1];
    const node = place === undefined ? undefined : document.nodes[Number(place)];
    refine({ node: node ? handle(node) : null });
    setTimeout(() => (globalThis.document.getElementById(`f-${path.replace(/[^\w-]/g, "-")}`) ?? globalThis.document.querySelector<HTMLElement>("[aria-invalid=true]"))?.focus(), 60);
  };
  const redundant = new Set(hasChanged ? [] : (plan.data?.edges ?? []).filter((edge) => edge.redundant).map((edge) => `${edge.from}>${edge.to}`));
  const drawn = nodes.map((node) => {
    const needs = hasChanged || !plan.data ? needsOf(node, nodes) : plan.data.edges.filter((edge) => edge.to === idOf(node)).map((edge) => edge.from);
    return {
      id: handle(node),
      title: handle(node),
      sub: node.type === "openrouter" || !node.type ? (node.model ?? "openai/gpt-4o-mini") : node.type,
      needs,
      faint: needs.filter((need) => redundant.has(`${need}>${idOf(node)}`)),
      kind: node.type ?? "openrouter",
      isFaulty: draft.faults.some((fault) => fault.path.startsWith(`nodes[${document.nodes.indexOf(node)}]`)),
      spoken: needs.length ? `waits for ${needs.join(", ")}` : "waits for nothing",
    };
  });
  const kinds = kindsOf(schema.data);
  const add = (type: string) => {
    adding.value = false;
    const taken = new Set(nodes.flatMap((node) => [idOf(node), node.variableName]));
    let name = type === "openrouter" ? "answer" : type;
    for (let number = 2; taken.has(name) || ["switch"].includes(name); number++) name = `${type === "openrouter" ? "answer" : type}${number}`;
    const credential = nodes.find((node) => node.type === "openrouter" && node.credential)?.credential ?? credentials.data?.credentials.find(isKey)?.name ?? "";
    const node: DocumentNode = type === "openrouter" ? { type, variableName: name, credential, model: "openai/gpt-4o-mini", userPrompt: "" } : { type, variableName: name, ...Object.fromEntries((kinds.get(type)?.required ?? []).filter((field: string) => !["type", "variableName"].includes(field)).map((field: string) => [field, field === "credential" ? credential : kinds.get(type).properties[field]?.type === "array" ? [] : ""])) };
    change({ ...document, nodes: [...document.nodes, node] });
    refine({ node: name });
    setTimeout(() => globalThis.document.getElementById("node-form")?.scrollIntoView({ block: "nearest" }), 60);
  };
  return (
    <div class="stack wide">
      {problem && (problem.faults?.length ? (
        <section class="problem" role="alert">
          <div class="top"><Icon name="warn" /><div><h2>{problem.title}</h2><p class="cause">{ticked(problem.cause)}</p></div></div>
          <div class="rest"><Faults faults={problem.faults} jump={jump} /></div>
        </section>
      ) : <ProblemCard problem={problem} />)}
      {warnings.length > 0 && <Note kind="warn" icon="warn"><p class="strong">Stored, but this may go wrong:</p><Faults faults={warnings} jump={jump} /></Note>}
      <section class="card" aria-labelledby="graph-title">
        <header>
          <h2 id="graph-title">Graph</h2>
          <div class="row">
            {plan.data && !hasChanged && <span class="dim small">{many(nodes.length, "node")}, longest path {plan.data.longestPath.length}, {plan.data.mostUsd === null ? "the most that a run may cost is not known" : `a run costs ${money(plan.data.mostUsd)} at most`}</span>}
            <button type="button" class="plain" onClick={() => refine({ node: null })}>Settings</button>
            {!isFixed && <button type="button" aria-expanded={adding.value} onClick={() => (adding.value = !adding.value)}><Icon name="plus" />Add a node</button>}
          </div>
        </header>
        {adding.value && (
          <ul class="grid kinds plain-list">
            {[...kinds].map(([type, kind]) => (
              <li key={type}><button type="button" onClick={() => add(type)}><Icon name={type} /><span><b>{type}</b><span class="small dim">{kind.description}</span></span></button></li>
            ))}
          </ul>
        )}
        {drawn.length > 0 ? <Graph label={`Graph of the workflow, ${many(drawn.length, "node")}`} nodes={drawn} chosen={chosen} onChoose={(node) => refine({ node })} /> : <Empty icon="workflows" title="No node yet">Add one: it needs a credential and a prompt.</Empty>}
      </section>
      <div class="split even">
        <section class="card" id="node-form" aria-labelledby="form-title">
          {schema.data && index >= 0 ? (
            <>
              <header><h2 id="form-title">{chosen}</h2><span class="tag">{nodes[index]!.type ?? "openrouter"}</span></header>
              <NodeForm key={index} document={document} index={document.nodes.indexOf(nodes[index]!)} schema={schema.data} credentials={(credentials.data?.credentials ?? []).filter((one) => isKey(one) === (nodes[index]!.type !== "http")).map((one) => one.name)} faultAt={faultAt} isFixed={isFixed} newCredential={to(["credentials"], { do: "new" })} vars={vars.data?.vars ?? []} lastValue={(name) => valueIn(values.past, name)} costs={async (models, signal) => new Map((await askPreview(nodes[index]!, document, values.values, { models }, signal)).call?.byModel.map((one) => [one.model, one.mostUsd]) ?? [])} onChange={(node) => changeNode(index, node)} onRemove={() => { change({ ...document, nodes: document.nodes.filter((node) => node !== nodes[index]) }); refine({ node: null }); }} />
            </>
          ) : (
            <>
              <header><h2 id="form-title">Settings of the workflow</h2></header>
              <Shown of={schema}>{(its) => <Settings document={document} schema={its} faultAt={faultAt} isFixed={isFixed} onChange={change} />}</Shown>
            </>
          )}
        </section>
        <div class="stack wide">
          {index >= 0 && !draft.broken && <Preview key={index} node={nodes[index]!} document={document} of={values} />}
          <Source id={id} draft={draft} isFixed={isFixed} />
        </div>
      </div>
    </div>
  );
}

function Settings({ document, schema, faultAt, isFixed, onChange }: { document: WorkflowDocument; schema: any; faultAt: (path: string) => string | undefined; isFixed: boolean; onChange: (document: WorkflowDocument) => void }) {
  const around = { credentials: [], names: [], others: [], faultAt };
  const set = (name: string) => (value: any) => onChange((withField(document, name, value) ?? { nodes: [] }) as WorkflowDocument);
  const rest = Object.keys(schema.properties).filter((name) => !["name", "description", "nodes", "$schema"].includes(name));
  const isSet = rest.filter((name) => document[name] !== undefined);
  return (
    <fieldset class="stack" disabled={isFixed}>
      <legend class="sr">Settings</legend>
      <Field id="f-name" label="Name" required maxLength={128} fault={faultAt("name")} value={document.name ?? ""} onValue={set("name")} />
      <Area id="f-description" label="Description (optional)" rows={2} fault={faultAt("description")} value={document.description ?? ""} onValue={(value) => set("description")(value || undefined)} />
      <details class="fold" open={rest.some((name) => faultAt(name)) || undefined}>
        <summary>Input, limits and callbacks <span class="tag">{isSet.length} of {rest.length} set</span></summary>
        <div class="stack">{rest.map((name) => <SchemaField key={name} path={name} name={name} schema={schema.properties[name]} value={document[name]} isRequired={false} around={around} onValue={set(name)} />)}</div>
      </details>
      <p class="small dim">Choose a node of the graph to see its form.</p>
    </fieldset>
  );
}

function Source({ id, draft, isFixed }: { id: string; draft: Draft; isFixed: boolean }) {
  const write = (text: string) => {
    const { document, broken } = read(text, draft.isJson);
    setDraft(id, { ...draft, text, broken, document: document ?? draft.document, faults: [] });
  };
  const turn = (isJson: boolean) => setDraft(id, { ...draft, isJson, text: draft.broken ? draft.text : written(draft.document, isJson) });
  return (
    <section class="card source" aria-labelledby="source-title">
      <header>
        <h2 id="source-title">Source</h2>
        <div class="row" role="group" aria-label="Written as">
          <button type="button" class={draft.isJson ? "plain" : ""} aria-pressed={!draft.isJson} disabled={!!draft.broken} onClick={() => turn(false)}>YAML</button>
          <button type="button" class={draft.isJson ? "" : "plain"} aria-pressed={draft.isJson} disabled={!!draft.broken} onClick={() => turn(true)}>JSON</button>
        </div>
      </header>
      <label class="sr" for="source">Source of the workflow</label>
      <textarea id="source" spellcheck={false} readOnly={isFixed} value={draft.text} aria-invalid={draft.broken ? true : undefined} aria-describedby="source-says" onInput={(event) => write(event.currentTarget.value)} />
      <p id="source-says" class={draft.broken ? "fault" : "small dim"} role="status">{draft.broken ? `Line ${draft.broken.line ?? 1}: ${draft.broken.message}` : "The form and the source are the same document: a change in one shows in the other."}</p>
    </section>
  );
}

function read(text: string, isJson: boolean): { document: WorkflowDocument | null; broken: Fault | null } {
  // JSON is YAML too, but its own reader knows what is no JSON.
  if (isJson) {
    try {
      JSON.parse(text);
    } catch (error) {
      return { document: null, broken: { path: "", message: (error as Error).message } };
    }
  }
  const parsed = parseDocument(text, { maxAliasCount: 0 } as any);
  const wrong = parsed.errors[0];
  if (wrong) return { document: null, broken: { path: "", line: wrong.linePos?.[0].line, message: wrong.message.split("\n")[0]! } };
  if (!isMap(parsed.contents)) return { document: null, broken: { path: "", message: "a workflow is a map with `name` and `nodes`" } };
  try {
    const document = parsed.toJS({ maxAliasCount: 100 }) as WorkflowDocument;
    if (!Array.isArray(document.nodes)) return { document: null, broken: { path: "nodes", message: "`nodes` has to be a list" } };
    return { document, broken: null };
  } catch (error) {
    return { document: null, broken: { path: "", message: (error as Error).message } };
  }
}
