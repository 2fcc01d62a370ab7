// What was paid, by day: a chart, its table, a file of it, and what is still open.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { api, can } from "../api";
import { byDay, byPart, COLOURS, type Costs as Read, type CostRow, csv, dayOf, daysBefore, everyDay, GROUPINGS, type By, isDay, type Open, partOf, readCosts, roundUp, stacks, type Sum, total } from "../costs";
import { refine, route, to as address } from "../router";
import { type Credential, isKey } from "../types";
import { Empty, Field, Icon, Note, Select, Shown, say, useData } from "../ui";
import { count, many, money, sum } from "../words";

const BY: Record<By, string> = { day: "All together", workflow: "Workflow", model: "Model", credential: "Credential", node: "Node", user: "Started by" };
const SPANS: [string, string][] = [["7", "Last 7 days"], ["30", "Last 30 days"], ["90", "Last 90 days"], ["365", "Last 365 days"], ["", "Other days"]];
const USUAL = 30;

const shortDay = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", timeZone: "UTC" });
const longDay = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const inWords = (day: string) => longDay.format(new Date(day));

export function Costs() {
  const { query } = route.value;
  const today = dayOf(Date.now());
  const by = GROUPINGS.find((one) => one === query.get("by")) ?? "model";
  const given = [query.get("from"), query.get("to")];
  const isOwn = isDay(given[0]!) && isDay(given[1]!);
  const span = SPANS.some(([days]) => days && days === query.get("days")) ? Number(query.get("days")) : USUAL;
  const [from, to] = isOwn ? (given as [string, string]) : [daysBefore(today, span), today];
  const costs = useData((signal) => readCosts(by, from, to, signal), [by, from, to]);
  const credentials = useData((signal) => api<{ credentials: Credential[] }>("GET", "/credentials", { signal }), []);
  const tokens = useData(async (signal) => (can("admin") ? await api<{ tokens: { id: string; name: string }[] }>("GET", "/tokens?limit=100", { signal }) : { tokens: [] }), []);
  const names = namesOf(credentials.data?.credentials ?? [], tokens.data?.tokens ?? []);
  const choose = (days: string) => refine(days ? { days: days === String(USUAL) ? null : days, from: null, to: null, day: null } : { from, to, days: null, day: null });
  return (
    <>
      <div class="head">
        <div class="title">
          <h1>Costs</h1>
          <p class="lead">What OpenRouter charged, to the last digit. A call counts on the day (UTC) on which it began.</p>
        </div>
        <div class="row">
          <button type="button" class="plain" disabled={costs.isLoading} onClick={costs.reload}><Icon name="refresh" />Read again</button>
          <button type="button" disabled={!costs.data?.rows.length} onClick={() => costs.data && save(costs.data, names)}><Icon name="download" />CSV</button>
        </div>
      </div>
      <div class="filters">
        <Select id="c-by" label="By" value={by} onValue={(value) => refine({ by: value === "model" ? null : value })} options={GROUPINGS.map((one): [string, string] => [one, BY[one]])} />
        <Select id="c-days" label="Days" value={isOwn ? "" : String(span)} onValue={choose} options={SPANS} />
        {isOwn && <Field id="c-from" label="From" type="date" max={to} required value={from} onValue={(value) => isDay(value) && refine({ from: value, day: null })} />}
        {isOwn && <Field id="c-to" label="To" type="date" min={from} required value={to} onValue={(value) => isDay(value) && refine({ to: value, day: null })} />}
      </div>
      <Shown of={costs} tall rows={6}>
        {(read) => <Paid read={read} names={names} budget={budgetOf(credentials.data?.credentials)} isFirst={!isOwn && span === USUAL} />}
      </Shown>
    </>
  );
}

// ---- Names of what costs are told by

interface Name {
  words: string;
  about?: string;
  href?: string;
}
type Names = (by: By, row: CostRow) => Name;

const UNKNOWN: Name = { words: "not known", about: "of an earlier release, or its call was lost" };

