// Callbacks: the secret that signs those of a workflow, and the deliveries of a run, which can be sent again.
import { useSignal } from "@preact/signals";
import { api, asProblem, can } from "../api";
import { Ago, Ask, CopyButton, Dialog, Empty, Icon, Note, Shown, say, useData } from "../ui";
import { exact, lasting, many } from "../words";

interface Secret {
  publicKey: string;
  previousPublicKey: string | null;
  createdAt: string;
  rotatedAt: string | null;
  previousUntil: string | null;
  secret?: string;
}

export function CallbackSecret({ at }: { at: string }) {
  const path = `${at}/callback-secret`;
  const now = useData<Secret | null>(async (signal) => {
    try {
      return await api<Secret>("GET", path, { signal });
    } catch (error) {
      if (asProblem(error).code === "CallbackSecretNotFound") return null;
      throw error;
    }
  }, [path]);
  const doing = useSignal<"" | "rotate" | "delete">("");
  const made = useSignal<Secret | null>(null);
  const close = () => (doing.value = "");
  return (
    <section class="card" aria-labelledby="callback-title">
      <header><h2 id="callback-title">Signing of callbacks</h2>{can("admin") && <button type="button" onClick={() => (doing.value = "rotate")}>{now.data ? "New secret" : <><Icon name="plus" />Make a secret</>}</button>}</header>
      <Shown of={now} rows={2}>
        {(is) =>
          is === null ? (
            <Empty icon="hook" title="The stack's secret signs">Ended runs are posted to a <code>callbackUrl</code> and signed. With a secret of its own, the receiver of this workflow's posts can verify no other one's.</Empty>
          ) : (
            <div class="stack tight">
              <p class="row"><code class="address">{is.publicKey}</code><CopyButton text={is.publicKey} label="Copy the public key" /></p>
              <p class="small dim">Made <Ago at={is.createdAt} />{is.rotatedAt && <>, replaced <Ago at={is.rotatedAt} /></>}{is.previousUntil && <>; what signed before signs too until {exact(is.previousUntil)}</>}.</p>
              {can("admin") && <p><button type="button" class="danger" onClick={() => (doing.value = "delete")}>Delete</button></p>}
            </div>
          )
        }
      </Shown>
      {doing.value === "rotate" && <Ask title="A new secret for callbacks" submit="Make it" onClose={close} onDone={(secret) => { close(); made.value = secret; now.reload(); }} send={() => api<Secret>("POST", `${path}/rotate`)}><p>What signed before signs too for a day, so that receivers have time to learn the new secret.</p></Ask>}
      {doing.value === "delete" && <Ask title="Delete the secret of callbacks" submit="Delete" danger onClose={close} onDone={() => { close(); say("The stack's secret signs again"); now.reload(); }} send={() => api("DELETE", path)}><p>The stack's secret signs this workflow's callbacks from now on.</p></Ask>}
      {made.value?.secret && (
        <Dialog title="The secret of callbacks" onClose={() => (made.value = null)}>
          <div class="stack">
            <Note kind="warn" icon="warn">It is shown now and never again. Receivers verify with it, or with the public key.</Note>
            <p class="row"><code class="address">{made.value.secret}</code><CopyButton text={made.value.secret} /></p>
          </div>
        </Dialog>
      )}
    </section>
  );
}

interface Delivery {
  id: string;
  execution: number;
  host: string;
  status: string;
  attempts: { at: string; durationMs: number; status: number | null; error: string | null }[];
  queuedAt: string;
  nextAttemptAt: string | null;
}

const WORDS: Record<string, [string, string]> = {
  PENDING: ["RUNNING", "is posted soon"],
  DELIVERED: ["SUCCEEDED", "taken"],
  FAILED: ["FAILED", "not taken"],
  SUPERSEDED: ["SKIPPED", "a later end is posted instead"],
};

/** The posts of a run's ends, where it has a callback address. */
export function Deliveries({ run, status }: { run: string; status: string }) {
  const list = useData((signal) => api<{ deliveries: Delivery[] }>("GET", `/runs/${run}/deliveries`, { signal }), [run, status]);
  const again = async (id: string) => {
    try {
      await api("POST", `/runs/${run}/deliveries/${encodeURIComponent(id)}/resend`);
      say("It is posted again");
      list.reload();
    } catch (error) {
      say(asProblem(error).cause);
    }
  };
  if (!list.data?.deliveries.length) return null;
  return (
    <section class="card" aria-labelledby="deliveries-title">
      <header><h2 id="deliveries-title">Callbacks</h2><button type="button" class="plain" onClick={list.reload}><Icon name="refresh" spin={list.isLoading} />Look again</button></header>
      <ul class="stack plain-list">
        {list.data.deliveries.map((one) => {
          const [icon, words] = WORDS[one.status.toUpperCase()] ?? ["PENDING", one.status];
          return (
            <li key={one.id} class="stack tight item">
              <p class="row between"><span class="strong">{one.host}</span><span class={`status is-${icon}`}><Icon name={icon} />{words}</span></p>
              <p class="small dim">Execution {one.execution}, {many(one.attempts.length, "post")}{one.nextAttemptAt && <>, again <Ago at={one.nextAttemptAt} /></>}</p>
              {one.attempts.length > 0 && (
                <details class="fold">
                  <summary>Posts</summary>
                  <ol class="plain-list small">{one.attempts.map((attempt) => <li key={attempt.at}>{exact(attempt.at)}: {attempt.status ? `status ${attempt.status}` : "no answer"}, {lasting(attempt.durationMs)}{attempt.error ? `: ${attempt.error}` : ""}</li>)}</ol>
                </details>
              )}
              {can("run") && !["PENDING", "SUPERSEDED"].includes(one.status.toUpperCase()) && <p><button type="button" onClick={() => again(one.id)}><Icon name="refresh" />Send it again</button></p>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
