// The versions of a workflow, and what changed from one to another.
import { useSignal } from "@preact/signals";
import { stringify } from "yaml";
import { api } from "../api";
import { close, diff } from "../diff";
import { refine, route } from "../router";
import { tidy } from "../tidy";
import type { StoredWorkflow } from "../types";
import { Ago, Select, Shown, Skeleton, useData } from "../ui";

export const asYaml = (workflow: unknown) => stringify(workflow, { lineWidth: 0 });

export function Versions({ id, newest, onTake }: { id: string; newest: number; onTake: ((of: StoredWorkflow) => void) | null }) {
  const { query } = route.value;
  const shown = useSignal(10);
  const after = Number(query.get("after") ?? newest);
  const before = Number(query.get("before") ?? Math.max(1, after - 1));
  const read = (version: number, signal: AbortSignal) => api<StoredWorkflow>("GET", `/workflows/${encodeURIComponent(id)}?version=${version}`, { signal });
  const numbers = Array.from({ length: Math.min(shown.value, newest) }, (_, place) => newest - place);
  const list = useData((signal) => Promise.all(numbers.map((version) => read(version, signal).catch(() => null))), [id, newest, shown.value]);
  const two = useData(async (signal) => (before === after ? null : Promise.all([read(before, signal), read(after, signal)])), [id, before, after]);
  const options = Array.from({ length: newest }, (_, place): [string, string] => [String(newest - place), `Version ${newest - place}`]);
  return (
    <div class="split">
      <section class="card" aria-labelledby="diff-title">
        <header><h2 id="diff-title">What changed</h2></header>
        <div class="stack">
          <div class="columns">
            <Select id="before" label="From" value={String(before)} onValue={(value) => refine({ before: value })} options={options} />
            <Select id="after" label="To" value={String(after)} onValue={(value) => refine({ after: value })} options={options} />
          </div>
          {newest === 1 ? <p class="dim">There is one version only. Each time that it is saved there is one more.</p> : before === after ? <p class="dim">Choose two versions.</p> : <Shown of={two} tall>{(pair) => pair && <Changes before={asYaml(tidy(pair[0].workflow))} after={asYaml(tidy(pair[1].workflow))} />}</Shown>}
        </div>
      </section>
      <section class="card" aria-labelledby="versions-title">
        <header><h2 id="versions-title">Versions</h2></header>
        {list.data ? (
          <ol class="line">
            {list.data.map((version, place) => (
              <li key={numbers[place]}>
                <div class="row between">
                  <div><p class="strong">Version {numbers[place]}{numbers[place] === newest && <> <span class="tag good">newest</span></>}</p><p class="small dim">{version ? <><Ago at={version.updatedAt} />, {version.workflow.nodes.length} nodes</> : "not there any more"}</p></div>
                  {version && onTake && numbers[place] !== newest && <button type="button" onClick={() => onTake(version)}>Edit from here</button>}
                </div>
              </li>
            ))}
          </ol>
        ) : <Skeleton />}
        {shown.value < newest && <div class="more"><button type="button" onClick={() => (shown.value += 20)}>Show more</button></div>}
      </section>
    </div>
  );
}

function Changes({ before, after }: { before: string; after: string }) {
  const lines = close(diff(before.trimEnd(), after.trimEnd()));
  if (lines.every((line) => line.kind === "gap")) return <p class="dim">The documents are equal.</p>;
  const sign = { in: "+", out: "-", same: " ", gap: " " };
  const spoken = { in: "added: ", out: "removed: ", same: "", gap: "" };
  return (
    <div class="diff" role="region" aria-label="Changed lines" tabIndex={0}>
      {lines.map((line, place) => <div key={place} class={line.kind}><span aria-hidden="true">{sign[line.kind]} </span><span class="sr">{spoken[line.kind]}</span>{line.text || " "}</div>)}
    </div>
  );
}
