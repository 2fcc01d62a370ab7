// What starts a workflow by itself: webhooks with a signed line to try them, and schedules with their next times.
import { useSignal } from "@preact/signals";
import { api, base, can } from "../api";
import type { Schedule, Webhook } from "../types";
import { Ago, Area, Ask, CopyButton, Dialog, Empty, Field, Icon, Note, Select, Shown, say, useData } from "../ui";
import { exact, faultOfJson } from "../words";
import { CallbackSecret } from "./callbacks";
import { SwitchCard } from "./switch";

const MODES: [string, string][] = [
  ["standard", "Standard Webhooks (Svix, Clerk, Resend, your own code)"],
  ["github", "GitHub"],
  ["stripe", "Stripe"],
  ["slack", "Slack"],
  ["hmac", "An HMAC in a header (Shopify, Linear, Sentry)"],
  ["bearer", "Bearer: the secret itself in a header"],
  ["none", "None: whoever knows the address"],
];

export function Triggers({ id }: { id: string }) {
  const at = `/workflows/${encodeURIComponent(id)}`;
  const hooks = useData((signal) => api<{ webhooks: Webhook[] }>("GET", `${at}/webhooks`, { signal }), [id]);
  const schedules = useData((signal) => api<{ schedules: Schedule[] }>("GET", `${at}/schedules?limit=50`, { signal }), [id]);
  const opened = useSignal<{ kind: "webhook" | "schedule" | "rotate" | "delete-webhook" | "delete-schedule"; of?: any } | null>(null);
  const made = useSignal<Webhook | null>(null);
  const close = () => (opened.value = null);
  const changed = (words: string, what: { reload: () => void }) => { close(); say(words); what.reload(); };
  const toggle = async (of: Schedule) => {
    try {
      await api("PATCH", `${at}/schedules/${encodeURIComponent(of.name)}`, { body: { enabled: !of.enabled } });
      changed(of.enabled ? "The schedule rests" : "The schedule is on", schedules);
    } catch (error) {
      say(String((error as Error).message));
    }
  };
  return (
    <div class="split even">
      <section class="card" aria-labelledby="hooks-title">
        <header><h2 id="hooks-title">Webhooks</h2>{can("admin") && <button type="button" onClick={() => (opened.value = { kind: "webhook" })}><Icon name="plus" />New webhook</button>}</header>
        <Shown of={hooks}>
          {({ webhooks }) => webhooks.length === 0 ? <Empty icon="hook" title="No webhook">A webhook is an address with a secret. A service that proves that it knows the secret starts a run.</Empty> : (
            <ul class="stack plain-list">
              {webhooks.map((hook) => (
                <li key={hook.name} class="stack tight item">
                  <p class="row between"><span class="strong">{hook.name} <span class="tag">{hook.mode}</span> {!hook.enabled && <span class="tag warn">off</span>}</span></p>
                  <p class="row"><code class="address">{addressOf(hook)}</code><CopyButton text={addressOf(hook)} /></p>
                  <p class="small dim">Made <Ago at={hook.createdAt} />{hook.rotatedAt && <>, secret changed <Ago at={hook.rotatedAt} /></>}{hook.previousSecretUntil && <>; the old one is good until {exact(hook.previousSecretUntil)}</>}</p>
                  {can("admin") && <div class="row"><button type="button" onClick={() => (opened.value = { kind: "webhook", of: hook })}>Change</button>{hook.mode !== "none" && <button type="button" onClick={() => (opened.value = { kind: "rotate", of: hook })}>New secret</button>}<button type="button" class="danger" onClick={() => (opened.value = { kind: "delete-webhook", of: hook })}>Delete</button></div>}
                </li>
              ))}
            </ul>
          )}
        </Shown>
      </section>
      <section class="card" aria-labelledby="clock-title">
        <header><h2 id="clock-title">Schedules</h2>{can("admin") && <button type="button" onClick={() => (opened.value = { kind: "schedule" })}><Icon name="plus" />New schedule</button>}</header>
        <Shown of={schedules}>
          {({ schedules }) => schedules.length === 0 ? <Empty icon="clock" title="No schedule">A schedule starts a run by the clock of a time zone: every hour, or on weekdays at 8:30.</Empty> : (
            <ul class="stack plain-list">
              {schedules.map((one) => (
                <li key={one.name} class="stack tight item">
                  <p class="strong">{one.name} {!one.enabled && <span class="tag warn">off</span>}</p>
                  <p><code>{one.expression}</code> <span class="dim small">{one.timezone}, {{ allow: "runs may overlap", skip: "skipped while one goes on", cancel: "cancels the one that goes on" }[one.overlap] ?? one.overlap}</span></p>
                  {one.next.length > 0 && <div class="small"><p class="dim">Next</p><ol class="plain-list">{one.next.map((time) => <li key={time} class="num">{inZone(time, one.timezone)}</li>)}</ol></div>}
                  {can("admin") && <div class="row"><button type="button" onClick={() => (opened.value = { kind: "schedule", of: one })}>Change</button><button type="button" onClick={() => toggle(one)}>{one.enabled ? "Switch off" : "Switch on"}</button><button type="button" class="danger" onClick={() => (opened.value = { kind: "delete-schedule", of: one })}>Delete</button></div>}
                </li>
              ))}
            </ul>
          )}
        </Shown>
      </section>
      <CallbackSecret at={at} />
      <SwitchCard path={`${at}/switch`} what="this workflow" />
      {opened.value?.kind === "webhook" && <HookForm at={at} of={opened.value.of} onClose={close} onDone={(hook) => { changed("The webhook is stored", hooks); if (hook.secret) made.value = hook; }} />}
      {opened.value?.kind === "rotate" && <RotateHook at={at} of={opened.value.of} onClose={close} onDone={(hook) => { changed("The secret is changed", hooks); if (hook.secret) made.value = hook; }} />}
      {opened.value?.kind === "delete-webhook" && <Ask title={`Delete the webhook ${opened.value.of.name}`} submit="Delete" danger onClose={close} onDone={() => changed("The webhook is deleted", hooks)} send={() => api("DELETE", `${at}/webhooks/${encodeURIComponent(opened.value!.of.name)}`)}><p>Deliveries to it are refused from now on. Secrets Manager keeps its secret recoverable for 7 days.</p></Ask>}
      {opened.value?.kind === "schedule" && <ScheduleForm at={at} of={opened.value.of} onClose={close} onDone={() => changed("The schedule is stored", schedules)} />}
      {opened.value?.kind === "delete-schedule" && <Ask title={`Delete the schedule ${opened.value.of.name}`} submit="Delete" danger onClose={close} onDone={() => changed("The schedule is deleted", schedules)} send={() => api("DELETE", `${at}/schedules/${encodeURIComponent(opened.value!.of.name)}`)}><p>It starts no run any more. Runs that go on are not touched.</p></Ask>}
      {made.value && <Secret of={made.value} onClose={() => (made.value = null)} />}
    </div>
  );
}

