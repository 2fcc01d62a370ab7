// Sign-in with a token of the API.
import { useSignal } from "@preact/signals";
import { asProblem, type Problem, signedOutBecause, signIn } from "../api";
import { Field, Icon, Note, ProblemCard } from "../ui";

export function SignIn() {
  const token = useSignal("");
  const keep = useSignal(false);
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    problem.value = null;
    try {
      await signIn(token.value.trim(), keep.value);
    } catch (error) {
      problem.value = asProblem(error);
    } finally {
      busy.value = false;
    }
  };
  return (
    <div class="door">
      <main>
        <form class="card" onSubmit={submit}>
          <span class="brand">
            <span class="mark"><Icon name="openrouter" /></span> openrouter-steps
          </span>
          <div>
            <h1>Sign in</h1>
            <p class="lead">With a token of this API. What it may not do is not shown.</p>
          </div>
          {signedOutBecause.value && <Note kind="warn" icon="info">{signedOutBecause.value}</Note>}
          <Field id="token" label="API token" type="password" autocomplete="off" spellcheck={false} required autofocus value={token.value} onValue={(value) => (token.value = value)} />
          <label class="check">
            <input type="checkbox" checked={keep.value} onChange={(event) => (keep.value = event.currentTarget.checked)} />
            <span>Stay signed in while this tab is open<br /><small class="dim">Otherwise a reload asks again.</small></span>
          </label>
          {problem.value && <ProblemCard problem={problem.value} small />}
          <button class="primary" disabled={busy.value}>{busy.value ? "Asking the API" : "Sign in"}</button>
          <details class="fold">
            <summary>Where do I find a token?</summary>
            <div class="stack tight small">
              <p>On your machine: <code>make up</code> writes it into <code>.local/env</code> as <code>API_TOKEN</code>.</p>
              <p>On AWS: the root token is the secret <code>&lt;stack&gt;/api-token</code> of Secrets Manager. Whoever has it makes others, with fewer rights, by <code>POST /tokens</code>.</p>
            </div>
          </details>
        </form>
      </main>
    </div>
  );
}
