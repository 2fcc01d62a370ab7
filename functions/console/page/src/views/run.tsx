// One run: its graph, its waterfall, and of the chosen node the answer, the prompts, the values that they read, and the attempts.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api, asProblem, can, type Problem } from "../api";
import { Graph } from "../graph";
import { followItems, type How } from "../live";
import { readPlan } from "../plan";
import { go, refine, route, to } from "../router";
import { idOf, pieces, needsOf } from "../template";
import { hasEnded, type Json, type Plan, type Run as RunOf, type RunNode, type StoredWorkflow } from "../types";
import { Ago, Area, Ask, CopyButton, Empty, Field, Icon, JsonView, Later, Note, ProblemCard, Select, Skeleton, Status, Text, say, useData, useTick, type Loaded } from "../ui";
import { useRun } from "../use-run";
import { count, exact, faultOfJson, fieldWords, lasting, many, money, statusWord, sum, waitWords } from "../words";
import { mendOf } from "./mend";
import { Deliveries } from "./callbacks";
import { type PreviewOf, Rendered } from "./preview";

export function Run({ id }: { id: string }) {
  const { run: now, problem, how, reload, set } = useRun(id);
  if (problem && !now) return <><Crumbs /><ProblemCard problem={problem} action={<button type="button" class="primary" onClick={reload}>Try again</button>} /></>;
  if (!now) return <><Crumbs /><h1>Run</h1><Skeleton tall rows={6} /></>;
  return <Shown run={now} how={how} set={set} reload={reload} />;
}

/** What somebody can do something about. */
const WAITS_FOR_US = ["APPROVAL", "SIGNAL"];

const loadWaits = () => import("./waits").then((part) => part.Waits);

const HOW: Record<How, string> = { live: "live", asking: "asked every few seconds", late: "trying to reach the API" };

const Crumbs = ({ run }: { run?: RunOf }) => (
  <nav class="crumbs" aria-label="Where you are">
    <a href={to(["runs"])}>Runs</a>
    {run && <><span aria-hidden="true">/</span><a href={to(["workflows", run.workflowId])}>{run.workflowId}</a></>}
  </nav>
);

