// The list of runs: filters in the address, no texts, no counts.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, asProblem, can, type Problem } from "../api";
import { refine, route, to } from "../router";
import type { RunRow, WorkflowRow } from "../types";
import { Ago, Empty, Icon, ProblemCard, Select, Skeleton, Status, useData } from "../ui";
import { lasting, money, statusWord } from "../words";
import { Welcome } from "./welcome";

interface Page {
  runs: RunRow[];
  cursor: string | null;
}

const STATUSES = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];
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
  return (
    <div class="card flat">
      <div class="table-wrap">
        <table>
          <thead>
            <tr>
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
                <td class="first"><a class="whole" href={to(["runs", run.id])}>{run.workflowId}</a> <span class="dim small">version {run.version}</span></td>
                <td><Status of={run.status} /></td>
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
