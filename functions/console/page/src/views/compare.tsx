// Compare: one prompt, several models at once, side by side. It is an ordinary run of an ordinary workflow, which the page writes.
import { useSignal } from "@preact/signals";
import { api, asProblem, can, type Problem } from "../api";
import { close, diff } from "../diff";
import { go, refine, route, to } from "../router";
import { type Credential, isKey, type Run as RunOf, type RunNode, type StoredWorkflow } from "../types";
import { Area, Empty, Icon, ProblemCard, Select, Shown, Skeleton, Status, Text, say, useData, useTick } from "../ui";
import { useRun } from "../use-run";
import { count, lasting, many, money } from "../words";
import { ModelField } from "./fields";

/** The workflow that comparisons are versions of. */
const WORKFLOW = "compare";
const MOST = 6;

export function Compare({ id }: { id?: string }) {
  if (!can("admin")) return <Empty icon="models" title="A comparison needs the scope admin">It stores a workflow and runs it. Sign in with another token.</Empty>;
  return (
    <>
      <div class="head">
        <div class="title">
          <h1>Compare models</h1>
          <p class="lead">One prompt, up to six models at once. Each comparison is a run of the workflow <code>{WORKFLOW}</code>.</p>
        </div>
        {id && <div class="row"><a class="button" href={to(["compare"])}><Icon name="plus" />Another comparison</a><a class="button" href={to(["runs", id])}><Icon name="runs" />As a run</a></div>}
      </div>
      {id ? <Result key={id} id={id} /> : <Question />}
    </>
  );
}

/** What was asked last, kept while the page is open. */
const last = { models: ["openai/gpt-4o-mini", "anthropic/claude-haiku-4.5", "google/gemini-2.5-flash"], system: "You are a helpful assistant.", user: "", credential: "" };

function Question() {
  const credentials = useData((signal) => api<{ credentials: Credential[] }>("GET", "/credentials", { signal }), []);
  const models = useSignal(last.models);
  const system = useSignal(last.system);
  const user = useSignal(last.user);
  const credential = useSignal(last.credential);
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const start = async (event: Event, names: string[]) => {
    event.preventDefault();
    Object.assign(last, { models: models.value, system: system.value, user: user.value, credential: credential.value });
    busy.value = true;
    problem.value = null;
    try {
      const chosen = [...new Set(models.value.map((model) => model.trim()).filter(Boolean))];
      // What is written here is the prompt itself and no template.
      const plain = (text: string) => text.replaceAll("{{", "\\{{");
      const nodes = chosen.map((model, place) => ({ type: "openrouter", variableName: `model${place + 1}`, credential: credential.value || names[0], model, systemPrompt: plain(system.value), userPrompt: plain(user.value), onError: "continue" }));
      await api<StoredWorkflow>("PUT", `/workflows/${WORKFLOW}`, { body: { name: "Comparison", description: "Written by the console: one prompt, several models.", nodes } });
      const run = await api<{ id: string }>("POST", `/workflows/${WORKFLOW}/runs`, { body: {} });
      say("The models are asked");
      go(["compare", run.id]);
    } catch (error) {
      problem.value = asProblem(error);
    } finally {
      busy.value = false;
    }
  };
  const fault = (field: string) => problem.value?.faults?.find((one) => one.path.endsWith(field))?.message;
  return (
    <Shown of={credentials}>
      {(page) => {
        const names = page.credentials.filter(isKey).map((one) => one.name);
        if (names.length === 0) return <div class="card"><Empty icon="credentials" title="It needs a credential first" action={<a class="button primary" href={to(["credentials"], { do: "new" })}>Store a key</a>}>The models are asked with an OpenRouter key.</Empty></div>;
        return (
          <form class="split even" onSubmit={(event) => start(event, names)}>
            <section class="card stack" aria-labelledby="prompt-title">
              <h2 id="prompt-title">Prompt</h2>
              <Area id="c-user" label="User prompt" rows={7} fault={fault("userPrompt")} value={user.value} onValue={(value) => (user.value = value)} />
              <Area id="c-system" label="System prompt" rows={3} fault={fault("systemPrompt")} value={system.value} onValue={(value) => (system.value = value)} />
              <Select id="c-credential" label="Credential" value={credential.value || names[0]!} onValue={(value) => (credential.value = value)} options={names.map((name) => [name, name])} />
            </section>
            <section class="card stack" aria-labelledby="models-title">
              <h2 id="models-title">Models</h2>
              {models.value.map((model, place) => (
                <div class="row picked" key={place}>
                  <ModelField id={`c-model-${place}`} label={`Model ${place + 1}`} fault={fault(`nodes[${place}].model`)} value={model} onValue={(value) => (models.value = models.value.map((one, other) => (other === place ? value : one)))} />
                  {models.value.length > 2 && <button type="button" class="plain icon-only" aria-label={`Remove model ${place + 1}`} onClick={() => (models.value = models.value.filter((_, other) => other !== place))}><Icon name="close" /></button>}
                </div>
              ))}
              {models.value.length < MOST && <p><button type="button" onClick={() => (models.value = [...models.value, ""])}><Icon name="plus" />Another model</button></p>}
              {problem.value && <ProblemCard problem={problem.value} small />}
              <p><button class="primary" disabled={busy.value || !user.value.trim()}>{busy.value && <Icon name="refresh" spin />}Ask {many(new Set(models.value.filter(Boolean)).size, "model")}</button></p>
            </section>
          </form>
        );
      }}
    </Shown>
  );
}

