// The console: the frame around the views, sign-in by the address, shortcuts.
import { useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { asProblem, can, isSignedIn, keptToken, type Scope, signedOutBecause, signIn, signOut } from "./api";
import { go, route, to } from "./router";
import { Dialog, Empty, Icon, type IconName, Later, Toasts } from "./ui";
import { Credential, Credentials } from "./views/credentials";
import { Models } from "./views/models";
import { Palette } from "./views/palette";
import { Run } from "./views/run";
import { Runs } from "./views/runs";
import { SignIn } from "./views/sign-in";
import { Workflows } from "./views/workflows";

const PLACES: { path: string; words: string; icon: IconName; scope?: Scope }[] = [
  { path: "runs", words: "Runs", icon: "runs" },
  { path: "approvals", words: "Approvals", icon: "approval", scope: "run" },
  { path: "workflows", words: "Workflows", icon: "workflows" },
  { path: "compare", words: "Compare", icon: "compare" },
  { path: "credentials", words: "Credentials", icon: "credentials" },
  { path: "models", words: "Models", icon: "models" },
  { path: "costs", words: "Costs", icon: "costs" },
  { path: "access", words: "Access", icon: "person" },
];

/** Places that a phone's bar has no room for: they are in "Go to". */
const WIDE_ONLY = ["compare", "models", "access"];

/** The places that the token may use. */
const places = () => PLACES.filter((one) => !one.scope || can(one.scope));

// ---- Light and dark

const SCHEME = "openrouter-steps.scheme";
const isDarkByDefault = matchMedia("(prefers-color-scheme: dark)");

function setScheme(scheme: string | null) {
  if (scheme) document.documentElement.dataset.scheme = scheme;
  else delete document.documentElement.dataset.scheme;
}

function turnScheme() {
  const isDark = (document.documentElement.dataset.scheme ?? (isDarkByDefault.matches ? "dark" : "light")) === "dark";
  const next = isDark ? "light" : "dark";
  const isDefault = (next === "dark") === isDarkByDefault.matches;
  setScheme(isDefault ? null : next);
  if (isDefault) localStorage.removeItem(SCHEME);
  else localStorage.setItem(SCHEME, next);
}

// ---- Views that are loaded when they are opened

const loadApprovals = () => import("./views/approvals").then((view) => view.Approvals);
const loadCompare = () => import("./views/compare").then((view) => view.Compare);
const loadCosts = () => import("./views/costs").then((view) => view.Costs);
const loadAccess = () => import("./views/access").then((view) => view.Access);
const loadWorkflow = () => import("./views/workflow").then((view) => view.Workflow);

function View() {
  const [place = "runs", id] = route.value.path;
  if (!can("read")) {
    return <Empty icon="info" title="This token may only start runs">It may start, cancel, resume and repeat runs by the API. To look at runs here, sign in with a token that has the scope <code>read</code>.</Empty>;
  }
  if (place === "runs") return id ? <Run key={id} id={id} /> : <Runs />;
  if (place === "workflows") return id ? <Later key={id} load={loadWorkflow} props={{ id }} /> : <Workflows />;
  if (place === "approvals") return <Later key="approvals" load={loadApprovals} props={{}} />;
  if (place === "compare") return <Later key="compare" load={loadCompare} props={{ id }} />;
  if (place === "credentials") return id ? <Credential key={id} id={id} /> : <Credentials />;
  if (place === "models") return <Models />;
  if (place === "costs") return <Later key="costs" load={loadCosts} props={{}} />;
  if (place === "access") return <Later key="access" load={loadAccess} props={{}} />;
  return <Empty icon="search" title="There is no such page" action={<a class="button primary" href={to(["runs"])}>Go to the runs</a>}>The address names nothing of this console.</Empty>;
}

// ---- The frame

function Frame() {
  const [place = "runs", id] = route.value.path;
  const opened = useSignal<"" | "palette" | "help">("");
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  const words = PLACES.find((one) => one.path === place)?.words ?? "Console";

  // Before the view is painted: a later focus would take the keys from whoever types already.
  useLayoutEffect(() => {
    document.title = `${id ? `${id} · ` : ""}${words} · openrouter-steps`;
    // Another view begins at its top, also for a screen reader.
    if (!isFirst.current) {
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    isFirst.current = false;
  }, [place, id]);

  useEffect(() => {
    let isGoing = false;
    const key = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        opened.value = opened.value === "palette" ? "" : "palette";
        return;
      }
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || document.querySelector("dialog[open]")) return;
      const to = isGoing ? { r: "runs", w: "workflows", c: "credentials", m: "models", v: "compare", o: "costs", a: "approvals", t: "access" }[event.key] : undefined;
      isGoing = event.key === "g";
      if (to) go([to]);
      else if (event.key === "?") opened.value = "help";
      else if (event.key === "/") {
        const search = document.querySelector<HTMLInputElement>("input[type=search]");
        if (search) {
          event.preventDefault();
          search.focus();
        }
      }
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);

  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to the content</a>
      <header class="side">
        <a class="brand" href={to(["runs"])}><span class="mark"><Icon name="openrouter" /></span> openrouter-steps</a>
        <nav aria-label="Main">
          <ul class="plain-list">
            {places().map((one) => (
              <li key={one.path} class={WIDE_ONLY.includes(one.path) ? "wide-only" : ""}>
                <a href={to([one.path])} aria-current={one.path === place ? "page" : undefined}><Icon name={one.icon} />{one.words}</a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="foot">
          <button type="button" class="plain" onClick={() => (opened.value = "palette")}><Icon name="search" />Go to <kbd class="wide-only">Ctrl K</kbd></button>
          <button type="button" class="plain wide-only" onClick={() => (opened.value = "help")}><Icon name="keys" />Shortcuts <kbd>?</kbd></button>
          <button type="button" class="plain wide-only" onClick={turnScheme}><Icon name="moon" />Light or dark</button>
          <button type="button" class="plain wide-only" onClick={() => signOut()}><Icon name="out" />Sign out</button>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}><View /></main>
      {opened.value === "palette" && <Palette places={places()} onClose={() => (opened.value = "")} extra={[{ words: "Light or dark", icon: "moon", act: turnScheme }, { words: "Sign out", icon: "out", act: () => signOut() }, { words: "Shortcuts", icon: "keys", act: () => (opened.value = "help") }]} />}
      {opened.value === "help" && <Help onClose={() => (opened.value = "")} />}
    </div>
  );
}

const KEYS: [string[], string][] = [
  [["Ctrl", "K"], "Go to anything"],
  [["g", "r"], "Runs"],
  [["g", "a"], "Approvals"],
  [["g", "w"], "Workflows"],
  [["g", "c"], "Credentials"],
  [["g", "m"], "Models"],
  [["g", "v"], "Compare models"],
  [["g", "o"], "Costs"],
  [["g", "t"], "Access: tokens, variables and the audit"],
  [["/"], "Search in this view"],
  [["Arrows"], "Walk a graph"],
  [["{{"], "Variables, while a prompt is written"],
  [["Ctrl", "S"], "Save the workflow"],
  [["Esc"], "Close what is open"],
  [["?"], "This list"],
];

function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Shortcuts" onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([keys, words]) => (
          <div class="row between" key={words}><dt>{words}</dt><dd class="row">{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dd></div>
        ))}
      </dl>
    </Dialog>
  );
}