function Shown({ run, how, set, reload }: { run: RunOf; how: How; set: (node: RunNode) => void; reload: () => void }) {
  const { query } = route.value;
  const at = `/workflows/${encodeURIComponent(run.workflowId)}`;
  const plan = useData((signal) => readPlan(run.workflowId, run.version, signal), [run.workflowId, run.version]);
  const stored = useData((signal) => api<StoredWorkflow>("GET", `${at}?version=${run.version}`, { signal }), [run.workflowId, run.version]);
  const failed = run.error?.node ?? run.nodes.find((node) => node.status === "FAILED")?.id;
  const asksUs = run.nodes.find((node) => node.status === "WAITING" && WAITS_FOR_US.includes(node.waitingFor ?? ""))?.id;
  const chosenId = query.get("node") ?? failed ?? asksUs ?? run.nodes.find((node) => node.status === "RUNNING")?.id ?? run.nodes.at(-1)?.id ?? "";
  const node = run.nodes.find((one) => one.id === chosenId);
  const asked = query.get("do");
  const close = () => refine({ do: null, from: null });
  useTick(1000, !hasEnded(run.status));
  const took = (run.endedAt ? Date.parse(run.endedAt) : Date.now()) - Date.parse(run.startedAt);
  const waiting = run.nodes.filter((one) => one.status === "WAITING");
  const isDone = hasEnded(run.status);
  const isErased = !!run.erasedAt;
  const mend = run.error && mendOf(run.error, run, stored.data?.workflow);

  const kinds = new Map((plan.data?.nodes ?? []).map((one) => [one.id, one.type]));
  const documentNodes = stored.data?.workflow.nodes ?? [];
  const edges = plan.data?.edges;
  const nodes = run.nodes.map((one) => {
    const document = documentNodes.find((other) => idOf(other) === one.id);
    const needs = edges ? edges.filter((edge) => edge.to === one.id) : [];
    return {
      id: one.id,
      title: one.id,
      sub: subOf(one, document?.model ?? document?.type ?? kinds.get(one.id) ?? ""),
      needs: edges ? needs.map((edge) => edge.from) : document ? needsOf(document, documentNodes) : [],
      faint: needs.filter((edge) => edge.redundant).map((edge) => edge.from),
      kind: kinds.get(one.id) ?? document?.type ?? "openrouter",
      status: one.status,
      spoken: Number(one.costUsd) ? `${money(one.costUsd)}` : "",
    };
  });

  return (
    <>
      <Crumbs run={run} />
      <div class="head">
        <div class="title">
          <h1>{stored.data?.workflow.name ?? run.workflowId}</h1>
          <p class="row lead"><Status of={run.status} /> <code class="small">{run.id}</code>{run.rerunOf && <span class="small">repeats <a href={to(["runs", run.rerunOf.runId ?? ""])}>another run</a></span>}</p>
        </div>
        <div class="row">
          {can("run") && !isDone && <button type="button" class="danger" onClick={() => refine({ do: "cancel" })}><Icon name="ABORTED" />Cancel</button>}
          {can("run") && isDone && !isErased && run.status !== "SUCCEEDED" && !mend && <button type="button" class="primary" onClick={() => refine({ do: "resume" })}><Icon name="runs" />Resume</button>}
          {can("admin") && isDone && !isErased && <button type="button" class="danger plain icon-only" aria-label="Erase the run's texts" onClick={() => refine({ do: "erase" })}><Icon name="trash" /></button>}
          {can("run") && !isErased && <button type="button" onClick={() => refine({ do: "rerun" })}><Icon name="refresh" />Run again</button>}
        </div>
      </div>
      <div class="stack wide">
        <dl class="facts card">
          <div><dt>Started</dt><dd><Ago at={run.startedAt} /></dd></div>
          <div><dt>{isDone ? "Took" : "Running for"}</dt><dd>{lasting(took)}</dd></div>
          <div><dt>Cost</dt><dd>{money(run.costUsd)}</dd></div>
          <div><dt>Tokens</dt><dd>{count(run.usage.totalTokens)}</dd></div>
          <div><dt>Started by</dt><dd>{run.trigger}</dd></div>
          <div><dt>Version</dt><dd><a href={to(["workflows", run.workflowId], { version: String(run.version) })}>{run.version}</a></dd></div>
          {run.execution > 1 && <div><dt>Execution</dt><dd>{run.execution}</dd></div>}
          {!isDone && <div><dt>Progress</dt><dd><span class={`status is-${how === "late" ? "WAITING" : "RUNNING"}`}><Icon name={how === "late" ? "refresh" : "RUNNING"} spin={how === "late"} />{HOW[how]}</span></dd></div>}
        </dl>
        {run.status === "QUEUED" && <Note icon="QUEUED">It waits for other runs of its workflow to end: as many go on at once as <code>limits.maxRuns</code> says.</Note>}
        {isErased && <Note icon="trash">Its texts were erased <Ago at={run.erasedAt!} />: what it cost and used stays.</Note>}
        {run.status === "ABORTED" && <Note icon="ABORTED">Stopped. Its calls cost {money(run.costUsd)}{run.nodes.some((one) => one.attempts.some((attempt) => attempt.endedAt && attempt.generationId && attempt.costUsd === undefined)) ? "; what a dropped call cost is asked for" : ""}.</Note>}
        {waiting.length > 0 && !isDone && <Note kind="warn" icon="WAITING">{waiting.map((one) => <p key={one.id}><strong>{one.id}</strong> {waitWords(one.waitingFor)}{one.waitUntil ? <> until {exact(one.waitUntil)} ({lasting(Date.parse(one.waitUntil) - Date.now())})</> : ""}{one.error ? `: ${one.error.title}, attempt ${one.attempts.length}` : ""}.{can("run") && one.id !== chosenId && WAITS_FOR_US.includes(one.waitingFor ?? "") && <> <button type="button" class="link" onClick={() => refine({ node: one.id, show: null })}>{one.waitingFor === "APPROVAL" ? `Decide ${one.id}` : `Send the signal of ${one.id}`}</button></>}</p>)}</Note>}
        {run.error && (
          <ProblemCard
            problem={run.error}
            action={can("run") && (
              <>
                {mend && <a class="button primary" href={mend.href}>{mend.words}</a>}
                {isDone && !isErased && run.status !== "SUCCEEDED" && <button type="button" class={mend ? "" : "primary"} onClick={() => refine({ do: "resume" })}><Icon name="runs" />Resume</button>}
                {run.error.node && run.error.node !== chosenId && <button type="button" onClick={() => refine({ node: run.error!.node })}>Show the node {run.error.node}</button>}
              </>
            )}
          />
        )}
        {run.warnings.length > 0 && <Note kind="warn" icon="warn">{run.warnings.map((warning) => <p key={warning.path + warning.message}><code>{warning.path}</code> {warning.message}</p>)}</Note>}
        <section class="card" aria-labelledby="graph-title">
          <header><h2 id="graph-title">Graph</h2><span class="dim small">{many(run.nodes.filter((one) => one.status === "SUCCEEDED").length, "node")} of {run.nodes.length} done</span></header>
          {plan.isLoading && !plan.data ? <Skeleton tall rows={0} /> : <Graph label={`Graph of the run, ${many(run.nodes.length, "node")}`} nodes={nodes} chosen={chosenId} onChoose={(one) => refine({ node: one })} />}
        </section>
        <div class="split">
          <div class="stack wide">
            <Waterfall run={run} chosen={chosenId} />
            <section class="card" aria-labelledby="input-title">
              <header><h2 id="input-title">Input and output</h2></header>
              <div class="stack">
                <details class="fold" open><summary>Input</summary><div class="box json">{run.input === null ? <p class="dim">Too large to show.</p> : <JsonView value={run.input} />}</div></details>
                {run.output && <details class="fold"><summary>Output</summary><div class="box json"><JsonView value={run.output as Json} /></div></details>}
              </div>
            </section>
            {isDone && <Deliveries run={run.id} status={run.status} />}
          </div>
          <div class="follow">{node ? <NodePanel key={node.id} run={run} set={set} reload={reload} node={node} stored={stored} plan={plan.data} /> : <section class="card"><Empty icon="runs" title="Choose a node">Its answer, prompts and attempts are shown here.</Empty></section>}</div>
        </div>
      </div>
      {asked === "cancel" && <Cancel run={run} onClose={close} onDone={() => { close(); say("The run is cancelled"); reload(); }} />}
      {asked === "erase" && <Ask title="Erase this run's texts" submit="Erase" danger onClose={close} onDone={() => { close(); say("The texts are erased"); reload(); }} send={() => api("DELETE", `/runs/${run.id}`)}><p>Its input, prompts, answers and the words of failures go for good. What it cost and used, its times and statuses stay. It can be neither resumed nor repeated afterwards. This cannot be undone.</p></Ask>}
      {asked === "resume" && <Resume run={run} plan={plan.data} onClose={close} onDone={() => { close(); say("The run goes on"); reload(); }} />}
      {asked === "rerun" && <Rerun run={run} plan={plan.data} from={query.get("from") ?? ""} onClose={close} onDone={(made: { id: string }) => { say("Another run has started"); go(["runs", made.id]); }} />}
    </>
  );
}