const addressOf = (hook: Webhook) => new URL(hook.path.slice(1), base).href;

function inZone(time: string, zone: string) {
  try {
    return new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short", timeZone: zone }).format(new Date(time));
  } catch {
    return exact(time);
  }
}

function HookForm({ at, of, onClose, onDone }: { at: string; of?: Webhook; onClose: () => void; onDone: (hook: Webhook) => void }) {
  const name = useSignal(of?.name ?? "");
  const mode = useSignal(of?.mode ?? "standard");
  const secret = useSignal("");
  const header = useSignal(of?.hmac?.header ?? "");
  const encoding = useSignal(of?.hmac?.encoding ?? "hex");
  const algorithm = useSignal(of?.hmac?.algorithm ?? "sha256");
  const prefix = useSignal(of?.hmac?.prefix ?? "");
  const enabled = useSignal(of?.enabled ?? true);
  const needsSecret = ["stripe", "slack"].includes(mode.value) && mode.value !== of?.mode;
  const send = () =>
    api<Webhook>("PUT", `${at}/webhooks/${encodeURIComponent(name.value)}`, {
      body: {
        mode: mode.value,
        enabled: enabled.value,
        ...(secret.value && { secret: secret.value }),
        ...(mode.value === "hmac" && { hmac: { header: header.value, algorithm: algorithm.value, encoding: encoding.value, ...(prefix.value && { prefix: prefix.value }) } }),
      },
    });
  return (
    <Ask title={of ? `Change the webhook ${of.name}` : "New webhook"} submit="Store" onClose={onClose} onDone={onDone} send={send}>
      {!of && <Field id="name" label="Name" required autofocus pattern="[A-Za-z0-9_\-]{1,64}" hint="Letters, digits, - and _: the end of its address." value={name.value} onValue={(value) => (name.value = value)} />}
      <Select id="mode" label="How senders prove themselves" value={mode.value} onValue={(value) => (mode.value = value)} options={MODES} />
      {mode.value === "none" && <Note kind="warn" icon="warn">Anybody who knows the address may start runs, which you pay for.</Note>}
      {mode.value === "hmac" && (
        <div class="columns">
          <Field id="header" label="Header of the signature" required placeholder="x-shopify-hmac-sha256" value={header.value} onValue={(value) => (header.value = value)} />
          <Select id="encoding" label="Written as" value={encoding.value} onValue={(value) => (encoding.value = value)} options={[["hex", "hex"], ["base64", "base64"]]} />
          <Select id="algorithm" label="Algorithm" value={algorithm.value} onValue={(value) => (algorithm.value = value)} options={[["sha256", "SHA-256"], ["sha512", "SHA-512"], ["sha1", "SHA-1"]]} />
          <Field id="prefix" label="Before the signature (optional)" placeholder="sha256=" value={prefix.value} onValue={(value) => (prefix.value = value)} />
        </div>
      )}
      {mode.value !== "none" && <Field id="secret" label={needsSecret ? "Secret that the service shows" : "Secret (optional)"} type="password" autocomplete="off" required={needsSecret} hint={needsSecret ? undefined : "Left out, the one that is there stays, or one is made here and shown once."} value={secret.value} onValue={(value) => (secret.value = value)} />}
      {of && <label class="check"><input type="checkbox" checked={enabled.value} onChange={(event) => (enabled.value = event.currentTarget.checked)} />Take deliveries</label>}
    </Ask>
  );
}

