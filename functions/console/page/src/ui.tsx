// The parts that every view is made of.
import { signal, useSignal } from "@preact/signals";
import type { ComponentChildren, ComponentType, InputHTMLAttributes } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { asProblem, base, Failure, type Fault, type Problem } from "./api";
import type { Json } from "./types";
import { ago, exact, statusWord } from "./words";

// ---- Icons

const ICONS = {
  runs: "M5 4l14 8-14 8z",
  workflows: "M6 5h4v4H6zM14 15h4v4h-4zM14 5h4v4h-4zM10 7h4M8 9v4a4 4 0 0 0 4 4h2",
  credentials: "M15 9a4 4 0 1 1-3.5 6L9 17.5H6.5V20H3v-3l7.3-7A4 4 0 0 1 15 9zM15.5 12.5h.01",
  compare: "M4 5h6v14H4zM14 5h6v14h-6z",
  models: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5",
  costs: "M5 20V11h3v9zM10.5 20V5h3v15zM16 20v-6h3v6z",
  download: "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14",
  out: "M15 4h4v16h-4M10 8l-4 4 4 4M6 12h10",
  keys: "M4 7h16v10H4zM7 14h10M7.5 10.5h.01M11 10.5h.01M14.5 10.5h.01",
  sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 2v2M12 20v2M4.2 4.2l1.4 1.4M18.4 18.4l1.4 1.4M2 12h2M20 12h2M4.2 19.8l1.4-1.4M18.4 5.6l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z",
  search: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM16 16l4.5 4.5",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  SUCCEEDED: "M5 12.5l4.5 4.5L19 7",
  FAILED: "M7 7l10 10M17 7L7 17",
  QUEUED: "M7 4h10M7 20h10M8 4v3l4 5-4 5v3M16 4v3l-4 5 4 5v3",
  TIMED_OUT: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM12 8v4.5l3 2",
  ABORTED: "M7 7h10v10H7z",
  RUNNING: "M12 4a8 8 0 0 1 8 8M12 20a8 8 0 0 1-8-8",
  WAITING: "M9 6v12M15 6v12",
  PENDING: "M12 6a6 6 0 1 1 0 12 6 6 0 0 1 0-12z",
  SKIPPED: "M6 6l6 6-6 6M13 6l6 6-6 6",
  NONE: "M12 6a6 6 0 1 1 0 12 6 6 0 0 1 0-12z",
  openrouter: "M4 12h5c4 0 3-6 8-6h3M9 12c4 0 3 6 8 6h3",
  set: "M5 7h14M5 12h9M5 17h11",
  switch: "M12 4v5M12 9l-6 6v5M12 9l6 6v5",
  http: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM4 12h16M12 4c3 3 3 13 0 16M12 4c-3 3-3 13 0 16",
  lambda: "M6 4h4l8 16M10 9L5 20",
  forEach: "M7 4h10v4H7zM7 10h10v4H7zM7 16h10v4H7z",
  wait: "M7 4h10M7 20h10M8 4v3l4 5-4 5v3M16 4v3l-4 5 4 5v3",
  approval: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4",
  signal: "M12 12h.01M8.5 15.5a5 5 0 0 1 0-7M15.5 8.5a5 5 0 0 1 0 7M5.5 18.5a9.2 9.2 0 0 1 0-13M18.5 5.5a9.2 9.2 0 0 1 0 13",
  person: "M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM5 20a7 7 0 0 1 14 0",
  warn: "M12 4l9 16H3zM12 10v4M12 17h.01",
  info: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM12 11v5M12 8h.01",
  link: "M14 5h5v5M19 5l-8 8M10 6H6v12h12v-4",
  copy: "M9 9h10v10H9zM15 9V5H5v10h4",
  clock: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM12 8v4.5l3 2",
  refresh: "M19 12a7 7 0 1 1-2-5M19 4v4h-4",
  trash: "M5 7h14M10 7V5h4v2M7 7l1 13h8l1-13",
  hook: "M9 8a3 3 0 1 1 4 3l3 5M15 14a3 3 0 1 1-1 5M8 12a3 3 0 1 0 2 5h5",
} as const;
export type IconName = keyof typeof ICONS;

export function Icon({ name, spin }: { name: string; spin?: boolean }) {
  return (
    <svg class={spin ? "icon spin" : "icon"} viewBox="0 0 24 24" aria-hidden="true">
      <path d={ICONS[name as IconName] ?? ICONS.PENDING} />
    </svg>
  );
}

// ---- What is said: a toast for the eyes, a live region for the ears

interface Said {
  id: number;
  text: string;
}
const said = signal<Said[]>([]);
export const heard = signal("");

/** Says something in the live region only. */
export const tell = (text: string) => (heard.value = text);