function subOf(node: RunNode, model: string) {
  if (node.status === "WAITING") return WAITS_FOR_US.includes(node.waitingFor ?? "") ? waitWords(node.waitingFor) : node.waitUntil ? `waits ${lasting(Date.parse(node.waitUntil) - Date.now())}` : "waits";
  if (node.items && node.items.total > 0) return `${count(node.items.done)} of ${many(node.items.total, "item")}${node.items.failed ? `, ${count(node.items.failed)} failed` : ""}`;
  if (node.status === "RUNNING" && node.live?.text) return `${count(node.live.text.length)} characters`;
  if (node.status === "RUNNING" && node.startedAt) return `running ${lasting(Date.now() - Date.parse(node.attempts.at(-1)?.startedAt ?? node.startedAt))}`;
  if (node.reusedFrom) return `reused, ${model}`;
  return model;
}

// ---- When what ran

function Waterfall({ run, chosen }: { run: RunOf; chosen: string }) {
  const begin = Math.min(...[run.startedAt, ...run.nodes.map((node) => node.startedAt ?? run.startedAt)].map(Date.parse));
  const ends = run.nodes.flatMap((node) => [node.endedAt, ...node.attempts.map((one) => one.endedAt)]).filter(Boolean).map((time) => Date.parse(time!));
  const end = Math.max(begin + 1, run.endedAt ? Date.parse(run.endedAt) : Date.now(), ...ends);
  const part = (time: number) => `${((time - begin) / (end - begin)) * 100}%`;
  return (
    <section class="card" aria-labelledby="fall-title">
      <header><h2 id="fall-title">Timeline</h2><span class="dim small">{lasting(end - begin)}</span></header>
      <ol class="fall">
        {run.nodes.map((node) => {
          const last = node.endedAt ? Date.parse(node.endedAt) : node.status === "RUNNING" || node.status === "WAITING" ? end : null;
          const isReused = node.reusedFrom || !node.startedAt;
          const took = isReused || !node.startedAt ? "" : lasting((last ?? end) - Date.parse(node.startedAt));
          return (
            <li key={node.id}>
              <button type="button" aria-pressed={node.id === chosen} onClick={() => refine({ node: node.id })}>
                <span class="name">{node.id}<span class="sr">, {statusWord(node.status)}</span></span>
                <span class={`track is-${node.status}`}>
                  {!isReused && node.attempts.map((attempt, place) => {
                    const from = Date.parse(attempt.startedAt);
                    const until = attempt.endedAt ? Date.parse(attempt.endedAt) : (last ?? end);
                    const next = node.attempts[place + 1];
                    const pauseEnd = next ? Date.parse(next.startedAt) : node.status === "WAITING" ? end : until;
                    return (
                      <>
                        <span key={`a${place}`} class={`bar ${attempt.code ? "is-FAILED" : ""}`} title={`Attempt ${place + 1}: ${lasting(until - from)}${attempt.code ? `, ${attempt.code}` : ""}`} style={{ left: part(from), width: `calc(${part(until)} - ${part(from)})` }} />
                        {pauseEnd > until && <span key={`p${place}`} class="bar pause" title={`Waited ${lasting(pauseEnd - until)}`} style={{ left: part(until), width: `calc(${part(pauseEnd)} - ${part(until)})` }} />}
                      </>
                    );
                  })}
                </span>
                <span class="took">{node.reusedFrom ? "reused" : node.status === "SKIPPED" ? "skipped" : took}</span>
              </button>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

// ---- One node

const PARTS = [["answer", "Answer"], ["items", "Items"], ["prompts", "Prompts"], ["attempts", "Attempts"]] as const;

function NodePanel({ run, node, set, reload, stored, plan }: { run: RunOf; node: RunNode; set: (node: RunNode) => void; reload: () => void; stored: Loaded<StoredWorkflow>; plan?: Plan }) {
  const asked = route.value.query.get("show");
  const part = asked && (asked !== "items" || node.items) ? asked : "answer";
  const document = stored.data?.workflow.nodes.find((one) => idOf(one) === node.id);
  useEffect(() => {
    if (!node.isOlder) return;
    const stop = new AbortController();
    api<RunNode>("GET", `/runs/${run.id}/nodes/${encodeURIComponent(node.id)}`, { signal: stop.signal }).then(set, () => {});
    return () => stop.abort();
  }, [node.isOlder]);
  return (
    <section class="card" aria-labelledby="node-title">
      <header>
        <h2 id="node-title">{node.id}</h2>
        <Status of={node.status} />
      </header>
      <div class="tabs" role="tablist" aria-label={`Of ${node.id}`}>
        {PARTS.filter(([name]) => name !== "items" || node.items).map(([name, words]) => (
          <button type="button" role="tab" key={name} id={`tab-${name}`} aria-controls="node-part" aria-selected={part === name} tabIndex={part === name ? 0 : -1} onClick={() => refine({ show: name === "answer" ? null : name })} onKeyDown={tabKeys}>
            {words}{name === "attempts" && node.attempts.length > 1 ? ` (${node.attempts.length})` : ""}
          </button>
        ))}
      </div>
      <div class="stack" id="node-part" role="tabpanel" aria-labelledby={`tab-${part}`} tabIndex={0}>
        {part === "answer" && <Answer run={run} node={node} reload={reload} />}
        {part === "items" && <Items run={run} node={node} reload={reload} />}
        {part === "prompts" && (document ? <Prompts run={run} node={node} document={document} plan={plan} /> : stored.isLoading ? <Skeleton /> : stored.problem && stored.problem.status !== 404 ? <ProblemCard problem={stored.problem} small level={3} action={<button type="button" onClick={stored.reload}>Try again</button>} /> : <p class="dim">The workflow's document is not there any more.</p>)}
        {part === "attempts" && <Attempts node={node} />}
      </div>
    </section>
  );
}

function tabKeys(event: KeyboardEvent) {
  const tabs = [...(event.currentTarget as HTMLElement).parentElement!.querySelectorAll<HTMLElement>("[role=tab]")];
  const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!move) return;
  event.preventDefault();
  const next = tabs[(tabs.indexOf(event.currentTarget as HTMLElement) + move + tabs.length) % tabs.length]!;
  next.click();
  next.focus();
}

function Answer({ run, node, reload }: { run: RunOf; node: RunNode; reload: () => void }) {
  const output = node.output;
  const longText = useSignal<string | null>(null);
  const isLong = output?.textAt !== undefined && output?.text == null;
  const text: string | null = longText.value ?? (typeof output?.text === "string" ? output.text : typeof output === "string" ? output : null);
  const usage = output?.usage ?? node.usage;
  const rest = output && typeof output === "object" && !Array.isArray(output) ? Object.fromEntries(Object.entries(output).filter(([name]) => !["text", "json"].includes(name))) : null;
  const readLong = async () => {
    try {
      longText.value = (await wholeOutput(run.id, node.id))?.text ?? "";
    } catch (error) {
      say(asProblem(error).cause);
    }
  };
  return (
    <>
      {node.error && <ProblemCard problem={node.error} small level={3} />}
      {node.status === "WAITING" && !hasEnded(run.status) && <Later load={loadWaits} props={{ run: run.id, node, onDone: reload }} />}
      {node.status === "PENDING" && <p class="dim">It has not begun: it waits for the nodes before it.</p>}
      {node.status === "RUNNING" && !output && !node.live && <p class="dim row"><Icon name="refresh" spin />It is being executed.</p>}
      {!output && node.live && (
        <div class="stack tight">
          {node.live.reasoning && <details class="fold" open={!node.live.text}><summary>Reasoning</summary><Text text={node.live.reasoning} label="Reasoning" /></details>}
          {node.live.text && <><p class="label row"><Icon name="refresh" spin={node.status === "RUNNING"} />Answer, as it is written</p><Text text={node.live.text} label="Answer" /></>}
        </div>
      )}
      {node.status === "SKIPPED" && <p class="dim">It was skipped, because its condition was not true or a value that it needs is missing. It cost nothing.</p>}
      {isLong && !longText.value && <button type="button" onClick={readLong}>Read the long answer</button>}
      {text !== null && (
        <div class="stack tight">
          <div class="row between"><p class="label">Answer</p><CopyButton text={text} /></div>
          <Text text={text} label="Answer" />
        </div>
      )}
      {output?.json !== undefined && <details class="fold" open={text === null}><summary>As JSON</summary><div class="box json"><JsonView value={output.json} /></div></details>}
      {text === null && output !== null && output !== undefined && typeof output !== "string" && !isLong && <div class="box json"><JsonView value={output} /></div>}
      {(node.startedAt || node.reusedFrom) && (
        <dl class="facts">
          {output?.model && <div><dt>Model</dt><dd>{output.model}</dd></div>}
          {output?.provider && <div><dt>Provider</dt><dd>{output.provider}</dd></div>}
          {usage && <div><dt>Tokens in and out</dt><dd>{count(usage.promptTokens)} + {count(usage.completionTokens)}</dd></div>}
          <div><dt>Cost</dt><dd>{node.reusedFrom ? "$0, reused" : money(node.costUsd)}</dd></div>
          {node.startedAt && node.endedAt && !node.reusedFrom && <div><dt>Took</dt><dd>{lasting(Date.parse(node.endedAt) - Date.parse(node.startedAt))}</dd></div>}
          {output?.finishReason && <div><dt>Ended by</dt><dd>{output.finishReason}</dd></div>}
        </dl>
      )}
      {output?.finishReason === "length" && <Note kind="warn" icon="warn">The answer was cut at <code>maxTokens</code>.</Note>}
      {node.reusedFrom && <p class="small dim">Taken over from <a href={to(["runs", node.reusedFrom], { node: node.id })}>the run that paid for it</a>.</p>}
      {rest && text !== null && Object.keys(rest).length > 0 && <details class="fold"><summary>Everything else of its variable</summary><div class="box json"><JsonView value={rest as Json} /></div></details>}
      {can("run") && hasEnded(run.status) && !run.erasedAt && ["SUCCEEDED", "FAILED"].includes(node.status) && <p><button type="button" onClick={() => refine({ do: "rerun", from: node.id })}><Icon name="refresh" />Run again from here</button></p>}
    </>
  );
}

/** The items of a node's list that have begun, in pages; each with its answer when it is opened. */
function Items({ run, node, reload }: { run: RunOf; node: RunNode; reload: () => void }) {
  const rows = useSignal<RunNode[]>([]);
  const cursor = useSignal<string | null>("");
  const problem = useSignal<Problem | null>(null);
  const more = async () => {
    try {
      const page = await api<{ items: RunNode[]; cursor: string | null }>("GET", `/runs/${run.id}/nodes/${encodeURIComponent(node.id)}/items?limit=20${cursor.value ? `&cursor=${encodeURIComponent(cursor.value)}` : ""}`);
      rows.value = [...rows.value, ...page.items];
      cursor.value = page.cursor;
    } catch (error) {
      problem.value = asProblem(error);
    }
  };
  useEffect(() => {
    rows.value = [];
    cursor.value = "";
    more();
  }, [hasEnded(run.status) ? node.items?.done : 0]);
  // While the list goes on, the items in view are told one by one.
  const first = useSignal(0);
  const total = node.items?.total ?? 0;
  const goesOn = !hasEnded(run.status) && total > 0;
  useEffect(() => {
    if (!goesOn) return;
    const stop = new AbortController();
    const last = Math.min(total, first.value + IN_VIEW) - 1;
    followItems(run.id, `${node.id}:${first.value}-${last}`, stop.signal, (told) => {
      const known = new Map(rows.value.map((row) => [row.index, row]));
      for (const one of told) known.set(one.index, { ...(known.get(one.index) ?? { id: node.id, variableName: node.variableName, output: null, attempts: [], error: null }), ...one } as RunNode);
      rows.value = [...known.values()].sort((a, b) => a.index! - b.index!);
    });
    return () => stop.abort();
  }, [goesOn, total, first.value]);
  const opened = async (item: RunNode) => {
    if (item.output !== null || item.status !== "SUCCEEDED") return;
    const whole = await api<RunNode>("GET", `/runs/${run.id}/nodes/${encodeURIComponent(node.id)}/items/${item.index}`).catch(() => null);
    if (whole) rows.value = rows.value.map((row) => (row.index === item.index ? { ...row, ...whole } : row));
  };
  return (
    <>
      <p class="dim small">{count(node.items?.done)} of {many(node.items?.total ?? 0, "item")} done{node.items?.failed ? `, ${count(node.items.failed)} failed and kept` : ""}.</p>
      {rows.value.map((item) => (
        <details class="fold" key={item.index} onToggle={(event) => event.currentTarget.open && opened(item)}>
          <summary>Item {item.index} <Status of={item.status} /> <span class="dim num">{money(item.costUsd)}</span></summary>
          <div class="stack tight">
            {item.error && <ProblemCard problem={item.error} small level={3} />}
            {item.status === "WAITING" && !hasEnded(run.status) && <Later load={loadWaits} props={{ run: run.id, node: item, onDone: reload }} />}
            {typeof item.output?.text === "string" ? <Text text={item.output.text} label={`Answer of item ${item.index}`} /> : item.output !== null && <div class="box json"><JsonView value={item.output} /></div>}
            <Attempts node={item} />
          </div>
        </details>
      ))}
      {problem.value && <ProblemCard problem={problem.value} small level={3} />}
      {cursor.value && <button type="button" onClick={more}>Show more</button>}
      {goesOn && total > IN_VIEW && <Select id="in-view" label="Followed as they happen" value={String(first.value)} onValue={(value) => { first.value = Number(value); }} options={Array.from({ length: Math.ceil(total / IN_VIEW) }, (_, page): [string, string] => [String(page * IN_VIEW), `items ${page * IN_VIEW} to ${Math.min(total, (page + 1) * IN_VIEW) - 1}`])} />}
    </>
  );
}

/** How many items of a list are followed at once. */
const IN_VIEW = 25;

/** The output of a node that is too long for one answer, read in pieces. */
async function wholeOutput(run: string, node: string) {
  let offset: number | null = 0;
  let json = "";
  while (offset !== null) {
    const { outputPiece }: { outputPiece: { json: string; next: number | null } } = await api("GET", `/runs/${run}/nodes/${encodeURIComponent(node)}?offset=${offset}`);
    json += outputPiece.json;
    offset = outputPiece.next;
  }
  return JSON.parse(json);
}

/** The prompts as they were rendered in this run, by the same code; beside them as they are written. */
function Prompts({ run, node, document, plan }: { run: RunOf; node: RunNode; document: any; plan?: Plan }) {
  const seen = useData((signal) => api<PreviewOf>("POST", "/workflows/preview", { body: { runId: run.id, node: node.id }, signal }), [run.id, node.id, node.status]);
  const fields = Object.entries(document).filter(([name, value]) => ["systemPrompt", "userPrompt"].includes(name) || (typeof value === "string" && value.includes("{{"))) as [string, string][];
  const reads = plan?.edges.filter((edge) => edge.to === node.id).flatMap((edge) => edge.reads.map((read) => ({ ...read, from: edge.from }))) ?? [];
  const variables = [...new Map(reads.map((read) => [read.variable, read.from]))];
  const inputs = run.input && typeof run.input === "object" && !Array.isArray(run.input) ? Object.entries(run.input).filter(([name]) => fields.some(([, text]) => new RegExp(`\\{\\{[^}]*\\b${escaped(name)}\\b`).test(text))) : [];
  const hasBegun = !["PENDING", "SKIPPED"].includes(node.status);
  return (
    <>
      {!hasBegun && <p class="dim small">It has sent nothing. This is what it would send with what the run knows.</p>}
      {seen.data ? <Rendered of={seen.data} faults={seen.data.faults} wasSent={hasBegun} /> : seen.problem ? <ProblemCard problem={seen.problem} small level={3} /> : <Skeleton rows={3} />}
      {fields.length > 0 && (
        <details class="fold" open={!!seen.problem}>
          <summary>As it is written</summary>
          <div class="stack">
            {fields.map(([name, text]) => (
              <div class="stack tight" key={name}>
                <div class="row between"><p class="label">{fieldWords(name)}</p><CopyButton text={text} /></div>
                <div class="box text" role="region" aria-label={fieldWords(name)} tabIndex={0}>{pieces(text).map((piece, place) => (piece.isTag ? <span class="var" key={place}>{piece.text}</span> : piece.text))}</div>
              </div>
            ))}
          </div>
        </details>
      )}
      {(variables.length > 0 || inputs.length > 0) && (
        <div class="stack tight">
          <p class="label">What it read in this run</p>
          {inputs.map(([name, value]) => (
            <details class="fold" key={name}><summary>{name} <span class="dim">input</span></summary><div class="box json"><JsonView value={value as Json} /></div></details>
          ))}
          {variables.map(([variable, from]) => {
            const output = run.nodes.find((one) => one.id === from)?.output;
            return (
              <details class="fold" key={variable}>
                <summary>{variable} <span class="dim">answer of {from}</span></summary>
                {output ? <Text text={typeof output === "string" ? output : (output.text ?? JSON.stringify(output, null, 2))} label={variable} /> : <p class="dim">Nothing yet.</p>}
              </details>
            );
          })}
        </div>
      )}
    </>
  );
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function Attempts({ node }: { node: RunNode }) {
  if (node.attempts.length === 0) return <p class="dim">{node.attemptsAt ? "There are too many to show here." : "There was none yet."}</p>;
  return (
    <ol class="line">
      {node.attempts.map((attempt, place) => (
        <li key={place}>
          <div class="stack tight">
            <p class="row"><strong>Attempt {place + 1}</strong> <Status of={attempt.code ? "FAILED" : attempt.endedAt ? "SUCCEEDED" : "RUNNING"} />{(attempt.execution ?? 1) > 1 && <span class="tag">execution {attempt.execution}</span>}</p>
            <p class="small dim">{exact(attempt.startedAt)}{attempt.endedAt ? `, ${lasting(Date.parse(attempt.endedAt) - Date.parse(attempt.startedAt))}` : ""}</p>
            {attempt.code && <p class="small"><code>{attempt.code}</code> {attempt.message}</p>}
            {attempt.waitSeconds !== undefined && <p class="small">Then it waited {lasting(attempt.waitSeconds * 1000)}.</p>}
            <p class="small dim num">{attempt.costUsd === undefined ? "cost not known yet" : money(attempt.costUsd)}{attempt.usage ? `, ${count(attempt.usage.promptTokens)} + ${count(attempt.usage.completionTokens)} tokens` : ""}</p>
            {attempt.generationId && <p class="small dim mono">{attempt.generationId}</p>}
          </div>
        </li>
      ))}
    </ol>
  );
}

// ---- What can be done with a run, each said beforehand

function Cancel({ run, onClose, onDone }: { run: RunOf; onClose: () => void; onDone: () => void }) {
  const reason = useSignal("");
  const now = run.nodes.filter((node) => node.status === "RUNNING").map((node) => node.id);
  return (
    <Ask title="Cancel this run" submit="Cancel the run" danger onClose={onClose} onDone={onDone} send={() => api("POST", `/runs/${run.id}/cancel`, { body: { reason: reason.value || undefined } })}>
      <p>The run ends at once. {now.length ? `Calls in flight are dropped within about two seconds (${now.join(", ")}); what they cost is recorded.` : "No call is in flight."} What is answered stays, and the run can be resumed.</p>
      <Field id="reason" label="Reason (optional)" value={reason.value} onValue={(value) => (reason.value = value)} maxLength={1000} />
    </Ask>
  );
}

function Resume({ run, plan, onClose, onDone }: { run: RunOf; plan?: Plan; onClose: () => void; onDone: () => void }) {
  const budget = useSignal("");
  const isDone = (node: RunNode) => node.status === "SUCCEEDED" || node.status === "SKIPPED";
  const reused = run.nodes.filter(isDone).map((node) => node.id);
  const open = run.nodes.filter((node) => !isDone(node)).map((node) => node.id);
  const isBudget = run.error?.code === "BudgetExceeded";
  return (
    <Ask title="Resume this run" submit="Resume" onClose={onClose} onDone={onDone} send={() => api("POST", `/runs/${run.id}/resume`, { body: budget.value ? { maxCostUsd: budget.value } : {} })}>
      <Beforehand reused={reused} open={open} plan={plan} />
      <p class="small dim">The run keeps version {run.version} of the workflow. Credentials are looked up again by their names, so a corrected key is used.</p>
      <Field id="budget" label={isBudget ? "The run's budget from now on, USD" : "Another budget for the run, USD (optional)"} required={isBudget} inputMode="decimal" pattern="\d+(\.\d+)?" placeholder="0.50" hint={`In all; it has cost ${money(run.costUsd)} so far.`} value={budget.value} onValue={(value) => (budget.value = value)} />
    </Ask>
  );
}

function Beforehand({ reused, open, plan }: { reused: string[]; open: string[]; plan?: Plan }) {
  const planned = open.map((id) => plan?.nodes.find((node) => node.id === id));
  const most = plan ? sum(planned.map((node) => node?.mostUsd)) : undefined;
  const unpriced = planned.find((node) => node?.unpriced)?.unpriced;
  return (
    <dl class="stack tight beforehand">
      <div><dt class="label">Reused at no cost</dt><dd>{reused.length ? `${many(reused.length, "answer")}: ${listed(reused)}` : "nothing"}</dd></div>
      <div><dt class="label">Runs now</dt><dd>{many(open.length, "node")}: {listed(open)}</dd></div>
      <div><dt class="label">Costs at most</dt><dd>{most === undefined ? "is being worked out" : most === null ? `not known: ${unpriced ?? "a model has no price in the list"}` : `${money(most)}, all attempts counted, beside what tags insert into prompts`}</dd></div>
    </dl>
  );
}

const listed = (ids: string[]) => (ids.length > 8 ? `${ids.slice(0, 8).join(", ")} and ${ids.length - 8} more` : ids.join(", "));

function Rerun({ run, plan, from: first, onClose, onDone }: { run: RunOf; plan?: Plan; from: string; onClose: () => void; onDone: (made: any) => void }) {
  const from = useSignal(first);
  const version = useSignal("");
  const input = useSignal(JSON.stringify(run.input ?? {}, null, 2));
  const given = useRef(input.peek());
  const behind = new Set<string>();
  if (from.value && plan) {
    behind.add(from.value);
    for (let size = 0; size !== behind.size; ) {
      size = behind.size;
      for (const edge of plan.edges) if (behind.has(edge.from)) behind.add(edge.to);
    }
  }
  const isReused = (node: RunNode) => from.value !== "" && !behind.has(node.id) && (node.status === "SUCCEEDED" || node.status === "SKIPPED");
  const reused = run.nodes.filter(isReused).map((node) => node.id);
  const open = run.nodes.filter((node) => !isReused(node)).map((node) => node.id);
  const broken = faultOfJson(input.value);
  const send = () => {
    const body: Record<string, unknown> = {};
    if (from.value) body.from = from.value;
    if (version.value) body.version = version.value === "latest" ? "latest" : Number(version.value);
    if (input.value !== given.current) body.input = JSON.parse(input.value);
    return api("POST", `/runs/${run.id}/rerun`, { body });
  };
  return (
    <Ask title="Run again" submit="Start another run" wide onClose={onClose} onDone={onDone} send={send} isOff={!!broken}>
      <div class="columns">
        <Select id="from" label="From" value={from.value} onValue={(value) => (from.value = value)} options={[["", "the beginning: everything anew"], ...run.nodes.map((node): [string, string] => [node.id, `${node.id} and what follows`])]} />
        <Select id="version" label="Version" value={version.value} onValue={(value) => (version.value = value)} options={[["", `the same (${run.version})`], ["latest", "the newest"]]} />
      </div>
      <Beforehand reused={reused} open={open} plan={plan} />
      {version.value === "latest" && <p class="small dim">A node that is not the same in the newest version runs anew too.</p>}
      <details class="fold" open={!from.value}><summary>Input</summary><Area id="input" label="Input of the nodes that run, as JSON" code rows={6} fault={broken} value={input.value} onValue={(value) => (input.value = value)} /></details>
    </Ask>
  );
}
