// Credentials: a key is pasted once, checked, and never shown again. What it uses, its limit, its budget, its audit.
import { useSignal } from "@preact/signals";
import { api, can, type Problem } from "../api";
import { go, refine, route, to } from "../router";
import { type AuditRow, type Credential as Of, isKey, type KeyInfo } from "../types";
import { Ago, Area, Ask, Empty, Field, Icon, Note, ProblemCard, Select, Shown, say, useData } from "../ui";
import { exact, many, money } from "../words";

const at = (id: string) => `/credentials/${encodeURIComponent(id)}`;

export function Credentials() {
  const { query } = route.value;
  const list = useData((signal) => api<{ credentials: Of[] }>("GET", "/credentials", { signal }), []);
  const deleted = useData((signal) => api<{ credentials: Of[] }>("GET", "/credentials?deleted=true", { signal }), []);
  const restoring = useSignal<Of | null>(null);
  const opens = query.get("do") === "new" && can("admin");
  const create = can("admin") && <button type="button" class="primary" onClick={() => refine({ do: "new" })}><Icon name="plus" />New credential</button>;
  return (
    <>
      <div class="head">
        <div class="title">
          <h1>Credentials</h1>
          <p class="lead">A name for a key. Workflows name the credential; the key is in Secrets Manager and is never shown again.</p>
        </div>
        <div class="row">{create}</div>
      </div>
      <Shown of={list} tall>
        {({ credentials }) =>
          credentials.length === 0 ? (
            <div class="card"><Empty icon="credentials" title="No credential yet" action={create}>Make a key at openrouter.ai/keys, then store it here under a name such as <code>main</code>. It is checked with OpenRouter first.</Empty></div>
          ) : (
            <ul class="grid">{credentials.map((credential) => <li key={credential.id}><Card of={credential} /></li>)}</ul>
          )
        }
      </Shown>
      {deleted.data && deleted.data.credentials.length > 0 && (
        <details class="fold deleted">
          <summary>{many(deleted.data.credentials.length, "deleted credential")} that can be restored</summary>
          <ul class="stack tight">
            {deleted.data.credentials.map((credential) => (
              <li class="card row between" key={credential.id}>
                <div><strong>{credential.name}</strong> <span class="dim mono">…{credential.lastFour}</span><p class="small dim">Deleted <Ago at={credential.deletedAt!} />; can be restored until {exact(credential.restorableUntil!)}</p></div>
                {can("admin") && <button type="button" onClick={() => (restoring.value = credential)}><Icon name="refresh" />Restore</button>}
              </li>
            ))}
          </ul>
        </details>
      )}
      {opens && <New name={query.get("name") ?? ""} onClose={() => refine({ do: null, name: null })} onDone={(made) => { say(`${made.name} is stored`); after(made.id); }} />}
      {restoring.value && <Restore of={restoring.value} onClose={() => (restoring.value = null)} onDone={(made) => { say(`${made.name} is restored`); go(["credentials", made.id]); }} />}
    </>
  );
}

/** Back to the run that waits for this credential, or to the credential. */
function after(id: string) {
  const run = route.value.query.get("run");
  if (run) go(["runs", run], { do: "resume" });
  else go(["credentials", id]);
}

function Card({ of }: { of: Of }) {
  const isBad = of.lastCheck && !of.lastCheck.valid;
  return (
    <article class="card linked">
      <header>
        <h2><a class="whole" href={to(["credentials", of.id])}>{of.name}</a></h2>
        <span class={`status is-${isBad ? "FAILED" : "SUCCEEDED"}`}><Icon name={isBad ? "FAILED" : "SUCCEEDED"} />{isBad ? "refused" : "accepted"}</span>
      </header>
      <p class="row dim small"><Kind of={of} /></p>
      <dl class="facts small">
        <div><dt>Last used</dt><dd>{of.lastUsedAt ? <Ago at={of.lastUsedAt} /> : "not yet"}</dd></div>
        {!isKey(of) && <div><dt>Sent to</dt><dd>{of.hosts?.length ? of.hosts.join(", ") : "hosts that a document spells out"}</dd></div>}
        {isKey(of) && <div><dt>Budget a day</dt><dd>{of.maxCostUsdPerDay ? money(of.maxCostUsdPerDay) : "none"}</dd></div>}
        {isKey(of) && <div><dt>Rotation</dt><dd>{of.rotation?.everyDays ? `every ${of.rotation.everyDays} days` : "by hand"}</dd></div>}
      </dl>
    </article>
  );
}