function RotateHook({ at, of, onClose, onDone }: { at: string; of: Webhook; onClose: () => void; onDone: (hook: Webhook) => void }) {
  const overlap = useSignal("86400");
  const secret = useSignal("");
  const needsSecret = ["stripe", "slack"].includes(of.mode);
  const send = () => api<Webhook>("POST", `${at}/webhooks/${encodeURIComponent(of.name)}/rotate`, { body: { overlapSeconds: Number(overlap.value), ...(secret.value && { secret: secret.value }) } });
  return (
    <Ask title={`New secret of ${of.name}`} submit="Change the secret" onClose={onClose} onDone={onDone} send={send}>
      <Select id="overlap" label="The old secret stays good" value={overlap.value} onValue={(value) => (overlap.value = value)} options={[["0", "not at all"], ["3600", "for an hour"], ["86400", "for a day"], ["604800", "for a week"]]} />
      {needsSecret && <Field id="secret" label="Secret that the service shows" type="password" autocomplete="off" required value={secret.value} onValue={(value) => (secret.value = value)} />}
    </Ask>
  );
}

/** The secret of a webhook, in the one answer that has it, with a line of curl that is signed by it. */
function Secret({ of, onClose }: { of: Webhook; onClose: () => void }) {
  const secret = of.secret ?? "";
  const line = useData(() => signedLine(of, secret), [of.name]);
  return (
    <Dialog title={`The secret of ${of.name}`} wide onClose={onClose}>
      <div class="stack">
        <Note kind="warn" icon="warn">It is shown now and never again. Give it to the sender.</Note>
        <div class="row"><code class="address">{secret}</code><CopyButton text={secret} label="Copy the secret" /></div>
        <div class="row"><code class="address">{addressOf(of)}</code><CopyButton text={addressOf(of)} label="Copy the address" /></div>
        {line.data && (
          <div class="stack tight">
            <div class="row between"><p class="label">Try it from a shell: this line is signed already</p><CopyButton text={line.data} /></div>
            <div class="box code" tabIndex={0} role="region" aria-label="Signed line">{line.data}</div>
            {of.mode === "standard" && <p class="small dim">Its time is signed too: it is good for {Math.round(of.toleranceSeconds / 60)} minutes.</p>}
          </div>
        )}
        <div class="row"><button type="button" class="primary" onClick={onClose}>I have kept it</button></div>
      </div>
    </Dialog>
  );
}

