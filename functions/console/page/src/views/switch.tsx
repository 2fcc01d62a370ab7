// Whether runs may start: of one workflow, or of the whole stack.
import { useSignal } from "@preact/signals";
import { api, can } from "../api";
import { Ago, Ask, Field, Icon, Note, Shown, say, useData } from "../ui";

interface Switch {
  enabled: boolean;
  reason: string | null;
  changedAt: string | null;
}

export const useSwitch = (path: string) => useData((signal) => api<Switch>("GET", path, { signal }), [path]);

export function SwitchCard({ path, what, onChange }: { path: string; what: string; onChange?: () => void }) {
  const now = useSwitch(path);
  const asking = useSignal(false);
  const reason = useSignal("");
  const set = async (enabled: boolean) => {
    const next = await api<Switch>("PUT", path, { body: { enabled, ...(reason.value && { reason: reason.value }) } });
    now.set(next);
    onChange?.();
    say(enabled ? `Runs of ${what} may start` : `No run of ${what} starts any more`);
    reason.value = "";
  };
  return (
    <section class="card" aria-labelledby="switch-title">
      <header><h2 id="switch-title">On and off</h2></header>
      <Shown of={now} rows={1}>
        {(is) => (
          <div class="stack">
            {is.enabled ? <p>Runs of {what} may start.{is.changedAt && <span class="dim"> Switched on <Ago at={is.changedAt} />.</span>}</p> : <Note kind="warn" icon="warn">No run of {what} starts, by whichever door, since <Ago at={is.changedAt!} />{is.reason ? `: ${is.reason}` : ""}. Runs that go on are not touched.</Note>}
            {can("admin") && <p>{is.enabled ? <button type="button" class="danger" onClick={() => (asking.value = true)}><Icon name="ABORTED" />Switch off</button> : <button type="button" class="primary" onClick={() => set(true).catch((error) => say(String(error.message)))}><Icon name="runs" />Switch on</button>}</p>}
          </div>
        )}
      </Shown>
      {asking.value && (
        <Ask title={`Switch ${what} off`} submit="Switch off" danger onClose={() => (asking.value = false)} onDone={() => (asking.value = false)} send={() => set(false)}>
          <p>No run starts from now on: not by the API, webhooks, schedules or events. Runs that go on are not touched. It can be switched on again at any time.</p>
          <Field id="reason" label="Reason (optional)" maxLength={500} hint="Whoever is refused reads it." value={reason.value} onValue={(value) => (reason.value = value)} />
        </Ask>
      )}
    </section>
  );
}
