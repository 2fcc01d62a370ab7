// The first visit: three steps from nothing to a run, shown until they are done.
import { api, can } from "../api";
import { to } from "../router";
import { Icon, useData } from "../ui";

interface Steps {
  hasCredential: boolean;
  hasWorkflow: boolean;
  hasRun: boolean;
}

export function Welcome() {
  const steps = useData<Steps>(async (signal) => {
    const [credentials, workflows, runs] = await Promise.all([
      api<{ credentials: unknown[] }>("GET", "/credentials", { signal }),
      api<{ workflows: unknown[] }>("GET", "/workflows?limit=1", { signal }),
      api<{ runs: unknown[]; cursor: string | null }>("GET", "/runs?limit=1", { signal }),
    ]);
    return { hasCredential: credentials.credentials.length > 0, hasWorkflow: workflows.workflows.length > 0, hasRun: runs.runs.length > 0 || !!runs.cursor };
  }, []);
  if (!steps.data || !can("admin")) return null;
  const { hasCredential, hasWorkflow, hasRun } = steps.data;
  if (hasCredential && hasWorkflow && hasRun) return null;
  const next = !hasCredential ? 0 : !hasWorkflow ? 1 : 2;
  const list = [
    { words: "Store a key", about: "A credential is a name for an OpenRouter key. The key is checked and never shown again.", href: to(["credentials"], { do: "new" }), isDone: hasCredential, go: "New credential" },
    { words: "Write a workflow", about: "Nodes with a model and prompts. What a prompt reads from another node draws the graph.", href: to(["workflows"], { do: "new" }), isDone: hasWorkflow, go: "New workflow" },
    { words: "Run it", about: "By hand first, then by a webhook or by the clock. You see answers, tokens and cost.", href: to(["workflows"]), isDone: hasRun, go: "Choose a workflow" },
  ];
  return (
    <section class="card welcome" aria-labelledby="welcome">
      <header><h2 id="welcome">Three steps to the first answer</h2></header>
      <ol class="columns">
        {list.map((step, place) => (
          <li key={step.words} class="stack tight">
            <p class="row strong">{step.isDone ? <span class="tag good"><Icon name="SUCCEEDED" /> done</span> : <span class="tag">{place + 1}</span>} {step.words}</p>
            <p class="dim small">{step.about}</p>
            {!step.isDone && place === next && <p><a class="button primary" href={step.href}>{step.go}</a></p>}
          </li>
        ))}
      </ol>
    </section>
  );
}
