// Who may do what, and who did it: named tokens, the variables of the deployment, the audit, and the switch of the whole stack.
import { useSignal } from "@preact/signals";
import { api, can } from "../api";
import { refine, route, to } from "../router";
import type { AuditRow } from "../types";
import { Ago, Ask, CopyButton, Dialog, Empty, Field, Icon, JsonView, Note, Select, Shown, say, Tabs, useData } from "../ui";
import { exact } from "../words";
import { SwitchCard } from "./switch";
import { Vars } from "./vars";

interface Token {
  id: string;
  name: string;
  scopes: string[];
  createdAt: string;
  expiresAt?: string | null;
  revokedAt?: string | null;
}

const SCOPES: [string, string][] = [
  ["read", "Read: look at everything but tokens and the audit"],
  ["run", "Run: start, resume, repeat and cancel runs"],
  ["admin", "Admin: everything, also this page"],
];

export function Access() {
  const tab = route.value.query.get("tab") ?? "tokens";
  const view = (name: string, words: string) => ({ href: to(["access"], name === "tokens" ? {} : { tab: name }), words, isCurrent: tab === name });
  if (!can("admin")) return <Empty icon="approval" title="For tokens with the scope admin">Tokens, variables, the audit and the switch of the stack are shown to who may change them. Sign in with another token.</Empty>;
  return (
    <>
      <div class="head">
        <div class="title">
          <h1>Access</h1>
          <p class="lead">Who may use the API, what templates read of this deployment, what was changed and by whom, and whether runs may start at all.</p>
        </div>
        {tab === "tokens" && <div class="row"><button type="button" class="primary" onClick={() => refine({ do: "new" })}><Icon name="plus" />New token</button></div>}
      </div>
      <Tabs label="Of access" tabs={[view("tokens", "Tokens"), view("vars", "Variables"), view("audit", "Audit"), view("switch", "Switch")]} />
      {tab === "tokens" && <Tokens />}
      {tab === "vars" && <Vars />}
      {tab === "audit" && <Audit />}
      {tab === "switch" && <SwitchCard path="/switch" what="the whole stack" />}
    </>
  );
}

function Tokens() {
  const limit = useSignal(50);
  const list = useData((signal) => api<{ tokens: Token[]; cursor: string | null }>("GET", `/tokens?limit=${limit.value}`, { signal }), [limit.value]);
  const made = useSignal<(Token & { token: string }) | null>(null);
  const revoking = useSignal<Token | null>(null);
  return (
    <>
      <Shown of={list} rows={5}>
        {(page) =>
          page.tokens.length === 0 ? (
            <div class="card"><Empty icon="credentials" title="No named token yet" action={<button type="button" class="primary" onClick={() => refine({ do: "new" })}><Icon name="plus" />New token</button>}>Give each person and each program a token of its own: it may do no more than its scopes say, it ends by itself, and the audit names it.</Empty></div>
          ) : (
            <div class="card flat">
              <div class="table-wrap">
                <table>
                  <thead><tr><th scope="col">Name</th><th scope="col">May</th><th scope="col">Made</th><th scope="col">Ends</th><th scope="col"><span class="sr">Actions</span></th></tr></thead>
                  <tbody>
                    {page.tokens.map((token) => {
                      const isOver = !!token.revokedAt || (!!token.expiresAt && Date.parse(token.expiresAt) < Date.now());
                      return (
                        <tr key={token.id}>
                          <td class="first"><span class="strong">{token.name}</span> <div class="small dim mono">{token.id}</div></td>
                          <td>{token.scopes.map((scope) => <span class={scope === "admin" ? "tag warn" : "tag"} key={scope}>{scope}</span>)}</td>
                          <td class="nowrap" data-label="Made"><Ago at={token.createdAt} /></td>
                          <td class="nowrap" data-label="Ends">{token.revokedAt ? <>revoked <Ago at={token.revokedAt} /></> : token.expiresAt ? <Ago at={token.expiresAt} /> : "never by itself"}</td>
                          <td class="num">{!isOver && <button type="button" class="danger" aria-label={`Revoke ${token.name}`} onClick={() => (revoking.value = token)}>Revoke</button>}</td>
                        </tr>
                      );
                    })}
                  </tbody>
                </table>
              </div>
              {page.cursor && limit.value < 100 && <div class="more"><button type="button" onClick={() => (limit.value = 100)}>Show more</button></div>}
            </div>
          )
        }
      </Shown>
      {route.value.query.get("do") === "new" && <NewToken onClose={() => refine({ do: null })} onDone={(token) => { refine({ do: null }); made.value = token; list.reload(); }} />}
      {made.value && (
        <Dialog title={`The token ${made.value.name}`} onClose={() => (made.value = null)}>
          <div class="stack">
            <Note kind="warn" icon="warn">It is shown now and never again. Give it to whom it is for, and keep it nowhere else.</Note>
            <p class="row"><code class="address">{made.value.token}</code><CopyButton text={made.value.token} /></p>
          </div>
        </Dialog>
      )}
      {revoking.value && <Ask title={`Revoke ${revoking.value.name}`} submit="Revoke" danger onClose={() => (revoking.value = null)} onDone={() => { say("The token is revoked: within a minute it is refused"); revoking.value = null; list.reload(); }} send={() => api("DELETE", `/tokens/${encodeURIComponent(revoking.value!.id)}`)}><p>Whoever uses it is refused within a minute. This cannot be undone: make another token instead.</p></Ask>}
    </>
  );
}