function App() {
  return (
    <>
      {isSignedIn.value ? <Frame /> : <SignIn />}
      <Toasts />
    </>
  );
}

/** The token of an address such as `#token=...`, which is wiped from the bar at once. With `&keep` it stays for the tab. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("token");
  if (!token) return null;
  history.replaceState(null, "", `${location.pathname}${to(["runs"])}`);
  dispatchEvent(new HashChangeEvent("hashchange"));
  return { token, keep: given.has("keep") };
}

/** Signs in with the token of the address, or with that of the tab's session. */
async function begin() {
  const given = takeToken();
  const token = given?.token ?? keptToken();
  if (!token) return;
  try {
    await signIn(token, given?.keep ?? true);
  } catch (error) {
    const { status } = asProblem(error);
    // A stack that cannot be reached says nothing about the token.
    if (!given && (status === 0 || status >= 500)) return void (signedOutBecause.value = `${asProblem(error).title}. Load the page again to go on with the token of this tab.`);
    signOut(given ? `The address's token was not accepted: ${asProblem(error).title}.` : signedOutBecause.value || asProblem(error).cause);
  }
}

setScheme(localStorage.getItem(SCHEME));
await begin();
addEventListener("hashchange", () => location.hash.startsWith("#token=") && begin());
render(<App />, document.getElementById("app")!);
