// What a waiting node of a run waits for, until when, and what a person can do about it: decide, or send the signal.
import { useSignal } from "@preact/signals";
import { api, asProblem, can, type Problem } from "../api";
import type { RunNode } from "../types";
import { Ago, Area, Field, Icon, Note, ProblemCard, Skeleton, say, useData } from "../ui";
import { exact } from "../words";
import { type Asks, Decide, faultOf } from "./decide";

const FOR: Record<string, string> = {
  TIME: "It waits for a time",
  SIGNAL: "It waits for a signal",
  APPROVAL: "It waits for a person to decide",
  RETRY: "It waits for its next attempt",
};

export function Waits({ run, node, onDone }: { run: string; node: RunNode; onDone: () => void }) {
  // What was decided or sent is at work: a moment later the node goes on, and this is not shown any more.
  const done = useSignal("");
  const isDone = (words: string) => () => { done.value = words; onDone(); };
  if (done.value) return <Note kind="good" icon="SUCCEEDED">{done.value} The run goes on in a moment.</Note>;
  return (
    <div class="stack">
      <p class="small">{FOR[node.waitingFor ?? ""] ?? "It waits"}{node.waitUntil && <>, until {exact(node.waitUntil)} (<Ago at={node.waitUntil} />) {node.waitingFor === "TIME" || node.waitingFor === "RETRY" ? "" : "at the latest"}</>}. <span class="dim">No function is held meanwhile.</span></p>
      {node.waitingFor === "APPROVAL" && <Question run={run} node={node} onDone={isDone("It is decided.")} onOver={onDone} />}
      {node.waitingFor === "SIGNAL" && <Signal run={run} node={node} onDone={isDone("The signal is sent.")} />}
    </div>
  );
}

const at = (run: string, node: RunNode) => `/runs/${run}/nodes/${encodeURIComponent(node.id)}${node.index === undefined ? "" : `/items/${node.index}`}`;

function Question({ run, node, onDone, onOver }: { run: string; node: RunNode; onDone: () => void; onOver: () => void }) {
  // What is told as it happens has no texts.
  const whole = useData((signal) => (node.asks ? Promise.resolve(node) : api<RunNode>("GET", at(run, node), { signal })), [run, node.id, node.index, node.waitUntil]);
  const asks: Asks | undefined = node.asks ?? whole.data?.asks;
  if (whole.problem) return <ProblemCard problem={whole.problem} small level={3} action={<button type="button" onClick={whole.reload}>Try again</button>} />;
  if (!asks) return <Skeleton rows={2} />;
  return (
    <>
      <h3 class="question">{asks.question}</h3>
      <Decide run={run} node={node.id} index={node.index} asks={asks} isShownOnly={!can("run")} onDone={onDone} onOver={{ words: "Read the run again", act: onOver }} />
    </>
  );
}

function Signal({ run, node, onDone }: { run: string; node: RunNode; onDone: () => void }) {
  const rendered = useData(
    (signal) => api<{ fields: { field: string; text: string }[] }>("POST", "/workflows/preview", { body: { runId: run, node: node.id, ...(node.index !== undefined && { index: node.index }) }, signal }).catch(() => null),
    [run, node.id, node.index],
  );
  const known = rendered.data?.fields.find((one) => one.field === "signal")?.text ?? "";
  const typed = useSignal<string | null>(null);
  const text = useSignal("");
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  const id = `signal-${node.id}-${node.index ?? ""}`;
  const name = typed.value ?? known;
  if (!can("run")) return <p class="small dim">{known && <>The signal's name is <code>{known}</code>. </>}A token with the scope <code>run</code> sends it.</p>;
  const broken = text.value.trim() ? faultOf(text.value) : undefined;
  const send = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    problem.value = null;
    try {
      await api("POST", `/runs/${run}/signals/${encodeURIComponent(name)}`, text.value.trim() ? { text: text.value } : {});
      say(`The signal ${name} is sent`);
      onDone();
    } catch (error) {
      problem.value = asProblem(error);
    } finally {
      busy.value = false;
    }
  };
  return (
    <form class="stack" aria-label={`Send the signal of ${node.id}${node.index === undefined ? "" : `, item ${node.index}`}`} onSubmit={send}>
      <Field id={`${id}-name`} label="Signal" required pattern="[A-Za-z0-9_.\-]{1,64}" autocomplete="off" spellcheck={false} hint="Letters, digits, _ . and -" value={name} onValue={(value) => (typed.value = value)} />
      <Area id={`${id}-json`} label="JSON (optional)" code rows={3} hint="It becomes the node's variable; without it that is null." fault={broken} value={text.value} onValue={(value) => (text.value = value)} />
      {problem.value && <ProblemCard problem={problem.value} small level={3} />}
      <p><button class="primary" disabled={busy.value || !!broken || !name}><Icon name={busy.value ? "refresh" : "signal"} spin={busy.value} />Send the signal</button></p>
    </form>
  );
}
