// Ctrl-K: go to anything by its name.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api, can } from "../api";
import { to } from "../router";
import type { Credential, RunRow, WorkflowRow } from "../types";
import { Icon } from "../ui";
import { ago, statusWord } from "../words";

interface Found {
  words: string;
  about?: string;
  icon: string;
  href?: string;
  act?: () => void;
}

/** How many are shown at once: all places, and some of what has a name. */
const MOST = 20;

export function Palette({ places, extra, onClose }: { places: { path: string; words: string; icon: string }[]; extra: Found[]; onClose: () => void }) {
  const words = useSignal("");
  const at = useSignal(0);
  const more = useSignal<Found[]>([]);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    const load = async () => {
      const [workflows, credentials, runs] = await Promise.all([
        api<{ workflows: WorkflowRow[] }>("GET", "/workflows?limit=100"),
        api<{ credentials: Credential[] }>("GET", "/credentials"),
        api<{ runs: RunRow[] }>("GET", "/runs?limit=25"),
      ]);
      more.value = [
        ...workflows.workflows.flatMap((row) => [
          { words: row.name, about: row.id, icon: "workflows", href: to(["workflows", row.id]) },
          ...(can("run") ? [{ words: `Run ${row.name}`, about: row.id, icon: "runs", href: to(["workflows", row.id], { do: "run" }) }] : []),
        ]),
        ...credentials.credentials.map((one) => ({ words: one.name, about: "credential", icon: "credentials", href: to(["credentials", one.id]) })),
        ...runs.runs.map((run) => ({ words: run.workflowId, about: `${statusWord(run.status)}, ${ago(run.startedAt)}`, icon: run.status, href: to(["runs", run.id]) })),
      ];
    };
    load().catch(() => {});
    const shown = dialog.current;
    return () => shown?.close();
  }, []);
  const fixed: Found[] = [
    ...places.map((place) => ({ words: place.words, icon: place.icon, href: to([place.path]) })),
    ...(can("admin") ? [{ words: "New credential", icon: "plus", href: to(["credentials"], { do: "new" }) }, { words: "New workflow", icon: "plus", href: to(["workflows"], { do: "new" }) }] : []),
    ...extra,
  ];
  const parts = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const isId = /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(words.value.trim());
  const list: Found[] = [
    ...(isId ? [{ words: `The run ${words.value.trim()}`, icon: "runs", href: to(["runs", words.value.trim()]) }] : []),
    ...[...fixed, ...more.value].filter((one) => parts.every((part) => `${one.words} ${one.about ?? ""}`.toLowerCase().includes(part))),
  ].slice(0, MOST);
  const index = Math.min(at.value, list.length - 1);
  // The list is longer than what is seen of it.
  useEffect(() => document.getElementById(`palette-${index}`)?.scrollIntoView({ block: "nearest" }), [index]);
  const take = (one: Found | undefined) => {
    if (!one) return;
    onClose();
    if (one.href) location.hash = one.href;
    else one.act?.();
  };
  const key = (event: KeyboardEvent) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) {
      event.preventDefault();
      at.value = (index + move + list.length) % Math.max(1, list.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      take(list[index]);
    }
  };
  return (
    <dialog ref={dialog} class="palette" aria-label="Go to" onClose={onClose} onClick={(event) => event.target === dialog.current && onClose()}>
      <input type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={list.length ? `palette-${index}` : undefined} aria-autocomplete="list" aria-label="Where to?" placeholder="Where to?" autofocus autocomplete="off" spellcheck={false} value={words.value} onInput={(event) => { words.value = event.currentTarget.value; at.value = 0; }} onKeyDown={key} />
      <ul class="list" role="listbox" id="palette-list" aria-label="Places">
        {list.map((one, place) => (
          <li role="option" key={`${one.words}${one.href ?? ""}`} id={`palette-${place}`} aria-selected={place === index} onMouseMove={() => (at.value = place)} onClick={() => take(one)}>
            <span class="row"><Icon name={one.icon} />{one.words}</span><span class="dim">{one.about}</span>
          </li>
        ))}
        {list.length === 0 && <li role="option" aria-selected="false" aria-disabled="true" class="none">Nothing has this name. A run is found by its id.</li>}
      </ul>
    </dialog>
  );
}