export function say(text: string) {
  const it = { id: Date.now() + Math.random(), text };
  said.value = [...said.value, it];
  heard.value = text;
  setTimeout(() => (said.value = said.value.filter((other) => other !== it)), 5000);
}

export function Toasts() {
  return (
    <>
      <p class="sr" role="status">{heard.value}</p>
      <div class="toasts" aria-hidden="true">
        {said.value.map((it) => <div class="toast" key={it.id}>{it.text}</div>)}
      </div>
    </>
  );
}

// ---- Small things

export function Status({ of }: { of: string }) {
  return (
    <span class={`status is-${of}`}>
      <Icon name={of} />
      {statusWord(of)}
    </span>
  );
}

/** A moment as how long ago it was; the exact time is its title. It goes on counting. */
export function Ago({ at }: { at: string }) {
  useTick(15000);
  return <time dateTime={at} title={exact(at)}>{ago(at)}</time>;
}

/** Draws the component again every so many milliseconds. */
export function useTick(milliseconds: number, on = true) {
  const tick = useSignal(0);
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => tick.value++, milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds, on]);
  return tick.value;
}

export function Note({ kind = "", icon = "info", children }: { kind?: "" | "warn" | "good"; icon?: IconName; children: ComponentChildren }) {
  return (
    <div class={`note ${kind}`}>
      <Icon name={icon} />
      <div>{children}</div>
    </div>
  );
}

export function Empty({ icon, title, children, action }: { icon: IconName; title: string; children?: ComponentChildren; action?: ComponentChildren }) {
  return (
    <div class="empty">
      <span class="mark"><Icon name={icon} /></span>
      <h2>{title}</h2>
      <p>{children}</p>
      {action}
    </div>
  );
}

/** What stands where something is being read. */
export function Skeleton({ rows = 4, tall }: { rows?: number; tall?: boolean }) {
  return (
    <div class="stack" aria-busy="true">
      <span class="sr">Loading</span>
      {tall && <div class="bone tall" />}
      {Array.from({ length: rows }, (_, row) => <div class="bone" key={row} style={{ width: `${92 - ((row * 17) % 45)}%` }} />)}
    </div>
  );
}

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const done = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      done.value = true;
      tell("Copied");
      setTimeout(() => (done.value = false), 2000);
    } catch {
      say("The browser does not let this page copy: mark the text and copy it");
    }
  };
  return (
    <button type="button" class="plain" onClick={copy}>
      <Icon name={done.value ? "SUCCEEDED" : "copy"} />
      {label}
    </button>
  );
}

/** A text of the API: what stands between backticks is code. */
export const ticked = (text: string): ComponentChildren => text.split("`").map((part, place) => (place % 2 ? <code key={place}>{part}</code> : part));

// ---- Failures

/** The page that explains a code. */
export const pageOf = (code: string) => new URL(`errors/${code}`, base).href;

export function ProblemCard({ problem, action, small, level = 2 }: { problem: Problem; action?: ComponentChildren; small?: boolean; level?: 2 | 3 }) {
  const Title = `h${level}` as "h2";
  return (
    <section class={small ? "problem small" : "problem"} role="alert">
      <div class="top">
        <Icon name="warn" />
        <div>
          <Title>{problem.title}</Title>
          <p class="cause">{ticked(problem.cause)}</p>
        </div>
      </div>
      {(problem.solution.length > 0 || problem.upstream || action || problem.faults?.length) && (
        <div class="rest">
          {problem.faults && problem.faults.length > 0 && <Faults faults={problem.faults} />}
          {problem.solution.length > 0 && (
            <div class="stack tight">
              <p class="label">What to do</p>
              <ol>{problem.solution.map((step) => <li key={step}>{ticked(step)}</li>)}</ol>
            </div>
          )}
          <div class="row">
            {action}
            {problem.link && <a class="button" href={problem.link} target="_blank" rel="noreferrer noopener"><Icon name="link" />{hostOf(problem.link)}</a>}
            {problem.code && <a class="button plain" href={pageOf(problem.code)} target="_blank" rel="noreferrer noopener">About <code>{problem.code}</code></a>}
          </div>
          {problem.upstream && (
            <details class="fold">
              <summary>What {problem.upstream.provider ?? "OpenRouter"} answered</summary>
              <div class="box code">{problem.upstream.status ? `${problem.upstream.status}: ` : ""}{problem.upstream.message}</div>
            </details>
          )}
        </div>
      )}
    </section>
  );
}

function hostOf(link: string) {
  try {
    return new URL(link).host;
  } catch {
    return link;
  }
}

export function Faults({ faults, jump }: { faults: Fault[]; jump?: (path: string) => void }) {
  return (
    <ul>
      {faults.map((fault) => (
        <li key={fault.path + fault.message}>
          {fault.path && (jump ? <button type="button" class="link mono" onClick={() => jump(fault.path)}>{fault.path}</button> : <code>{fault.path}</code>)}
          {fault.line ? ` (line ${fault.line}${fault.column ? `, column ${fault.column}` : ""})` : ""}
          {fault.path ? ": " : ""}{ticked(fault.message)}
        </li>
      ))}
    </ul>
  );
}