function namesOf(credentials: Credential[], tokens: { id: string; name: string }[]): Names {
  const credential = new Map(credentials.map((one) => [one.id, one.name]));
  const token = new Map(tokens.map((one) => [one.id, one.name]));
  const user = (text: string): Name => {
    const [kind, ...rest] = text.split("/");
    const [workflow = "", name = ""] = rest;
    if (text === "token/root") return { words: "Root token" };
    if (kind === "token") return { words: token.get(workflow) ?? workflow, about: "token" };
    if (kind === "webhook" || kind === "schedule") return { words: name, about: `${kind} of ${workflow}`, href: address(["workflows", workflow], { tab: "triggers" }) };
    if (kind === "failure") return { words: workflow, about: "its failure", href: address(["workflows", workflow]) };
    if (kind === "source") return { words: rest.join("/").split(":").slice(5).join(":") || text, about: rest.join("/").split(":")[2] };
    return { words: rest.join("/") || text, about: kind };
  };
  return (by, row) => {
    if (by === "day") return { words: inWords(row.day) };
    if (by === "workflow" && row.workflowId) return { words: row.workflowId, href: address(["workflows", row.workflowId]) };
    if (by === "node" && row.node) return { words: row.node, about: row.workflowId, href: address(["workflows", row.workflowId!], { node: row.node }) };
    if (by === "model" && row.model) return { words: row.model, href: address(["models"], { model: row.model }) };
    if (by === "credential" && row.credentialId) {
      const name = credential.get(row.credentialId);
      return name ? { words: name, href: address(["credentials", row.credentialId]) } : { words: row.credentialId, about: "deleted" };
    }
    return by === "user" && row.user ? user(row.user) : UNKNOWN;
  };
}

/** What all keys together may spend on a day; null where one of them has no such budget, or it is not known. */
function budgetOf(credentials: Credential[] | undefined) {
  const keys = credentials?.filter(isKey) ?? [];
  return keys.length ? sum(keys.map((one) => one.maxCostUsdPerDay)) : null;
}

// ---- What is shown

interface Shown {
  read: Read;
  names: Names;
  budget: string | null;
  isFirst: boolean;
}

function Paid({ read, names, budget, isFirst }: Shown) {
  const { by, from, to } = read;
  const asked = route.value.query.get("day");
  const day = asked && asked >= from && asked <= to ? asked : null;
  if (read.rows.length === 0) {
    return (
      <div class="stack">
        <div class="card">
          <Empty
            icon="costs"
            title={isFirst ? "Nothing was paid in the last 30 days" : "Nothing was paid on these days"}
            action={isFirst ? <a class="button primary" href={address(["workflows"])}><Icon name="workflows" />Go to the workflows</a> : <button type="button" class="primary" onClick={() => refine({ days: null, from: null, to: null, day: null })}>Show the last 30 days</button>}
          >
            {isFirst ? "Run a workflow that calls a model. When the run has ended, what its calls cost stands here: by workflow, model, credential, node and who started it." : "Choose other days. Costs are kept for 800 days, and those of runs under an earlier release are not here."}
          </Empty>
        </div>
        <StillOpen open={read.open} />
      </div>
    );
  }
  const parts = byPart(read.rows);
  const days = everyDay(from, to);
  const sums = byDay(read.rows);
  const all = total(read.rows);
  const highest = [...sums.values()].reduce((most, one) => (Number(one.usd) > Number(most.usd) ? one : most));
  return (
    <div class="stack wide">
      <dl class="facts card">
        <div><dt>Paid in all</dt><dd class="total">{money(all.usd)}</dd></div>
        <div><dt>Most on a day</dt><dd>{money(highest.usd)} <button type="button" class="link small" onClick={() => refine({ day: highest.key })}>{shortDay.format(new Date(highest.key))}</button></dd></div>
        {budget && <div><dt>Budgets of all keys, a day</dt><dd>{money(budget)}</dd></div>}
        {all.unknown > 0 && <div><dt>Costs not known</dt><dd>{many(all.unknown, "call")}</dd></div>}
      </dl>
      <StillOpen open={read.open} />
      {read.isCut && <Note kind="warn" icon="warn">There are more rows than this page reads, and the sums lack the last days. Choose fewer days, or another grouping.</Note>}
      <div class="split paid">
        <Chart by={by} days={days} rows={read.rows} parts={parts} sums={sums} names={names} day={day} budget={budget} />
        <div class="stack">
          <Table by={by} parts={by === "day" ? daily(sums) : day ? byPart(read.rows.filter((row) => row.day === day)) : parts} order={parts} names={names} day={by === "day" ? null : day} />
        </div>
      </div>
      {by !== "day" && <EachDay by={by} rows={read.rows} names={names} />}
    </div>
  );
}

/** The days, the last one first. */
const daily = (sums: Map<string, Sum>) => [...sums.values()].sort((a, b) => (a.key < b.key ? 1 : -1));

