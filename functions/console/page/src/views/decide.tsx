// What a node asks a person, and the form that decides: in the list of what waits, and on a run's page.
import { useSignal } from "@preact/signals";
import { api, asProblem, type Problem } from "../api";
import type { Json } from "../types";
import { Area, Field, Icon, JsonView, ProblemCard, say, Text } from "../ui";

/** What is asked, about which data. */
export interface Asks {
  question: string;
  data: Json;
  /** Whether whoever approves may send other data. */
  editable: boolean;
}

/** Failures after which the question cannot be decided here any more. */
const IS_OVER = ["ApprovalDecided", "NotAsked", "RunEnded", "RunNotFound"];

/** JSON of at most this many characters is shown open. */
const OPEN = 600;

export function Decide({ run, node, index, asks, isShownOnly, onDone, onOver }: {
  run: string;
  node: string;
  /** The place in the node's list, where it is an item of one. */
  index?: number;
  asks: Asks;
  /** Whether the token may only look. */
  isShownOnly?: boolean;
  onDone: () => void;
  /** What is done with a question that somebody else has decided. */
  onOver?: { words: string; act: () => void };
}) {
  const id = `decide-${run}-${node}-${index ?? ""}`.replace(/[^\w-]/g, "-");
  const { data } = asks;
  const isText = typeof data === "string";
  const before = isText ? data : JSON.stringify(data, null, 2);
  const written = useSignal(before);
  const comment = useSignal("");
  const busy = useSignal<"" | "approve" | "reject">("");
  const problem = useSignal<Problem | null>(null);
  const mayEdit = asks.editable && !isShownOnly;
  const broken = mayEdit && !isText ? faultOf(written.value) : undefined;
  const faultAt = (path: string) => problem.value?.faults?.find((fault) => fault.path === path || fault.path.startsWith(`${path}.`))?.message;

  const decide = async (what: "approve" | "reject") => {
    busy.value = what;
    problem.value = null;
    const body: Record<string, unknown> = {};
    if (comment.value.trim()) body.comment = comment.value.trim();
    if (index !== undefined) body.index = index;
    if (what === "approve" && mayEdit && written.value !== before) body.data = isText ? written.value : JSON.parse(written.value);
    try {
      await api("POST", `/runs/${run}/nodes/${encodeURIComponent(node)}/${what}`, { body });
      say(what === "approve" ? `${node} is approved: the run goes on` : `${node} is rejected`);
      onDone();
    } catch (error) {
      problem.value = asProblem(error);
    } finally {
      busy.value = "";
    }
  };
  const isOver = problem.value && IS_OVER.includes(problem.value.code);
  return (
    <form class="stack" aria-label={`Decide ${node}${index === undefined ? "" : `, item ${index}`}`} onSubmit={(event) => { event.preventDefault(); if (!broken && !isOver) decide("approve"); }}>
      {!mayEdit && data !== null && (isText ? <Text text={data} label="Data" /> : <details class="fold" open={before.length <= OPEN}><summary>Data</summary><div class="box json"><JsonView value={data} /></div></details>)}
      {mayEdit && <Area id={`${id}-data`} label={isText ? "Text" : "Data, as JSON"} code={!isText} rows={Math.min(14, Math.max(3, before.split("\n").length + 1))} hint="You may change it: the run goes on with what stands here." fault={broken ?? faultAt("data")} value={written.value} onValue={(value) => (written.value = value)} />}
      {!isShownOnly && <Field id={`${id}-comment`} label="Comment (optional)" maxLength={1000} autocomplete="off" fault={faultAt("comment")} value={comment.value} onValue={(value) => (comment.value = value)} />}
      {problem.value && <ProblemCard problem={problem.value} small level={3} action={isOver && onOver ? <button type="button" onClick={onOver.act}>{onOver.words}</button> : undefined} />}
      {isShownOnly ? <p class="small dim">A token with the scope <code>run</code> decides.</p> : (
        <div class="row">
          <button class="primary" disabled={busy.value !== "" || !!broken || !!isOver}><Icon name={busy.value === "approve" ? "refresh" : "SUCCEEDED"} spin={busy.value === "approve"} />Approve</button>
          <button type="button" class="danger" disabled={busy.value !== "" || !!isOver} onClick={() => decide("reject")}><Icon name={busy.value === "reject" ? "refresh" : "close"} spin={busy.value === "reject"} />Reject</button>
        </div>
      )}
    </form>
  );
}

/** Why a text is no JSON; undefined where it is. */
export function faultOf(text: string) {
  try {
    JSON.parse(text);
  } catch (error) {
    return `This is not JSON: ${(error as Error).message}`;
  }
}
