// The plan of a workflow, with its prices: a new stack has read no list of models before it is asked for one.
import { api } from "./api";
import type { Plan } from "./types";

let hasAsked = false;

/** How a run of this version goes, and what it may cost at most. */
export async function readPlan(workflow: string, version: number, signal: AbortSignal): Promise<Plan> {
  const read = () => api<Plan>("GET", `/workflows/${encodeURIComponent(workflow)}/plan?version=${version}`, { signal });
  const plan = await read();
  if (hasAsked || !plan.nodes.some((node) => node.unpriced)) return plan;
  // Whoever asks for models makes the stack read its list. It is no reason to fail where OpenRouter cannot be asked.
  hasAsked = true;
  await api("GET", "/models?limit=1", { signal }).catch(() => {});
  return read();
}
