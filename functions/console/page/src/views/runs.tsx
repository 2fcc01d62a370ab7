// The list of runs: filters in the address, no texts, no counts.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, asProblem, can, Failure, type Problem } from "../api";
import { refine, route, to } from "../router";
import { hasEnded, type Run as RunOf, type RunRow, type WorkflowRow } from "../types";
import { Ago, Ask, Empty, Icon, ProblemCard, say, Select, Skeleton, Status, useData } from "../ui";
import { exact, lasting, many, money, statusWord, waitWords } from "../words";
import { Welcome } from "./welcome";

interface Page {
  runs: RunRow[];
  cursor: string | null;
}

const STATUSES = ["RUNNING", "QUEUED", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];
const LIMIT = 25;

export function Runs() {
  const { query } = route.value;
  const workflows = useData((signal) => api<{ workflows: WorkflowRow[] }>("GET", "/workflows?limit=100", { signal }), []);
  const workflowId = query.get("workflow") ?? "";
  const status = query.get("status") ?? "";
  const options = (workflows.data?.workflows ?? []).map((row): [string, string] => [row.id, row.id]);
  if (workflowId && !options.some(([id]) => id === workflowId)) options.push([workflowId, workflowId]);
  return (
    <>
      <div class="head">
        <div class="title">
          <h1>Runs</h1>
          <p class="lead">Each passage through a workflow, the newest first.</p>
        </div>
      </div>
      <Welcome />
      <div class="filters">
        <Select id="f-workflow" label="Workflow" value={workflowId} onValue={(value) => refine({ workflow: value })} options={[["", "All workflows"], ...options]} />
        <Select id="f-status" label="Status" value={status} onValue={(value) => refine({ status: value })} options={[["", "Any status"], ...STATUSES.map((word): [string, string] => [word, statusWord(word)])]} />
        {(workflowId || status) && <button type="button" class="plain" onClick={() => refine({ workflow: null, status: null })}>Clear filters</button>}
      </div>
      <RunList key={`${workflowId} ${status}`} workflowId={workflowId} status={status} />
    </>
  );
}

