// A run while it goes on: by its stream of events, by long-poll where that is not possible, or by asking every few seconds.
// docs/live.md says what the events are.
import { api, asProblem, Failure } from "./api";
import type { Run, RunNode } from "./types";

/** How a run is followed: as it happens, by asking, or in vain at the moment. */
export type How = "live" | "asking" | "late";

export interface Frame {
  event: string;
  data: string;
  id?: string;
  retry?: number;
}

/** The server-sent events of a body, one by one. */
export async function* frames(body: ReadableStream<Uint8Array>): AsyncGenerator<Frame> {
  const reader = body.pipeThrough(new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    for (let end = /\r?\n\r?\n/.exec(rest); end; end = /\r?\n\r?\n/.exec(rest)) {
      const block = rest.slice(0, end.index);
      rest = rest.slice(end.index + end[0].length);
      const frame: Frame = { event: "message", data: "" };
      for (const line of block.split(/\r?\n/)) {
        const [, name, value = ""] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? [];
        if (name === "data") frame.data += (frame.data ? "\n" : "") + value;
        else if (name === "event" || name === "id") frame[name] = value;
        else if (name === "retry") frame.retry = Number(value);
      }
      yield frame;
    }
  }
}

/** The run after an event. What a node's end tells is not the whole of its variable: that is read when it is shown. */
export function apply(run: Run, event: string, data: any): Run {
  if (event === "run") return { ...run, status: data.status, nodes: run.nodes.map(({ live: _, ...node }) => node) };
  if (event === "end") return { ...run, status: data.status, error: data.error ?? null, costUsd: data.costUsd ?? run.costUsd, endedAt: data.endedAt ?? run.endedAt };
  if (event === "text") {
    return changed(run, data.node, (node) => {
      const kind = data.kind === "reasoning" ? "reasoning" : "text";
      const before = node.live?.attempt === data.attempt ? node.live! : { attempt: data.attempt, text: "", reasoning: "" };
      return { ...node, live: { ...before, [kind]: (data.from === 0 ? "" : before[kind]) + data.text } };
    });
  }
  if (event !== "nodes") return run;
  return (data.nodes as any[]).reduce((all: Run, told) => changed(all, told.node, (node) => after(node, told)), run);
}

function changed(run: Run, id: string, change: (node: RunNode) => RunNode): Run {
  return { ...run, nodes: run.nodes.map((node) => (node.id === id ? change(node) : node)) };
}

function after(node: RunNode, told: any): RunNode {
  const now = new Date().toISOString();
  const attempts = [...node.attempts];
  while (attempts.length < (told.attempt ?? 0)) attempts.push({ startedAt: attempts.length ? now : (told.startedAt ?? now) });
  const last = attempts.at(-1);
  if (last && told.status !== "RUNNING" && !last.endedAt) attempts[attempts.length - 1] = { ...last, endedAt: told.endedAt ?? now, ...(told.error && { code: told.error.code, message: told.error.cause }) };
  return {
    ...node,
    status: told.status,
    startedAt: told.startedAt ?? node.startedAt,
    endedAt: told.endedAt ?? null,
    costUsd: told.costUsd ?? node.costUsd,
    error: told.error ?? null,
    waitingFor: told.waitingFor,
    asks: told.waitingFor === "APPROVAL" && node.waitingFor === "APPROVAL" ? node.asks : undefined,
    waitUntil: told.until,
    reusedFrom: told.reusedFrom ?? node.reusedFrom,
    items: told.items ?? node.items,
    attempts,
    isOlder: node.output === null && ["SUCCEEDED", "FAILED"].includes(told.status),
  };
}

/** Whether the stack tells events at all: known after the first try. */
let tellsEvents = true;

/**
 * Follows a run to its end. Gives whether it has ended; `false` where the stack tells no events.
 * The last event's id is all that a reader has to know: it goes on from there by either way, and nothing comes twice.
 */
export async function follow(id: string, signal: AbortSignal, on: (event: string, data: any) => void, how: (how: How) => void): Promise<boolean> {
  let last = "";
  const heard = (frame: Frame) => {
    if (frame.data) on(frame.event, JSON.parse(frame.data));
    if (frame.id !== undefined) last = frame.id;
    return frame.event === "end";
  };
  let streams = true;
  let failures = 0;
  while (!signal.aborted && tellsEvents) {
    let pause = 200;
    try {
      if (streams) {
        const ended = await stream(id, last, signal, (frame) => {
          how("live");
          failures = 0;
          if (frame.retry) pause = frame.retry;
          return heard(frame);
        });
        if (ended) return true;
      } else {
        const told = await api<any>("GET", `/runs/${id}?wait=20&after=${encodeURIComponent(last)}`, { signal });
        if (!Array.isArray(told?.events)) {
          tellsEvents = false;
          return false;
        }
        how("live");
        failures = 0;
        for (const { event, data } of told.events) on(event, data);
        last = told.after ?? last;
        pause = told.retryMilliseconds ?? 0;
        if (told.ended) return true;
      }
    } catch (error) {
      if (signal.aborted) return false;
      // A stack without streams, a proxy that holds them back, an account that forbids public addresses: ask instead.
      if (streams && (error instanceof NoStream || ++failures >= 2)) streams = false;
      else {
        how("late");
        if (error instanceof Failure && error.problem.status === 404) return false;
        pause = Math.min(15_000, 500 * 2 ** failures++);
      }
    }
    await rest(pause, signal);
  }
  return false;
}

class NoStream extends Error {}

async function stream(id: string, last: string, signal: AbortSignal, heard: (frame: Frame) => boolean): Promise<boolean> {
  const made = await api<{ url: string; token: string }>("POST", `/runs/${id}/events-token`, { body: {}, signal }).catch((error) => {
    const { status } = asProblem(error);
    throw [400, 403, 404, 405].includes(status) ? new NoStream() : error;
  });
  // The token of this one run goes into the address, as an EventSource would send it; the API's own does not leave the API.
  const address = new URL(made.url);
  address.searchParams.set("token", made.token);
  const answer = await fetch(address, { signal, headers: last ? { "last-event-id": last } : {}, cache: "no-store" });
  if (answer.status === 204) return true;
  if (!answer.ok || !answer.body) throw new Error(`the stream answered ${answer.status}`);
  for await (const frame of frames(answer.body)) if (heard(frame)) return true;
  return false;
}

const rest = (milliseconds: number, signal: AbortSignal) =>
  new Promise<void>((go) => {
    const timer = setTimeout(go, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); go(); }, { once: true });
  });

/** How items of a list stand, told as they change: `items` is `node:from-to`. It ends with the run, or by the signal. */
export async function followItems(id: string, items: string, signal: AbortSignal, heard: (items: (Partial<RunNode> & { index: number })[]) => void) {
  for (let after = "", tries = 0; !signal.aborted; ) {
    try {
      const answer = await api<{ events: { event: string; data: any }[]; after: string; ended: boolean; retryMilliseconds: number }>("GET", `/runs/${id}?wait=20&items=${encodeURIComponent(items)}&after=${after}`, { signal });
      after = answer.after;
      tries = 0;
      for (const { event, data } of answer.events) if (event === "items") heard(data.items);
      if (answer.ended) return;
      await new Promise((go) => setTimeout(go, Math.max(200, answer.retryMilliseconds)));
    } catch (error) {
      if (signal.aborted || ++tries > 5 || asProblem(error).status === 400) return;
      await new Promise((go) => setTimeout(go, 1000 * tries));
    }
  }
}