/** What kind of secret it has, and its last characters. */
function Kind({ of }: { of: Of }) {
  return (
    <>
      <Icon name={isKey(of) ? "openrouter" : "http"} />
      {isKey(of) ? "OpenRouter" : `HTTP, ${of.auth ?? "secret"}`} {of.lastFour && <span class="mono">…{of.lastFour}</span>}
    </>
  );
}

/** The faults of a refused key belong to the key's field. */
const keyFault = (problem: Problem | null) =>
  problem && ["InvalidApiKey", "MalformedApiKey", "ManagementKey", "InvalidCredential"].includes(problem.code) && !problem.faults?.length ? problem.cause : problem?.faults?.find((fault) => fault.path === "apiKey")?.message;

const looks = (key: string) => (key && !key.trim().startsWith("sk-or-") ? "OpenRouter's keys begin with sk-or-" : undefined);

function New({ name: first, onClose, onDone }: { name: string; onClose: () => void; onDone: (made: Of) => void }) {
  const name = useSignal(first);
  const key = useSignal("");
  const budget = useSignal("");
  const type = useSignal("openrouter");
  const login = useLogin();
  const hosts = useSignal("");
  const body = () =>
    type.value === "http"
      ? { name: name.value.trim(), type: "http", http: login.value(), ...(hosts.value.trim() && { hosts: linesOf(hosts.value) }) }
      : { name: name.value.trim(), provider: "openrouter", apiKey: key.value.trim(), ...(budget.value && { maxCostUsdPerDay: budget.value }) };
  const send = () => api<Of>("POST", "/credentials", { body: body() });
  return (
    <Ask title="New credential" submit={type.value === "http" ? "Store" : "Check and store"} onClose={onClose} onDone={(made) => { key.value = ""; onDone(made); }} send={send}>
      {(problem) => (
        <>
          <Select id="provider" label="Provider" value={type.value} onValue={(value) => (type.value = value)} options={[["openrouter", "OpenRouter"], ["http", "HTTP requests"]]} />
          <Field id="name" label="Name" required autofocus maxLength={64} autocomplete="off" hint="What workflows call it, such as main." fault={problem?.code === "NameTaken" ? problem.cause : undefined} value={name.value} onValue={(value) => (name.value = value)} />
          {type.value === "http" ? (
            <>
              {login.fields}
              <Hosts value={hosts.value} onValue={(value) => (hosts.value = value)} />
            </>
          ) : (
            <>
              <KeyField value={key.value} onValue={(value) => (key.value = value)} fault={keyFault(problem)} />
              <Field id="budget" label="Most that may be spent with it on a day, USD (optional)" inputMode="decimal" pattern="\d+(\.\d+)?" placeholder="5.00" value={budget.value} onValue={(value) => (budget.value = value)} />
            </>
          )}
        </>
      )}
    </Ask>
  );
}

const linesOf = (text: string) => text.split(/[\s,]+/).filter(Boolean);

function Hosts({ value, onValue }: { value: string; onValue: (value: string) => void }) {
  return <Area id="hosts" label="Hosts that it may be sent to (optional)" rows={2} code hint="One a line, such as api.crm.example. Empty: only hosts that a workflow's document itself spells out." value={value} onValue={onValue} />;
}