function NewToken({ onClose, onDone }: { onClose: () => void; onDone: (token: Token & { token: string }) => void }) {
  const name = useSignal("");
  const scope = useSignal("read");
  const days = useSignal("90");
  const scopes = { read: ["read"], run: ["run"], both: ["read", "run"], admin: ["admin"] }[scope.value];
  const send = () => api<Token & { token: string }>("POST", "/tokens", { body: { name: name.value.trim(), scopes, expiresInDays: days.value === "" ? null : Number(days.value) } });
  return (
    <Ask title="New token" submit="Make the token" onClose={onClose} onDone={onDone} send={send}>
      <Field id="name" label="Name" required autofocus maxLength={64} hint="Who or what has it: the audit shows it." value={name.value} onValue={(value) => (name.value = value)} />
      <Select id="scope" label="What it may do" value={scope.value} onValue={(value) => (scope.value = value)} options={[SCOPES[0]!, ["both", "Read and run"], SCOPES[1]!, SCOPES[2]!]} />
      <Field id="days" label="Ends after days (optional)" type="number" min={1} max={3650} hint="Empty: it never ends by itself." value={days.value} onValue={(value) => (days.value = value)} />
    </Ask>
  );
}

function Audit() {
  const { query } = route.value;
  const subject = query.get("subject") ?? "";
  const words = useSignal(subject);
  const limit = useSignal(25);
  const list = useData((signal) => api<{ audit: AuditRow[]; cursor: string | null }>("GET", `/audit?limit=${limit.value}${subject ? `&subject=${encodeURIComponent(subject)}` : ""}`, { signal }), [subject, limit.value]);
  return (
    <>
      <form class="filters" role="search" onSubmit={(event) => { event.preventDefault(); refine({ subject: words.value.trim() || null }); }}>
        <div class="field grow"><label for="subject">About</label><div class="search"><Icon name="search" /><input id="subject" type="search" placeholder="workflows/<id>, runs/<id>, credentials/<id>" value={words.value} onInput={(event) => (words.value = event.currentTarget.value)} /></div></div>
        <button>Show</button>
        {subject && <button type="button" class="plain" onClick={() => { words.value = ""; refine({ subject: null }); }}>Clear</button>}
      </form>
      <Shown of={list} rows={6}>
        {(page) =>
          page.audit.length === 0 ? (
            <div class="card"><Empty icon="clock" title={subject ? "Nothing was done to it" : "Nothing was changed yet"}>Each change that is made through the API stands here: what, by whom, and when.</Empty></div>
          ) : (
            <div class="card flat">
              <div class="table-wrap">
                <table>
                  <thead><tr><th scope="col">What</th><th scope="col">About</th><th scope="col">By</th><th scope="col">When</th></tr></thead>
                  <tbody>
                    {page.audit.map((row, place) => (
                      <tr key={`${row.at}${place}`}>
                        <td class="first"><details class="fold small"><summary class="mono">{row.action}</summary><div class="box json"><JsonView value={row.details as any} /></div></details></td>
                        <td class="mono small" data-label="About">{linked(row.subject)}</td>
                        <td class="small" data-label="By">{row.actor.principal}{row.actor.sourceIp && <span class="dim"> {row.actor.sourceIp}</span>}</td>
                        <td class="nowrap" title={exact(row.at)}><Ago at={row.at} /></td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              {page.cursor && limit.value < 100 && <div class="more"><button type="button" onClick={() => (limit.value = Math.min(100, limit.value + 25))}>Show more</button></div>}
            </div>
          )
        }
      </Shown>
    </>
  );
}

/** What a row is about, as a link to its view. */
function linked(subject: string) {
  const [place = "", id] = subject.split("/");
  return id && ["workflows", "runs", "credentials"].includes(place) ? <a href={to([place, id])}>{subject}</a> : subject;
}