/** Runs of a workflow, or of all, in pages. It reads the first page again while one of its runs goes on. */
export function RunList({ workflowId, status = "" }: { workflowId: string; status?: string }) {
  const rows = useSignal<RunRow[] | null>(null);
  const cursor = useSignal<string | null>(null);
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  const picked = useSignal<Set<string>>(new Set());
  const doing = useSignal<"" | "cancel" | "resume">("");

  const read = (after: string | null, signal?: AbortSignal) => {
    const asked = new URLSearchParams({ limit: String(LIMIT) });
    if (workflowId) asked.set("workflowId", workflowId);
    if (status) asked.set("status", status);
    if (after) asked.set("cursor", after);
    return api<Page>("GET", `/runs?${asked}`, { signal });
  };
  // Where few match, a page may be empty and have a cursor nevertheless: ask on until there is something to show.
  const more = async (after: string | null, signal?: AbortSignal) => {
    busy.value = true;
    try {
      let page = await read(after, signal);
      for (let tries = 0; page.runs.length === 0 && page.cursor && tries < 10; tries++) page = await read(page.cursor, signal);
      rows.value = after ? [...(rows.value ?? []), ...page.runs] : page.runs;
      cursor.value = page.cursor;
      problem.value = null;
    } catch (error) {
      if (!signal?.aborted) problem.value = asProblem(error);
    } finally {
      busy.value = false;
    }
  };
  useEffect(() => {
    const stop = new AbortController();
    more(null, stop.signal);
    const timer = setInterval(async () => {
      const shown = rows.value ?? [];
      if (document.hidden || busy.value) return;
      try {
        const page = await read(null, stop.signal);
        const known = new Map(page.runs.map((run) => [run.id, run]));
        rows.value = [...page.runs, ...shown.filter((run) => !known.has(run.id))];
        if (shown.length <= LIMIT) cursor.value = page.cursor;
      } catch {
        // The next look tells.
      }
    }, 4000);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [workflowId, status]);

  if (problem.value && !rows.value) return <ProblemCard problem={problem.value} action={<button type="button" class="primary" onClick={() => more(null)}>Try again</button>} />;
  if (!rows.value) return <div class="card"><Skeleton rows={6} /></div>;
  if (rows.value.length === 0) {
    return (
      <div class="card">
        <Empty icon="runs" title={status || workflowId ? "No run fits" : "No runs yet"} action={can("read") && <a class="button primary" href={workflowId ? to(["workflows", workflowId], { do: "run" }) : to(["workflows"])}><Icon name="workflows" />{workflowId ? "Run it now" : "Go to the workflows"}</a>}>
          {status ? "Take a filter away to see others." : "A run begins by hand, by a webhook, by a schedule or by an event of AWS. It then stands here with its answers, tokens and cost."}
        </Empty>
      </div>
    );
  }
  const chosen = rows.value.filter((run) => picked.value.has(run.id));
  const stoppable = chosen.filter((run) => !hasEnded(run.status));
  const resumable = chosen.filter((run) => hasEnded(run.status) && run.status !== "SUCCEEDED");
  const running = rows.value.filter((run) => run.status === "RUNNING").slice(0, LOOKED_INTO);
  const pick = (id: string, isOn: boolean) => {
    const next = new Set(picked.value);
    if (isOn) next.add(id);
    else next.delete(id);
    picked.value = next;
  };
  return (
    <div class="card flat">
      {chosen.length > 0 && (
        <div class="row picked" role="group" aria-label="With the chosen runs">
          <span>{many(chosen.length, "run")} chosen</span>
          {stoppable.length > 0 && <button type="button" class="danger" onClick={() => (doing.value = "cancel")}>Cancel {stoppable.length}</button>}
          {resumable.length > 0 && <button type="button" onClick={() => (doing.value = "resume")}>Resume {resumable.length}</button>}
          <button type="button" class="plain" onClick={() => (picked.value = new Set())}>Choose none</button>
        </div>
      )}
      {doing.value && <Several what={doing.value} runs={doing.value === "cancel" ? stoppable : resumable} onClose={() => (doing.value = "")} onDone={(words) => { doing.value = ""; picked.value = new Set(); say(words); more(null); }} />}
      <div class="table-wrap">
        <table>
          <thead>
            <tr>
              {can("run") && <th scope="col" class="pick"><span class="sr">Choose</span></th>}
              <th scope="col">Workflow</th>
              <th scope="col">Status</th>
              <th scope="col">Started</th>
              <th scope="col" class="num">Took</th>
              <th scope="col">By</th>
              <th scope="col" class="num">Cost</th>
            </tr>
          </thead>
          <tbody>
            {rows.value.map((run) => (
              <tr key={run.id}>
                {can("run") && <td class="pick"><label class="above"><input type="checkbox" aria-label={`Choose the run of ${run.workflowId}, ${statusWord(run.status)}`} checked={picked.value.has(run.id)} onChange={(event) => pick(run.id, event.currentTarget.checked)} /></label></td>}
                <td class="first"><a class="whole" href={to(["runs", run.id])}>{run.workflowId}</a> <span class="dim small">version {run.version}</span></td>
                <td><Status of={run.status} />{running.includes(run) && <Struggles id={run.id} />}</td>
                <td class="nowrap"><Ago at={run.startedAt} /></td>
                <td class="num nowrap" data-label="Took">{run.endedAt ? lasting(Date.parse(run.endedAt) - Date.parse(run.startedAt)) : <span class="dim">going on</span>}</td>
                <td><span class="tag">{run.trigger}</span></td>
                <td class="num nowrap" data-label="Cost">{money(run.costUsd)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {problem.value && <ProblemCard problem={problem.value} small />}
      {cursor.value && <div class="more"><button type="button" disabled={busy.value} onClick={() => more(cursor.value)}>Show more</button></div>}
    </div>
  );
}

/** How many runs that go on are looked into, whether a node of them waits. */
const LOOKED_INTO = 10;

/** Why a run that goes on does not get on: a node that waits for its next attempt. */
function Struggles({ id }: { id: string }) {
  const run = useSignal<RunOf | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const look = () => !document.hidden && api<RunOf>("GET", `/runs/${id}?texts=false`, { signal: stop.signal }).then((now) => (run.value = now), () => {});
    look();
    const timer = setInterval(look, 8000);
    return () => { stop.abort(); clearInterval(timer); };
  }, [id]);
  const node = run.value?.nodes.find((one) => one.status === "WAITING");
  if (!node || !run.value || hasEnded(run.value.status)) return null;
  const tried = node.attempts.length || (node as { tried?: number }).tried;
  return <div class="small warn-text"><Icon name="WAITING" /> {node.id} {waitWords(node.waitingFor)}{tried && !["SIGNAL", "APPROVAL", "TIME"].includes(node.waitingFor ?? "") ? `, attempt ${tried}` : ""}{node.error ? `, ${node.error.code}` : ""}{node.waitUntil ? ` until ${exact(node.waitUntil)}` : ""}</div>;
}

/** Cancels or resumes several runs, one after the other. What is refused is told. */
function Several({ what, runs, onClose, onDone }: { what: "cancel" | "resume"; runs: RunRow[]; onClose: () => void; onDone: (words: string) => void }) {
  const send = async () => {
    let done = 0;
    const refused: Problem[] = [];
    for (const run of runs) {
      try {
        await api("POST", `/runs/${run.id}/${what}`, { body: {} });
        done++;
      } catch (error) {
        refused.push({ ...asProblem(error), cause: `${run.workflowId} (${run.id}): ${asProblem(error).cause}` });
      }
    }
    if (done === 0 && refused[0]) throw new Failure(refused[0]);
    return `${many(done, "run")} ${what === "cancel" ? "cancelled" : "resumed"}${refused.length ? `; ${refused.length} refused: ${refused[0]!.cause}` : ""}`;
  };
  const title = what === "cancel" ? `Cancel ${many(runs.length, "run")}` : `Resume ${many(runs.length, "run")}`;
  return (
    <Ask title={title} submit={title} danger={what === "cancel"} onClose={onClose} onDone={onDone} send={send}>
      <p>{what === "cancel" ? "They end at once. What is answered stays, what calls in flight cost is recorded, and they can be resumed." : "They go on at the nodes that have no answer. What is answered is not paid again; the rest costs what those nodes cost."}</p>
      <ul class="small">{runs.slice(0, 10).map((run) => <li key={run.id}>{run.workflowId} <span class="dim mono">{run.id}</span></li>)}{runs.length > 10 && <li>and {runs.length - 10} more</li>}</ul>
    </Ask>
  );
}