/** The fields of an HTTP secret, and what is sent of them. */
function useLogin() {
  const auth = useSignal("bearer");
  const name = useSignal("");
  const secret = useSignal("");
  const words = { bearer: "Token", basic: "Password", header: "Value" }[auth.value]!;
  return {
    value: () => (auth.value === "bearer" ? { auth: "bearer", token: secret.value } : auth.value === "basic" ? { auth: "basic", username: name.value, password: secret.value } : { auth: "header", name: name.value, value: secret.value }),
    fields: (
      <>
        <Select id="auth" label="Sent as" value={auth.value} onValue={(value) => (auth.value = value)} options={[["bearer", "Authorization: Bearer"], ["basic", "User name and password"], ["header", "A header of its own"]]} />
        {auth.value !== "bearer" && <Field id="login" label={auth.value === "basic" ? "User name" : "Header"} required autocomplete="off" value={name.value} onValue={(value) => (name.value = value)} />}
        <Field id="secret" label={words} type="password" required autocomplete="off" spellcheck={false} value={secret.value} onValue={(value) => (secret.value = value)} />
      </>
    ),
  };
}

function KeyField({ value, onValue, fault }: { value: string; onValue: (value: string) => void; fault?: string }) {
  return (
    <Field
      id="key"
      label="API key"
      type="password"
      required
      autocomplete="off"
      spellcheck={false}
      placeholder="sk-or-…"
      hint={looks(value) ?? <>Make one at <a href="https://openrouter.ai/keys" target="_blank" rel="noreferrer noopener">openrouter.ai/keys</a>. OpenRouter is asked about it before it is stored.</>}
      fault={fault}
      value={value}
      onValue={onValue}
    />
  );
}

function Restore({ of, onClose, onDone }: { of: Of; onClose: () => void; onDone: (made: Of) => void }) {
  const name = useSignal(of.name);
  const send = () => api<Of>("POST", `${at(of.id)}/restore`, { body: name.value !== of.name ? { name: name.value } : {} });
  return (
    <Ask title={`Restore ${of.name}`} submit="Restore" onClose={onClose} onDone={onDone} send={send}>
      {(problem) => <Field id="name" label="Name" required maxLength={64} hint="Another one, where the old name is taken by now." fault={problem?.code === "NameTaken" ? problem.cause : undefined} value={name.value} onValue={(value) => (name.value = value)} />}
    </Ask>
  );
}

// ---- One credential

