// The variables of the deployment, which templates read as `{{vars.name}}`: listed, set, deleted.
import { useSignal } from "@preact/signals";
import { api } from "../api";
import { refine, route } from "../router";
import type { Json, Var } from "../types";
import { Ago, Area, Ask, Empty, Field, Icon, JsonView, Note, Shown, say, useData } from "../ui";

const at = (name: string) => `/vars/${encodeURIComponent(name)}`;

export function Vars() {
  const list = useData((signal) => api<{ vars: Var[] }>("GET", "/vars", { signal }), []);
  const asked = route.value.query.get("do");
  const changing = useSignal<Var | null>(null);
  const deleting = useSignal<Var | null>(null);
  const close = () => { changing.value = null; refine({ do: null }); };
  const add = <button type="button" class="primary" onClick={() => refine({ do: "new" })}><Icon name="plus" />New variable</button>;
  return (
    <>
      <Shown of={list} rows={4}>
        {({ vars }) =>
          vars.length === 0 ? (
            <div class="card"><Empty icon="set" title="No variable yet" action={add}>What differs between a test stack and a live one, such as an address or a model: set it here, and let templates read it as <code>{"{{vars.name}}"}</code>. So one document serves both.</Empty></div>
          ) : (
            <div class="stack">
              <div class="row between"><p class="small dim">Templates read them as <code>{"{{vars.name}}"}</code>. Whoever may read runs may read them: they are no secrets.</p>{add}</div>
              <div class="card flat">
                <div class="table-wrap">
                  <table>
                    <thead><tr><th scope="col">Name</th><th scope="col">Value</th><th scope="col">Set</th><th scope="col"><span class="sr">Actions</span></th></tr></thead>
                    <tbody>
                      {vars.map((one) => (
                        <tr key={one.name}>
                          <td class="first"><code class="strong">{one.name}</code></td>
                          <td data-label="Value" class="value">{one.value !== null && typeof one.value === "object" ? <details class="fold small"><summary class="mono">{begin(one.value)}</summary><div class="box json"><JsonView value={one.value} /></div></details> : <span class="mono small">{String(one.value)}</span>}</td>
                          <td class="nowrap" data-label="Set"><Ago at={one.changedAt} /></td>
                          <td class="num"><span class="row"><button type="button" aria-label={`Change ${one.name}`} onClick={() => (changing.value = one)}>Change</button><button type="button" class="danger plain icon-only" aria-label={`Delete ${one.name}`} onClick={() => (deleting.value = one)}><Icon name="trash" /></button></span></td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              </div>
            </div>
          )
        }
      </Shown>
      {(asked === "new" || changing.value) && <SetVar of={changing.value} taken={(list.data?.vars ?? []).map((one) => one.name)} onClose={close} onDone={(made) => { close(); say(`The variable ${made.name} is set`); list.reload(); }} />}
      {deleting.value && <Ask title={`Delete ${deleting.value.name}`} submit="Delete" danger onClose={() => (deleting.value = null)} onDone={() => { say("The variable is deleted"); deleting.value = null; list.reload(); }} send={() => api("DELETE", at(deleting.value!.name))}><p>Runs that need it fail from now on with <code>VarNotSet</code>. Those that have started keep the value that they have seen.</p></Ask>}
    </>
  );
}

function SetVar({ of, taken, onClose, onDone }: { of: Var | null; taken: string[]; onClose: () => void; onDone: (made: Var) => void }) {
  const name = useSignal(of?.name ?? "");
  const text = useSignal(of ? asText(of.value) : "");
  const { value, fault } = asValue(text.value);
  const isTaken = !of && taken.includes(name.value.trim());
  const kind = value === null ? "null" : Array.isArray(value) ? "a list" : ({ object: "an object", string: "a text", number: "a number", boolean: "true or false" } as Record<string, string>)[typeof value];
  return (
    <Ask title={of ? `Change ${of.name}` : "New variable"} submit="Set it" isOff={!!fault || isTaken || !text.value.trim()} onClose={onClose} onDone={onDone} send={() => api("PUT", at(name.value.trim()), { body: { value } })} isTold={(problem) => !!problem.faults?.length}>
      {(problem) => {
        const faultAt = (path: string) => problem?.faults?.find((one) => one.path === path || one.path.startsWith(`${path}.`))?.message;
        const others = problem?.faults?.filter((one) => one.path !== "name" && !/^value(\.|$)/.test(one.path)) ?? [];
        return (
          <>
            {!of && <Field id="name" label="Name" required autofocus maxLength={64} autocomplete="off" spellcheck={false} pattern="[A-Za-z_$][\w$]*" hint="Letters, digits, _ and $; no digit first." fault={isTaken ? "There is one of this name: change that one." : faultAt("name")} value={name.value} onValue={(given) => (name.value = given)} />}
            <Area id="value" label="Value" code rows={5} hint={text.value.trim() && !fault ? `It is kept as ${kind}.` : "A text, or JSON."} fault={fault ?? faultAt("value")} value={text.value} onValue={(given) => (text.value = given)} />
            {others.map((one) => <Note kind="warn" icon="warn" key={one.message}><code>{one.path}</code> {one.message}</Note>)}
            <p class="small dim">It is no secret: keys are <a href="#/credentials">credentials</a>. Runs that have started keep the value that they have seen.</p>
          </>
        );
      }}
    </Ask>
  );
}

/** The beginning of a value. */
function begin(value: Json) {
  const json = JSON.stringify(value);
  return json.length > 40 ? `${json.slice(0, 40)}...` : json;
}

/** What is written as a value: JSON where it is some, else the text itself. */
function asValue(text: string): { value: Json; fault?: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    if (/^\s*[[{"]/.test(text)) return { value: null, fault: `This is not JSON: ${(error as Error).message}` };
    return { value: text };
  }
}

/** A value as it is written: a text without quotes where it stays one so. */
function asText(value: Json) {
  const json = JSON.stringify(value, null, 2);
  return typeof value === "string" && value.trim() && asValue(value).value === value ? value : json;
}