const took = (node: RunNode) => (node.startedAt && node.endedAt ? Date.parse(node.endedAt) - Date.parse(node.startedAt) : null);
const textOf = (node: RunNode): string | null => (typeof node.output?.text === "string" ? node.output.text : (node.live?.text ?? null));
const isAnswered = (node: RunNode) => node.status === "SUCCEEDED";

/** The node with the least of something; none where fewer than two have it. */
function least(nodes: RunNode[], of: (node: RunNode) => number | null): string | undefined {
  const known = nodes.filter((node) => isAnswered(node) && of(node) !== null);
  return known.length < 2 ? undefined : known.reduce((a, b) => (of(b)! < of(a)! ? b : a)).id;
}

function Result({ id }: { id: string }) {
  const { run, problem, reload } = useRun(id);
  useTick(1000, run?.status === "RUNNING");
  if (problem && !run) return <ProblemCard problem={problem} action={<button type="button" class="primary" onClick={reload}>Try again</button>} />;
  if (!run) return <Skeleton tall rows={4} />;
  return <Columns run={run} />;
}

function Columns({ run }: { run: RunOf }) {
  const stored = useData((signal) => api<StoredWorkflow>("GET", `/workflows/${encodeURIComponent(run.workflowId)}?version=${run.version}`, { signal }), [run.version]);
  const modelOf = (node: RunNode): string => stored.data?.workflow.nodes.find((one) => one.variableName === node.variableName)?.model ?? node.variableName;
  const quickest = least(run.nodes, took);
  const cheapest = least(run.nodes, (node) => Number(node.costUsd));
  const { query } = route.value;
  const answered = run.nodes.filter((node) => textOf(node) !== null);
  const left = answered.find((node) => node.id === query.get("left"));
  const right = answered.find((node) => node.id === query.get("right"));
  const options = answered.map((node): [string, string] => [node.id, modelOf(node)]);
  const first = stored.data?.workflow.nodes[0];
  return (
    <div class="stack wide">
      {first && <details class="fold card"><summary>The prompt</summary><div class="stack tight"><p class="label">System prompt</p><div class="box text">{first.systemPrompt}</div><p class="label">User prompt</p><div class="box text">{first.userPrompt}</div></div></details>}
      <div class="compared">
        {run.nodes.map((node) => (
          <section class="card stack" key={node.id} aria-label={modelOf(node)}>
            <header class="stack tight"><h2>{modelOf(node)}</h2><p class="row"><Status of={node.status} />{node.id === quickest && <span class="tag good">quickest</span>}{node.id === cheapest && <span class="tag good">cheapest</span>}</p></header>
            <dl class="facts small">
              <div><dt>Took</dt><dd>{took(node) === null ? (node.startedAt ? lasting(Date.now() - Date.parse(node.startedAt)) : "not begun") : lasting(took(node)!)}</dd></div>
              <div><dt>Cost</dt><dd>{isAnswered(node) ? money(node.costUsd) : "not known yet"}</dd></div>
              <div><dt>Tokens</dt><dd>{count(node.usage?.promptTokens ?? node.output?.usage?.promptTokens)} + {count(node.usage?.completionTokens ?? node.output?.usage?.completionTokens)}</dd></div>
            </dl>
            {node.error ? <ProblemCard problem={node.error} small level={3} /> : textOf(node) === null ? <Skeleton rows={5} /> : <Text text={textOf(node)!} label={`Answer of ${modelOf(node)}`} />}
          </section>
        ))}
      </div>
      {answered.length >= 2 && (
        <section class="card stack" aria-labelledby="two-title">
          <h2 id="two-title">Two of them, line by line</h2>
          <div class="columns">
            <Select id="left" label="From" value={left?.id ?? ""} onValue={(value) => refine({ left: value })} options={[["", "Choose"], ...options]} />
            <Select id="right" label="To" value={right?.id ?? ""} onValue={(value) => refine({ right: value })} options={[["", "Choose"], ...options]} />
          </div>
          {left && right && left !== right && (
            <div class="diff wrapped" role="region" aria-label="Changed lines" tabIndex={0}>
              {close(diff(textOf(left)!, textOf(right)!)).map((line, place) => <div key={place} class={line.kind}><span aria-hidden="true">{{ in: "+", out: "-", same: " ", gap: " " }[line.kind]} </span><span class="sr">{{ in: "added: ", out: "removed: ", same: "", gap: "" }[line.kind]}</span>{line.text || " "}</div>)}
            </div>
          )}
        </section>
      )}
    </div>
  );
}