export function Credential({ id }: { id: string }) {
  const one = useData((signal) => api<Of>("GET", at(id), { signal }), [id]);
  const audit = useData((signal) => (can("admin") ? api<{ audit: AuditRow[] }>("GET", `${at(id)}/audit?limit=50`, { signal }) : Promise.resolve({ audit: [] })), [id]);
  const busy = useSignal("");
  const action = route.value.query.get("do");
  const problem = useSignal<Problem | null>(null);
  const close = () => refine({ do: null });
  const done = (words: string) => {
    say(words);
    one.reload();
    audit.reload();
    if (route.value.query.get("run")) go(["runs", route.value.query.get("run")!], { do: "resume" });
    else close();
  };
  const act = async (path: string, words: string) => {
    busy.value = path;
    problem.value = null;
    try {
      await api("POST", `${at(id)}/${path}`);
      done(words);
    } catch (error) {
      problem.value = (error as { problem: Problem }).problem;
      one.reload();
    } finally {
      busy.value = "";
    }
  };
  return (
    <>
      <nav class="crumbs" aria-label="Where you are"><a href={to(["credentials"])}>Credentials</a></nav>
      <Shown of={one} tall>
        {(credential) => (
          <>
            <div class="head">
              <div class="title">
                <h1>{credential.name}</h1>
                <p class="row lead"><Kind of={credential} /></p>
              </div>
              {can("admin") && (
                <div class="row">
                  <button type="button" class="primary" onClick={() => refine({ do: "key" })}>{isKey(credential) ? "Replace the key" : "Replace the secret"}</button>
                  <button type="button" onClick={() => refine({ do: "rename" })}>Rename</button>
                  {isKey(credential) && <button type="button" onClick={() => refine({ do: "budget" })}>Budget</button>}
                  {isKey(credential) && <button type="button" onClick={() => refine({ do: "rotation" })}>Rotation</button>}
                  <button type="button" class="danger" onClick={() => refine({ do: "delete" })}><Icon name="trash" />Delete</button>
                </div>
              )}
            </div>
            <div class="stack wide">
              {problem.value && <ProblemCard problem={problem.value} />}
              {credential.keyProblem && <ProblemCard problem={credential.keyProblem} action={can("admin") && <button type="button" class="primary" onClick={() => refine({ do: "key" })}>Replace the key</button>} />}
              <div class="split">
                <div class="stack wide">
                  {credential.key && <Key of={credential.key} />}
                  <section class="card" aria-labelledby="about">
                    <header>
                      <h2 id="about">About it</h2>
                      {can("admin") && (
                        <div class="row">
                          <button type="button" disabled={busy.value !== ""} onClick={() => act("check", isKey(credential) ? "OpenRouter accepts the key" : "The secret can be read")}><Icon name="refresh" spin={busy.value === "check"} />{isKey(credential) ? "Check the key" : "Check the secret"}</button>
                          {credential.rotation && <button type="button" disabled={busy.value !== ""} onClick={() => act("rotate", "The rotation has begun")}><Icon name="refresh" spin={busy.value === "rotate"} />Rotate now</button>}
                        </div>
                      )}
                    </header>
                    <dl class="facts">
                      <div><dt>Stored</dt><dd><Ago at={credential.createdAt} /></dd></div>
                      <div><dt>Last used</dt><dd>{credential.lastUsedAt ? <Ago at={credential.lastUsedAt} /> : "not yet"}</dd></div>
                      <div><dt>Last check</dt><dd>{credential.lastCheck ? <>{credential.lastCheck.valid ? "accepted" : (credential.lastCheck.code ?? "refused")} <Ago at={credential.lastCheck.at} /></> : "none"}</dd></div>
                      {!isKey(credential) && <div><dt>Sent to</dt><dd>{credential.hosts?.length ? credential.hosts.join(", ") : "hosts that a document spells out"}</dd></div>}
                      {isKey(credential) && <div><dt>Budget a day</dt><dd>{credential.maxCostUsdPerDay ? money(credential.maxCostUsdPerDay) : "none"}</dd></div>}
                      {isKey(credential) && <div><dt>Rotation</dt><dd>{credential.rotation?.everyDays ? `every ${credential.rotation.everyDays} days` : "by hand"}</dd></div>}
                      {credential.lastRotation && <div><dt>Last rotated</dt><dd><Ago at={credential.lastRotation.at} />, old key {credential.lastRotation.oldKey.state}</dd></div>}
                      <div><dt>Id</dt><dd class="mono small">{credential.id}</dd></div>
                    </dl>
                  </section>
                </div>
                {can("admin") && (
                  <section class="card" aria-labelledby="audit">
                    <header><h2 id="audit">What was done</h2></header>
                    <Shown of={audit}>{({ audit }) => <Audit rows={audit} />}</Shown>
                  </section>
                )}
              </div>
            </div>
            {action === "key" && !isKey(credential) && <ReplaceSecret of={credential} onClose={close} onDone={() => done("The secret is replaced")} />}
            {action === "key" && isKey(credential) && <Replace of={credential} onClose={close} onDone={() => done("The key is replaced")} />}
            {action === "rename" && <Rename of={credential} onClose={close} onDone={(changed) => done(changed.warnings?.length ? `Renamed. ${many(changed.warnings.length, "workflow")} still use the old name` : "Renamed")} />}
            {action === "budget" && <Budget of={credential} onClose={close} onDone={() => done("The budget is changed")} />}
            {action === "rotation" && <Rotation of={credential} onClose={close} onDone={() => done("The rotation is changed")} />}
            {action === "delete" && <Delete of={credential} onClose={close} onDone={() => { say(`${credential.name} is deleted`); go(["credentials"]); }} />}
          </>
        )}
      </Shown>
    </>
  );
}