function StillOpen({ open }: { open: Open }) {
  const more = open.more ? " or more" : "";
  const said: ComponentChildren[] = [];
  if (open.runs) said.push(<><a href={address(["runs"], { status: "RUNNING" })}>{many(open.runs, "run")}{more}</a> that {open.runs === 1 ? "goes" : "go"} on</>);
  if (open.ends) said.push(<>{many(open.ends, "run")}{more} that {open.ends === 1 ? "has" : "have"} just ended</>);
  if (open.calls) said.push(<>{many(open.calls, "node")}{more} with a call whose cost OpenRouter is still asked for</>);
  if (said.length === 0) return null;
  return <Note icon="clock"><p>Not in these sums yet: {said.map((one, place) => <span key={place}>{place > 0 && (place === said.length - 1 ? " and " : ", ")}{one}</span>)}.</p></Note>;
}

// ---- The chart: one stack of bars for each day

interface Drawn {
  by: By;
  days: string[];
  rows: CostRow[];
  parts: Sum[];
  sums: Map<string, Sum>;
  names: Names;
  day: string | null;
  budget: string | null;
}

function Chart({ by, days, rows, parts, sums, names, day, budget }: Drawn) {
  const over = useSignal<string | null>(null);
  const heights = stacks(rows, days, parts);
  const highest = Math.max(...heights.map((day) => day.reduce((a, b) => a + b, 0)));
  // A line far above the bars would leave nothing of them to see.
  const line = budget && Number(budget) <= highest * 4 ? Number(budget) : null;
  const top = roundUp(Math.max(highest, line ?? 0));
  const shown = over.value ?? day;
  const step = (event: KeyboardEvent) => {
    const at = day ? days.indexOf(day) : days.length;
    const next = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: days.length - 1 }[event.key];
    if (event.key === "Escape" && day) refine({ day: null });
    else if (next === undefined) return;
    else refine({ day: days[Math.min(days.length - 1, Math.max(0, next))]! });
    event.preventDefault();
  };
  const told = (at: string) => `${inWords(at)}: ${money(sums.get(at)?.usd ?? "0")}`;
  const under = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return days[Math.min(days.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * days.length)))]!;
  };
  const chosen = shown ? days.indexOf(shown) : -1;
  const middle = days[Math.floor((days.length - 1) / 2)]!;
  return (
    <section class="card" aria-labelledby="chart-title">
      <header><h2 id="chart-title">{by === "day" ? "Costs" : "By day"}</h2><span class="dim small num" aria-hidden="true">{shown ? told(shown) : "Choose a day to see its parts"}</span></header>
      <div class="plot">
        <div class="scale" aria-hidden="true"><span>{money(top)}</span><span>{money(top / 2)}</span><span>$0</span></div>
        <div
          class="bars"
          role="slider"
          tabIndex={0}
          aria-label="Day"
          aria-orientation="horizontal"
          aria-valuemin={0}
          aria-valuemax={days.length}
          aria-valuenow={day ? days.indexOf(day) + 1 : 0}
          aria-valuetext={day ? told(day) : `All days, ${money(total(rows).usd)}`}
          onKeyDown={step}
          onPointerMove={(event) => (over.value = under(event))}
          onPointerLeave={() => (over.value = null)}
          onClick={(event) => { const at = under(event as unknown as PointerEvent); refine({ day: at === day ? null : at }); }}
        >
          <svg viewBox={`0 0 ${days.length} 100`} preserveAspectRatio="none" aria-hidden="true">
            {[0, 50, 100].map((y) => <line key={y} class="rule" x1="0" x2={days.length} y1={y} y2={y} />)}
            {chosen >= 0 && <rect class="chosen" x={chosen} y="0" width="1" height="100" />}
            {heights.map((stack, place) => {
              let y = 100;
              return stack.map((usd, index) => {
                const height = (usd / top) * 100;
                y -= height;
                return usd > 0 && <rect key={`${place} ${index}`} class={`c${index + 1}`} x={place + 0.12} y={y} width="0.76" height={height} />;
              });
            })}
            {line !== null && <line class="budget" x1="0" x2={days.length} y1={100 - (line / top) * 100} y2={100 - (line / top) * 100} />}
          </svg>
        </div>
        <div class="axis small dim" aria-hidden="true"><span>{shortDay.format(new Date(days[0]!))}</span>{days.length > 4 && <span>{shortDay.format(new Date(middle))}</span>}{days.length > 1 && <span>{shortDay.format(new Date(days.at(-1)!))}</span>}</div>
      </div>
      <ul class="legend small" aria-label="Colours">
        {by !== "day" && parts.slice(0, COLOURS).map((part, index) => <li key={part.key}><span class={`swatch c${index + 1}`} />{names(by, part.row).words}{by === "node" && ` of ${part.row.workflowId}`}</li>)}
        {by !== "day" && parts.length > COLOURS && <li><span class={`swatch c${COLOURS + 1}`} />{many(parts.length - COLOURS, "other")}</li>}
        {line !== null && <li><span class="swatch budget" />Budgets of all keys, {money(budget)} a day</li>}
      </ul>
    </section>
  );
}