// ---- Reading from the API

export interface Loaded<T> {
  data: T | undefined;
  problem: Problem | undefined;
  isLoading: boolean;
  reload: () => void;
  set: (data: T) => void;
}

/** Reads something, and again where `deps` change. What was read before is shown meanwhile. */
export function useData<T>(load: (signal: AbortSignal) => Promise<T>, deps: unknown[]): Loaded<T> {
  const state = useSignal<{ data?: T; problem?: Problem; isLoading: boolean }>({ isLoading: true });
  const again = useSignal(0);
  useEffect(() => {
    const stop = new AbortController();
    state.value = { data: state.peek().data, isLoading: true };
    steadily(load, stop.signal).then(
      (data) => !stop.signal.aborted && (state.value = { data, isLoading: false }),
      (error) => !stop.signal.aborted && (state.value = { data: state.peek().data, problem: asProblem(error), isLoading: false }),
    );
    return () => stop.abort();
  }, [...deps, again.value]);
  return {
    data: state.value.data,
    problem: state.value.problem,
    isLoading: state.value.isLoading,
    reload: () => again.value++,
    set: (data) => (state.value = { data, isLoading: false }),
  };
}

/** Reads, and again where the failure may pass: a busy API, a lost connection. */
async function steadily<T>(load: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await load(signal);
    } catch (error) {
      const { status } = asProblem(error);
      const passes = error instanceof Failure && (status === 0 || status === 429 || status >= 500);
      if (!passes || tries === 2 || signal.aborted) throw error;
      await new Promise((go) => setTimeout(go, 500 * 2 ** tries));
    }
  }
}

/** What is shown of something that is read: its skeleton, its failure, or itself. */
export function Shown<T>({ of, children, rows, tall }: { of: Loaded<T>; children: (data: T) => ComponentChildren; rows?: number; tall?: boolean }) {
  if (of.data !== undefined) {
    return (
      <>
        {of.problem && <ProblemCard problem={of.problem} small action={<button type="button" onClick={of.reload}>Try again</button>} />}
        {children(of.data)}
      </>
    );
  }
  if (of.problem) return <ProblemCard problem={of.problem} action={<button type="button" class="primary" onClick={of.reload}>Try again</button>} />;
  return <Skeleton rows={rows} tall={tall} />;
}

// ---- A part that is loaded when it is opened

export function Later<P extends object>({ load, props }: { load: () => Promise<ComponentType<P>>; props: P }) {
  const View = useSignal<ComponentType<P> | null>(null);
  const hasFailed = useSignal(false);
  useEffect(() => {
    load().then((view) => (View.value = view), () => (hasFailed.value = true));
  }, []);
  if (hasFailed.value) {
    return <Empty icon="warn" title="This part could not be loaded" action={<button type="button" class="primary" onClick={() => location.reload()}>Load the page again</button>}>You may be offline, or the console was deployed anew.</Empty>;
  }
  return View.value ? <View.value {...props} /> : <Skeleton tall />;
}

// ---- Dialogs and fields

export function Dialog({ title, wide, onClose, children }: { title: string; wide?: boolean; onClose: () => void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null);
  // Closing gives the focus back to where it was. Its event comes later, perhaps in another view, where it means nothing.
  const isGone = useRef(false);
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    // What is asked for first, not the button that closes.
    (dialog?.querySelector<HTMLElement>("[autofocus]") ?? dialog?.querySelector<HTMLElement>("input, textarea, .field:not(:only-child) select, .foot button"))?.focus();
    return () => {
      isGone.current = true;
      dialog?.close();
    };
  }, []);
  return (
    <dialog ref={ref} class={wide ? "wide" : ""} aria-label={title} onClose={() => isGone.current || onClose()} onClick={(event) => event.target === ref.current && onClose()}>
      <div class="body">
        <div class="top">
          <h2>{title}</h2>
          <button type="button" class="plain icon-only" aria-label="Close" onClick={onClose}><Icon name="close" /></button>
        </div>
        {children}
      </div>
    </dialog>
  );
}

