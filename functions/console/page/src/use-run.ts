// A run as a view has it: read once, followed while it goes on, read again at its end.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api, asProblem, type Problem } from "./api";
import { apply, follow, type How } from "./live";
import { hasEnded, type Run as RunOf, type RunNode } from "./types";
import { tell } from "./ui";
import { statusWord } from "./words";

export interface Followed {
  run: RunOf | null;
  problem: Problem | null;
  how: How;
  reload: () => void;
  set: (node: RunNode) => void;
}

/** Reads a run, and follows it while it goes on. */
export function useRun(id: string): Followed {
  const run = useSignal<RunOf | null>(null);
  const problem = useSignal<Problem | null>(null);
  const how = useSignal<How>("asking");
  const told = useRef("");
  const again = useSignal(0);

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    let pause = 700;
    let follows = true;
    const heard = (event: string, data: any) => {
      if (!run.value) return;
      run.value = apply(run.value, event, data);
      announce(run.value, told);
    };
    const read = async () => {
      try {
        const now = await api<RunOf>("GET", `/runs/${id}`, { signal: stop.signal });
        run.value = now;
        problem.value = null;
        how.value = "asking";
        announce(now, told);
        if (hasEnded(now.status)) return;
        if (follows) {
          const hasEnded = await follow(id, stop.signal, heard, (by) => (how.value = by));
          if (stop.signal.aborted) return;
          follows = false;
          if (hasEnded) return read();
        }
        pause = Math.min(pause * 1.15, 3000);
      } catch (error) {
        if (stop.signal.aborted) return;
        const failed = asProblem(error);
        how.value = "late";
        if (!run.value || failed.status === 404) {
          problem.value = failed;
          return;
        }
        pause = Math.min(pause * 2, 15000);
      }
      timer = setTimeout(read, document.hidden ? Math.max(pause, 10000) : pause);
    };
    read();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [id, again.value]);

  return {
    run: run.value,
    problem: problem.value,
    how: how.value,
    reload: () => again.value++,
    set: (node) => run.value && (run.value = { ...run.value, nodes: run.value.nodes.map((one) => (one.id === node.id ? node : one)) }),
  };
}

/** Tells the live region what has changed since the last look: nodes that ended, and the run's end. */
function announce(run: RunOf, told: { current: string }) {
  const ended = run.nodes.filter((node) => !["PENDING", "RUNNING"].includes(node.status)).map((node) => `${node.id} ${statusWord(node.status).toLowerCase()}`);
  const words = !hasEnded(run.status) ? (ended.at(-1) ?? "") : `The run has ended: ${statusWord(run.status)}`;
  if (told.current && words !== told.current) tell(words);
  told.current = words || "begun";
}