// ---- The table beside it

const SHOWN = 12;

function Table({ by, parts, order, names, day }: { by: By; parts: Sum[]; order: Sum[]; names: Names; day: string | null }) {
  const isWhole = useSignal(false);
  const all = sum(parts.map((part) => part.usd))!;
  const colour = new Map(order.slice(0, COLOURS).map((part, index) => [part.key, index + 1]));
  const shown = isWhole.value ? parts : parts.slice(0, SHOWN);
  const share = (usd: string) => (Number(all) ? `${((Number(usd) / Number(all)) * 100).toFixed(Number(usd) / Number(all) < 0.0995 ? 1 : 0)} %` : "");
  return (
    <section class="card flat" aria-labelledby="parts-title">
      <header>
        <h2 id="parts-title">{day ? inWords(day) : by === "day" ? "Each day" : `By ${BY[by].toLowerCase()}`}</h2>
        {day && <button type="button" class="plain" onClick={() => refine({ day: null })}><Icon name="close" />All days</button>}
      </header>
      {parts.length === 0 ? (
        <p class="dim none">Nothing was paid on this day.</p>
      ) : (
        <div class="table-wrap">
          <table>
            <thead><tr><th scope="col">{by === "day" ? "Day" : BY[by]}</th><th scope="col" class="num">Share</th><th scope="col" class="num">Cost</th></tr></thead>
            <tbody>
              {shown.map((part) => {
                const name = names(by, part.row);
                return (
                  <tr key={part.key}>
                    <td class="first">
                      <div class="part">
                        {by !== "day" && <span class={`swatch c${colour.get(part.key) ?? COLOURS + 1}`} />}
                        <div>
                          {name.href ? <a class="whole" href={name.href}>{name.words}</a> : <span class="strong">{name.words}</span>}
                          {name.about && <span class="dim small"> {name.about}</span>}
                          {part.unknown > 0 && <> <span class="tag warn">{many(part.unknown, "cost")} not known</span></>}
                        </div>
                      </div>
                    </td>
                    <td class="num nowrap dim" data-label="Share">{share(part.usd)}</td>
                    <td class="num nowrap" data-label="Cost">{money(part.usd)}</td>
                  </tr>
                );
              })}
            </tbody>
            <tfoot><tr><th scope="row">{by === "day" ? many(parts.length, "day") : "Together"}</th><td /><td class="num nowrap strong">{money(all)}</td></tr></tfoot>
          </table>
        </div>
      )}
      {parts.length > shown.length && <div class="more"><button type="button" onClick={() => (isWhole.value = true)}>Show all {count(parts.length)}</button></div>}
    </section>
  );
}

// ---- What the chart shows, in numbers

const ROWS = 60;

function EachDay({ by, rows, names }: { by: By; rows: CostRow[]; names: Names }) {
  const most = useSignal(ROWS);
  const newest = [...rows].reverse();
  return (
    <details class="fold card">
      <summary>Each day in numbers</summary>
      <div class="table-wrap">
        <table>
          <caption class="sr">What each {BY[by].toLowerCase()} has cost on each day, the last day first</caption>
          <thead><tr><th scope="col">Day</th><th scope="col">{BY[by]}</th><th scope="col" class="num">Not known</th><th scope="col" class="num">Cost</th></tr></thead>
          <tbody>
            {newest.slice(0, most.value).map((row) => (
              <tr key={`${row.day} ${partOf(row)}`}>
                <td class="nowrap">{row.day}</td>
                <td>{names(by, row).words} {by === "node" && <span class="dim small">{row.workflowId}</span>}</td>
                <td class="num" data-label="Not known">{row.unknown > 0 ? count(row.unknown) : ""}</td>
                <td class="num nowrap" data-label="Cost">{money(row.costUsd)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {newest.length > most.value && <div class="more"><button type="button" onClick={() => (most.value += 500)}>Show more</button></div>}
    </details>
  );
}

function save({ by, from, to, rows }: Read, names: Names) {
  const name = `costs-by-${by}-${from}-${to}.csv`;
  const text = csv(by, rows, (row) => names(by, row).words);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  say(`${name} is written`);
}