function Key({ of }: { of: KeyInfo }) {
  const limit = of.limit === null ? null : Number(of.limit);
  const left = of.limitRemaining === null ? null : Number(of.limitRemaining);
  const part = limit && left !== null ? Math.min(1, Math.max(0, (limit - left) / limit)) : null;
  const used = limit !== null && left !== null ? trimmed(limit - left) : null;
  return (
    <section class="card" aria-labelledby="key-title">
      <header><h2 id="key-title">What OpenRouter says</h2>{of.isFreeTier && <span class="tag warn">free tier: no credits bought</span>}</header>
      <div class="stack">
        {part !== null ? (
          <div class="stack tight">
            <p class="row between"><span>{money(used)} of {money(of.limit)} used {of.limitReset ? <span class="dim">({of.limitReset} limit)</span> : ""}</span><span class="dim">{money(of.limitRemaining)} left</span></p>
            <div class={`usage-bar ${part > 0.98 ? "full" : part > 0.8 ? "high" : ""}`} role="meter" aria-label="Used of the limit" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(part * 100)} aria-valuetext={`${money(used)} of ${money(of.limit)}`}>
              <div style={{ width: `${part * 100}%` }} />
            </div>
          </div>
        ) : (
          <p>The key has no limit.</p>
        )}
        <dl class="facts">
          <div><dt>Label</dt><dd class="mono small">{of.label ?? "none"}</dd></div>
          <div><dt>Today</dt><dd>{money(of.usageDaily)}</dd></div>
          <div><dt>This week</dt><dd>{money(of.usageWeekly)}</dd></div>
          <div><dt>This month</dt><dd>{money(of.usageMonthly)}</dd></div>
          <div><dt>In all</dt><dd>{money(of.usage)}</dd></div>
          {of.expiresAt && <div><dt>Ends</dt><dd>{exact(of.expiresAt)}</dd></div>}
        </dl>
      </div>
    </section>
  );
}

const trimmed = (value: number) => String(Number(value.toFixed(8)));

const DONE: Record<string, string> = {
  created: "Stored",
  renamed: "Renamed",
  keyReplaced: "Key replaced",
  budgetSet: "Budget changed",
  checked: "Checked",
  rotationSet: "Rotation changed",
  rotationRequested: "Rotation asked for",
  rotated: "Rotated",
  deleted: "Deleted",
  restored: "Restored",
};