async function signedLine(of: Webhook, secret: string): Promise<string> {
  const body = '{"topic": "octopuses"}';
  const headers: string[] = ["content-type: application/json"];
  const hmac = async (key: BufferSource, text: string, hash = "SHA-256") => new Uint8Array(await crypto.subtle.sign("HMAC", await crypto.subtle.importKey("raw", key, { name: "HMAC", hash }, false, ["sign"]), new TextEncoder().encode(text)));
  const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
  const raw = new TextEncoder().encode(secret);
  if (of.mode === "standard") {
    const id = `msg_${hex(crypto.getRandomValues(new Uint8Array(12)))}`;
    const time = Math.floor(Date.now() / 1000);
    const key = Uint8Array.from(atob(secret.replace(/^whsec_/, "")), (letter) => letter.charCodeAt(0));
    headers.push(`webhook-id: ${id}`, `webhook-timestamp: ${time}`, `webhook-signature: v1,${base64(await hmac(key, `${id}.${time}.${body}`))}`);
  } else if (of.mode === "github") headers.push(`x-hub-signature-256: sha256=${hex(await hmac(raw, body))}`);
  else if (of.mode === "bearer") headers.push(`authorization: Bearer ${secret}`);
  else if (of.mode === "hmac" && of.hmac) {
    const hash = { sha1: "SHA-1", sha512: "SHA-512" }[of.hmac.algorithm ?? ""] ?? "SHA-256";
    const bytes = await hmac(raw, body, hash);
    headers.push(`${of.hmac.header}: ${of.hmac.prefix ?? ""}${of.hmac.encoding === "base64" ? base64(bytes) : hex(bytes)}`);
  }
  return [`curl -s '${addressOf(of)}?wait=25'`, ...headers.map((header) => `-H '${header}'`), `-d '${body}'`].join(" \\\n  ");
}

function ScheduleForm({ at, of, onClose, onDone }: { at: string; of?: Schedule; onClose: () => void; onDone: () => void }) {
  const name = useSignal(of?.name ?? "");
  const expression = useSignal(of?.expression ?? "cron(30 8 ? * MON-FRI *)");
  const timezone = useSignal(of?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC");
  const overlap = useSignal(of?.overlap ?? "allow");
  const input = useSignal(JSON.stringify(of?.input ?? {}, null, 2));
  const broken = faultOfJson(input.value);
  const zones: string[] = (Intl as any).supportedValuesOf?.("timeZone") ?? [];
  const send = () => api("PUT", `${at}/schedules/${encodeURIComponent(name.value)}`, { body: { expression: expression.value, timezone: timezone.value, overlap: overlap.value, input: JSON.parse(input.value || "{}"), enabled: of?.enabled ?? true, window: of?.window ?? 0 } });
  return (
    <Ask title={of ? `Change the schedule ${of.name}` : "New schedule"} submit="Store" onClose={onClose} onDone={onDone} send={send} isOff={!!broken}>
      {(problem) => {
        const fault = (path: string) => problem?.faults?.find((one) => one.path.startsWith(path))?.message;
        return (
          <>
            {!of && <Field id="name" label="Name" required autofocus pattern="[A-Za-z0-9_\-]{1,30}" value={name.value} onValue={(value) => (name.value = value)} />}
            <Field id="expression" label="When" required class="code" list="expressions" fault={fault("expression") ?? (problem?.code === "InvalidSchedule" && !problem.faults?.length ? problem.cause : undefined)} hint="rate(5 minutes), cron(minutes hours day-of-month month day-of-week year) or at(2030-01-31T09:00:00)" value={expression.value} onValue={(value) => (expression.value = value)} />
            <datalist id="expressions"><option value="rate(1 hour)" /><option value="cron(0 8 * * ? *)">Every day at 8:00</option><option value="cron(30 8 ? * MON-FRI *)">On weekdays at 8:30</option><option value="cron(0 9 1 * ? *)">On the first of each month at 9:00</option></datalist>
            <div class="columns">
              <Field id="zone" label="Time zone" required list="zones" fault={fault("timezone")} value={timezone.value} onValue={(value) => (timezone.value = value)} />
              <Select id="overlap" label="While the last run goes on" value={overlap.value} onValue={(value) => (overlap.value = value)} options={[["allow", "start another one"], ["skip", "skip this time"], ["cancel", "cancel the last run"]]} />
            </div>
            <datalist id="zones">{zones.map((zone) => <option key={zone} value={zone} />)}</datalist>
            <Area id="input" label="Input of its runs, as JSON" code rows={4} fault={broken ?? fault("input")} value={input.value} onValue={(value) => (input.value = value)} />
          </>
        );
      }}
    </Ask>
  );
}
