// The list of workflows, and a new one.
import { useSignal } from "@preact/signals";
import { api, can } from "../api";
import { go, refine, route, to } from "../router";
import { type Credential, isKey, type StoredWorkflow, type WorkflowRow } from "../types";
import { Ago, Ask, Empty, Field, Icon, Select, Shown, say, useData } from "../ui";

export function Workflows() {
  const { query } = route.value;
  const limit = useSignal(50);
  const list = useData((signal) => api<{ workflows: WorkflowRow[]; cursor: string | null }>("GET", `/workflows?limit=${limit.value}`, { signal }), [limit.value]);
  const words = query.get("q") ?? "";
  const create = can("admin") && <button type="button" class="primary" onClick={() => refine({ do: "new" })}><Icon name="plus" />New workflow</button>;
  return (
    <>
      <div class="head">
        <div class="title">
          <h1>Workflows</h1>
          <p class="lead">Nodes whose prompts read each other's answers.</p>
        </div>
        <div class="row">{create}</div>
      </div>
      <Shown of={list} rows={6}>
        {(page) => {
          const shown = page.workflows.filter((row) => `${row.id} ${row.name}`.toLowerCase().includes(words.toLowerCase()));
          if (page.workflows.length === 0) {
            return <div class="card"><Empty icon="workflows" title="No workflow yet" action={create}>A node has a model and two prompts. Write <code>{"{{post.text}}"}</code> in a prompt, and the node waits for the node <code>post</code>: the graph draws itself.</Empty></div>;
          }
          return (
            <>
              <div class="filters" role="search">
                <div class="field grow"><label for="q">Search</label><div class="search"><Icon name="search" /><input id="q" type="search" placeholder="Name or id" value={words} onInput={(event) => refine({ q: event.currentTarget.value })} /></div></div>
              </div>
              <div class="card flat">
                <div class="table-wrap">
                  <table>
                    <thead><tr><th scope="col">Name</th><th scope="col">Id</th><th scope="col" class="num">Version</th><th scope="col">Changed</th><th scope="col"><span class="sr">Actions</span></th></tr></thead>
                    <tbody>
                      {shown.map((row) => (
                        <tr key={row.id}>
                          <td class="first"><a class="whole" href={to(["workflows", row.id])}>{row.name}</a></td>
                          <td class="mono small dim">{row.id}</td>
                          <td class="num" data-label="Version">{row.version}</td>
                          <td class="nowrap"><Ago at={row.updatedAt} /></td>
                          <td class="num">{can("run") && <a class="button above" href={to(["workflows", row.id], { do: "run" })} aria-label={`Run ${row.name}`}><Icon name="runs" />Run</a>}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
                {shown.length === 0 && <Empty icon="search" title="No workflow has this name" />}
                {page.cursor && <div class="more"><button type="button" onClick={() => (limit.value = Math.min(100, limit.value + 50))}>Show more</button></div>}
              </div>
            </>
          );
        }}
      </Shown>
      {query.get("do") === "new" && can("admin") && <New onClose={() => refine({ do: null })} />}
    </>
  );
}

const slug = (text: string) => text.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 64);

function New({ onClose }: { onClose: () => void }) {
  const name = useSignal("");
  const id = useSignal<string | null>(null);
  const credentials = useData((signal) => api<{ credentials: Credential[] }>("GET", "/credentials", { signal }), []);
  const credential = useSignal("");
  const names = credentials.data?.credentials.filter(isKey).map((one) => one.name) ?? [];
  const chosen = credential.value || names[0] || "";
  const itsId = id.value ?? slug(name.value);
  const send = async () => {
    const exists = await api("GET", `/workflows/${encodeURIComponent(itsId)}`).then(() => true, () => false);
    if (exists) {
      go(["workflows", itsId]);
      say("There is a workflow with this id: here it is");
      return null;
    }
    const workflow = { name: name.value.trim(), input: { type: "object", properties: { topic: { type: "string", description: "What to write about" } }, required: ["topic"] }, nodes: [{ type: "openrouter", variableName: "post", credential: chosen, model: "openai/gpt-4o-mini", systemPrompt: "You are a helpful assistant.", userPrompt: "Write a short text about {{topic}}" }] };
    return api<StoredWorkflow>("PUT", `/workflows/${encodeURIComponent(itsId)}`, { body: workflow });
  };
  return (
    <Ask title="New workflow" submit="Create" onClose={onClose} send={send} onDone={(made) => made && go(["workflows", made.id], { node: "post" })} isOff={!chosen}>
      <Field id="name" label="Name" required autofocus maxLength={128} value={name.value} onValue={(value) => (name.value = value)} />
      <Field id="id" label="Id" required maxLength={64} class="code" hint="Stands in addresses, such as /hooks/<id>." value={itsId} onValue={(value) => (id.value = value)} />
      {names.length > 0 ? <Select id="credential" label="Credential" value={chosen} onValue={(value) => (credential.value = value)} options={names.map((one) => [one, one])} /> : credentials.data && <p>It needs a credential first: <a href={to(["credentials"], { do: "new" })}>store a key</a>.</p>}
      <p class="small dim">It begins with one node, which writes about a topic. Change it on the next page.</p>
    </Ask>
  );
}