export function Audit({ rows }: { rows: AuditRow[] }) {
  return (
    <ol class="line">
      {rows.map((row) => (
        <li key={row.at + row.action}>
          <div>
            <p class="strong">{DONE[row.action] ?? row.action}</p>
            <p class="small dim"><Ago at={row.at} /> by {row.actor.principal}{row.actor.sourceIp ? ` (${row.actor.sourceIp})` : ""}</p>
            {row.details && Object.keys(row.details).length > 0 && <p class="small">{Object.entries(row.details).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ")}</p>}
          </div>
        </li>
      ))}
    </ol>
  );
}

interface Doing {
  of: Of;
  onClose: () => void;
  onDone: (changed: Of) => void;
}

const change = (of: Of, body: unknown) => api<Of>("PUT", at(of.id), { body });

function Replace({ of, onClose, onDone }: Doing) {
  const key = useSignal("");
  const run = route.value.query.get("run");
  return (
    <Ask title={`Replace the key of ${of.name}`} submit={run ? "Replace, then resume" : "Check and replace"} onClose={onClose} onDone={(changed) => { key.value = ""; onDone(changed); }} send={() => change(of, { apiKey: key.value.trim() })}>
      {(problem) => (
        <>
          <p>OpenRouter is asked about the new key first. Runs that have begun go on with it. Revoke the old key after that.</p>
          <KeyField value={key.value} onValue={(value) => (key.value = value)} fault={keyFault(problem)} />
        </>
      )}
    </Ask>
  );
}

function ReplaceSecret({ of, onClose, onDone }: Doing) {
  const login = useLogin();
  const before = (of.hosts ?? []).join("\n");
  const hosts = useSignal(before);
  return (
    <Ask title={`Replace the secret of ${of.name}`} submit="Replace" onClose={onClose} onDone={onDone} send={() => change(of, { http: login.value(), ...(hosts.value !== before && { hosts: linesOf(hosts.value) }) })}>
      {login.fields}
      <Hosts value={hosts.value} onValue={(value) => (hosts.value = value)} />
    </Ask>
  );
}

function Rename({ of, onClose, onDone }: Doing) {
  const name = useSignal(of.name);
  return (
    <Ask title={`Rename ${of.name}`} submit="Rename" onClose={onClose} onDone={onDone} send={() => change(of, { name: name.value.trim() })}>
      {(problem) => (
        <>
          <Field id="name" label="Name" required maxLength={64} autocomplete="off" fault={problem?.code === "NameTaken" ? problem.cause : undefined} value={name.value} onValue={(value) => (name.value = value)} />
          <Note kind="warn" icon="warn">Workflows that use the old name fail until they are put again. Those that use the id need nothing.</Note>
        </>
      )}
    </Ask>
  );
}

function Budget({ of, onClose, onDone }: Doing) {
  const budget = useSignal(of.maxCostUsdPerDay ?? "");
  return (
    <Ask title={`Budget of ${of.name}`} submit="Save" onClose={onClose} onDone={onDone} send={() => change(of, { maxCostUsdPerDay: budget.value || null })}>
      <Field id="budget" label="Most that may be spent with it on a day (UTC), USD" inputMode="decimal" pattern="\d+(\.\d+)?" placeholder="no budget" hint="Empty: no budget. A call that it cannot pay for is refused before it starts." value={budget.value} onValue={(value) => (budget.value = value)} />
    </Ask>
  );
}

function Rotation({ of, onClose, onDone }: Doing) {
  const days = useSignal(String(of.rotation?.everyDays ?? ""));
  return (
    <Ask title={`Rotation of ${of.name}`} submit="Save" onClose={onClose} onDone={onDone} send={() => change(of, { rotation: days.value ? { everyDays: Number(days.value) } : null })}>
      <p>Secrets Manager makes a new key, tests it, makes it current, and disables the old one. No running node fails because of it. It needs a management key: see the stack's parameter <code>ManagementKeySecretArn</code>.</p>
      <Field id="days" label="Every so many days" type="number" min={1} max={1000} placeholder="by hand" hint="Empty: the key is not rotated by itself." value={days.value} onValue={(value) => (days.value = value)} />
    </Ask>
  );
}

function Delete({ of, onClose, onDone }: Doing) {
  const isForced = useSignal(false);
  return (
    <Ask title={`Delete ${of.name}`} submit="Delete" danger isTold={(problem) => problem.code === "CredentialInUse"} onClose={onClose} onDone={onDone} send={() => api("DELETE", `${at(of.id)}${isForced.value ? "?force=true" : ""}`)}>
      {(problem) => (
        <>
          <p>It is refused while the newest version of a workflow uses it; you then see which. A deleted credential can be restored for 7 days.</p>
          {problem?.code === "CredentialInUse" && (
            <div class="stack tight" role="alert">
              <p class="strong">These workflows use it:</p>
              <ul>{(problem.faults ?? []).map(({ path }) => path.replace(/^workflows\//, "")).map((workflow) => <li key={workflow}><a href={to(["workflows", workflow])}>{workflow}</a></li>)}</ul>
              <p class="small dim">Give them another credential first, or delete it all the same.</p>
              <label class="check"><input type="checkbox" checked={isForced.value} onChange={(event) => (isForced.value = event.currentTarget.checked)} /><span>Delete it all the same: runs of these workflows fail until it is restored</span></label>
            </div>
          )}
        </>
      )}
    </Ask>
  );
}
