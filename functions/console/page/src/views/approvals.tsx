// What waits for a person, in runs that go on: each question with the form that decides it.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api, asProblem, can, type Problem } from "../api";
import { to } from "../router";
import { Ago, Empty, Icon, ProblemCard, Skeleton } from "../ui";
import { many } from "../words";
import { type Asks, Decide } from "./decide";

interface Approval extends Asks {
  runId: string;
  node: string;
  index?: number;
  since: string;
  until: string | null;
}

interface Page {
  approvals: Approval[];
  cursor: string | null;
}

const keyOf = (one: Approval) => `${one.runId} ${one.node} ${one.index ?? ""} ${one.since}`;

/** How often it is looked for what has come. */
const LOOKS = 15_000;

/** A page with something in it, or the last one: a page may be empty and have a cursor. */
async function read(cursor: string | null, signal: AbortSignal): Promise<Page> {
  for (let tries = 0; ; tries++) {
    const page = await api<Page>("GET", `/approvals?limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`, { signal });
    if (page.approvals.length > 0 || !page.cursor || tries === 10) return page;
    cursor = page.cursor;
  }
}

export function Approvals() {
  const rows = useSignal<Approval[] | null>(null);
  const cursor = useSignal<string | null>(null);
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  const again = useSignal(0);
  // What was decided here may be in an answer that is on its way.
  const decided = useRef(new Set<string>());
  const list = useRef<HTMLDivElement>(null);

  const add = (page: Page) => {
    const known = new Set(rows.value?.map(keyOf));
    rows.value = [...(rows.value ?? []), ...page.approvals.filter((one) => !known.has(keyOf(one)) && !decided.current.has(keyOf(one)))];
  };
  const more = async (after: string | null, signal: AbortSignal) => {
    busy.value = true;
    try {
      const page = await read(after, signal);
      problem.value = null;
      add(page);
      cursor.value = page.cursor;
    } catch (error) {
      if (!signal.aborted) problem.value = asProblem(error);
    } finally {
      busy.value = false;
    }
  };
  useEffect(() => {
    if (!can("run")) return;
    const stop = new AbortController();
    rows.value = null;
    more(null, stop.signal);
    // What comes is added. What stands here stays, with what is written into it: if somebody else has decided, the form says so.
    const timer = setInterval(() => {
      if (!document.hidden && rows.value && !busy.value) read(null, stop.signal).then(add, () => {});
    }, LOOKS);
    return () => { stop.abort(); clearInterval(timer); };
  }, [again.value]);

  if (!can("run")) return <Empty icon="approval" title="For tokens with the scope run">What waits for a person is shown to who may decide. Sign in with another token.</Empty>;
  const gone = (one: Approval) => {
    decided.current.add(keyOf(one));
    rows.value = rows.value!.filter((other) => other !== one);
    if (rows.value.length === 0 && cursor.value) more(cursor.value, new AbortController().signal);
    // The focus was in what is gone.
    list.current?.focus({ preventScroll: true });
  };
  return (
    <>
      <div class="head">
        <div class="title">
          <h1>Approvals</h1>
          <p class="lead">What nodes ask a person. What ends first is first; the first decision counts.</p>
        </div>
        <div class="row"><button type="button" disabled={busy.value} onClick={() => again.value++}><Icon name="refresh" spin={busy.value} />Refresh</button></div>
      </div>
      <div class="stack wide" ref={list} tabIndex={-1} role="group" aria-label="What waits for a decision">
        {problem.value && <ProblemCard problem={problem.value} small={!!rows.value} action={<button type="button" onClick={() => again.value++}>Try again</button>} />}
        {!rows.value && !problem.value && <Skeleton rows={5} />}
        {rows.value?.length === 0 && !cursor.value && !problem.value && (
          <div class="card">
            <Empty icon="approval" title="Nothing waits for a person" action={<a class="button primary" href={to(["workflows"])}><Icon name="workflows" />Go to the workflows</a>}>
              A node of type <code>approval</code> asks before a run goes on: add one to a workflow, and its question stands here.
            </Empty>
          </div>
        )}
        {rows.value?.map((one) => (
          <section class="card" key={keyOf(one)} aria-label={one.question}>
            <header class="asked">
              <h2 class="question">{one.question}</h2>
              <p class="small dim">
                <a href={to(["runs", one.runId], { node: one.node })}>{one.node}</a>{one.index !== undefined && <>, item {one.index}</>} of <a href={to(["runs", one.runId])}>run <code>{one.runId.slice(0, 8)}</code></a>. Asked <Ago at={one.since} />{one.until && <>, ends <Ago at={one.until} /></>}.
              </p>
            </header>
            <Decide run={one.runId} node={one.node} index={one.index} asks={one} onDone={() => gone(one)} onOver={{ words: "Take it off this list", act: () => gone(one) }} />
          </section>
        ))}
        {cursor.value && <div class="row"><button type="button" disabled={busy.value} onClick={() => more(cursor.value, new AbortController().signal)}>Show more</button></div>}
      </div>
      {rows.value && <p class="sr" role="status">{many(rows.value.length, "question")} shown</p>}
    </>
  );
}