/** A form of a dialog: sends, and shows why it was refused. */
export function Ask({ title, send, submit, children, onClose, onDone, danger, wide, isOff, isTold }: {
  title: string;
  /** What is done with it; what it throws is shown. */
  send: () => Promise<unknown>;
  submit: string;
  children: ComponentChildren | ((problem: Problem | null) => ComponentChildren);
  onClose: () => void;
  onDone: (answer: any) => void;
  danger?: boolean;
  wide?: boolean;
  isOff?: boolean;
  /** Whether the children tell of this failure themselves. */
  isTold?: (problem: Problem) => boolean;
}) {
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  const submitted = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    problem.value = null;
    try {
      onDone(await send());
    } catch (error) {
      problem.value = asProblem(error);
    } finally {
      busy.value = false;
    }
  };
  return (
    <Dialog title={title} onClose={onClose} wide={wide}>
      <form class="stack" onSubmit={submitted}>
        {typeof children === "function" ? children(problem.value) : children}
        {problem.value && !isTold?.(problem.value) && <ProblemCard problem={problem.value} small level={3} />}
        <div class="foot">
          <button type="button" onClick={onClose}>Cancel</button>
          <button class={danger ? "primary danger" : "primary"} disabled={busy.value || isOff}>{busy.value ? <Icon name="refresh" spin /> : null}{submit}</button>
        </div>
      </form>
    </Dialog>
  );
}

type FieldProps = {
  id: string;
  label: string;
  hint?: ComponentChildren;
  fault?: string;
  value: string;
  list?: string;
  onValue: (value: string) => void;
} & Omit<InputHTMLAttributes<HTMLInputElement>, "value" | "label">;

export function Field({ id, label, hint, fault, value, onValue, ...rest }: FieldProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} value={value} onInput={(event) => onValue(event.currentTarget.value)} aria-invalid={fault ? true : undefined} aria-describedby={described(id, hint, fault)} {...(rest as any)} />
      <Below id={id} hint={hint} fault={fault} />
    </div>
  );
}

export function Area({ id, label, hint, fault, value, onValue, code, rows }: { id: string; label: string; hint?: ComponentChildren; fault?: string; value: string; onValue: (value: string) => void; code?: boolean; rows?: number }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea id={id} class={code ? "code" : ""} rows={rows} spellcheck={!code} value={value} onInput={(event) => onValue(event.currentTarget.value)} aria-invalid={fault ? true : undefined} aria-describedby={described(id, hint, fault)} />
      <Below id={id} hint={hint} fault={fault} />
    </div>
  );
}

export function Select({ id, label, hint, fault, value, onValue, options }: { id: string; label: string; hint?: ComponentChildren; fault?: string; value: string; onValue: (value: string) => void; options: [string, string][] }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onValue(event.currentTarget.value)} aria-invalid={fault ? true : undefined} aria-describedby={described(id, hint, fault)}>
        {options.map(([of, words]) => <option key={of} value={of} selected={of === value}>{words}</option>)}
      </select>
      <Below id={id} hint={hint} fault={fault} />
    </div>
  );
}

export const described = (id: string, hint?: unknown, fault?: unknown) =>
  [hint ? `${id}-hint` : "", fault ? `${id}-fault` : ""].filter(Boolean).join(" ") || undefined;

export function Below({ id, hint, fault }: { id: string; hint?: ComponentChildren; fault?: string }) {
  return (
    <>
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
      {fault && <p class="fault" id={`${id}-fault`}><span>{ticked(fault)}</span></p>}
    </>
  );
}

// ---- Values of others: shown as text, whatever is in them

const SHOWN = 65536;

/** A long text: the first part of it, and the rest when it is asked for. */
export function Text({ text, label, code }: { text: string; label: string; code?: boolean }) {
  const all = useSignal(false);
  const cut = !all.value && text.length > SHOWN;
  return (
    <div class="stack tight">
      <div class={code ? "box code" : "box text"} role="region" aria-label={label} tabIndex={0}>{cut ? text.slice(0, SHOWN) : text}</div>
      {cut && <button type="button" onClick={() => (all.value = true)}>Show all {text.length.toLocaleString("en")} characters</button>}
    </div>
  );
}

export function JsonView({ value, name, open = true }: { value: Json; name?: string; open?: boolean }) {
  const label = name === undefined ? null : <span class="dim">{name}: </span>;
  if (value === null || typeof value !== "object") {
    return <div>{label}{typeof value === "string" ? <span class="str">{JSON.stringify(value)}</span> : <span class="lit">{String(value)}</span>}</div>;
  }
  const entries = Object.entries(value);
  const [begin, end] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) return <div>{label}{begin}{end}</div>;
  return (
    <details open={open}>
      <summary>{label}{begin}<span class="dim"> {entries.length} </span>{end}</summary>
      <div>{entries.slice(0, 500).map(([key, inner]) => <JsonView key={key} name={key} value={inner} open={entries.length < 30} />)}</div>
    </details>
  );
}

// ---- Tabs that are addresses

export function Tabs({ label, tabs }: { label: string; tabs: { href: string; words: ComponentChildren; isCurrent: boolean }[] }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => <a key={tab.href} href={tab.href} aria-current={tab.isCurrent ? "page" : undefined}>{tab.words}</a>)}
    </nav>
  );
}
