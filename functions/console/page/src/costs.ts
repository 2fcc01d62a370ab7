// Costs by day as the view needs them: pages read, days filled up, parts added up exactly, and the file for a spreadsheet.
import { api } from "./api";
import { sum } from "./words";

export const GROUPINGS = ["day", "workflow", "model", "credential", "node", "user"] as const;
export type By = (typeof GROUPINGS)[number];

export interface CostRow {
  day: string;
  workflowId?: string;
  node?: string;
  model?: string;
  credentialId?: string;
  user?: string;
  costUsd: string;
  unknown: number;
}

export interface Open {
  calls: number;
  runs: number;
  ends: number;
  more: boolean;
}

/** Costs with what was asked for: what is shown of them may be asked for anew already. */
export interface Costs {
  by: By;
  from: string;
  to: string;
  rows: CostRow[];
  open: Open;
  /** Whether there are more pages than are read. */
  isCut: boolean;
}

interface Page {
  costs: CostRow[];
  open: Open;
  cursor: string | null;
}

/** Most pages that are read of a request. A page has some thousand rows. */
const MOST_PAGES = 40;

/** All costs of these days. */
export async function readCosts(by: By, from: string, to: string, signal: AbortSignal): Promise<Costs> {
  const rows: CostRow[] = [];
  let cursor: string | null = null;
  for (let pages = 1; ; pages++) {
    const asked = new URLSearchParams({ by, from, to, ...(cursor && { cursor }) });
    const page: Page = await api<Page>("GET", `/costs?${asked}`, { signal });
    rows.push(...page.costs);
    cursor = page.cursor;
    if (!cursor || pages === MOST_PAGES) return { by, from, to, rows, open: page.open, isCut: cursor !== null };
  }
}

const DAY = 86_400_000;

/** A day (UTC) as the API names it. */
export const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10);

/** So many days, the last of them `to`. */
export const daysBefore = (to: string, count: number) => dayOf(Date.parse(to) - (count - 1) * DAY);

/** Whether it is a day that there is. */
export const isDay = (text: string | null): text is string => text !== null && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && dayOf(Date.parse(text)) === text;

/** Every day from `from` to `to`. */
export function everyDay(from: string, to: string) {
  const days: string[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to) && days.length < 400; at += DAY) days.push(dayOf(at));
  return days;
}

/** What a row is of, apart from its day: one text for each part. */
export const partOf = (row: CostRow) => row.node !== undefined ? `${row.workflowId}#${row.node}` : (row.workflowId ?? row.model ?? row.credentialId ?? row.user ?? "");

export interface Sum {
  key: string;
  row: CostRow;
  usd: string;
  unknown: number;
}

/** The sum of each part, the dearest first. */
export function byPart(rows: CostRow[]): Sum[] {
  return summed(rows, partOf).sort((a, b) => Number(b.usd) - Number(a.usd) || (a.key < b.key ? -1 : 1));
}

/** The sum of each day that has one. */
export const byDay = (rows: CostRow[]) => new Map(summed(rows, (row) => row.day).map((one) => [one.key, one]));

function summed(rows: CostRow[], keyOf: (row: CostRow) => string): Sum[] {
  const groups = new Map<string, CostRow[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return [...groups].map(([key, group]) => ({ key, row: group[0]!, ...total(group) }));
}

/** What rows come to, exactly. */
export const total = (rows: CostRow[]) => ({ usd: sum(rows.map((row) => row.costUsd))!, unknown: rows.reduce((count, row) => count + row.unknown, 0) });

/** How many parts have a colour of their own. */
export const COLOURS = 6;

/** For each day the amounts of the parts with a colour, in their order, and of all others together. They are numbers: only a drawing is made of them. */
export function stacks(rows: CostRow[], days: string[], parts: Sum[]) {
  const place = new Map(parts.slice(0, COLOURS).map((part, index) => [part.key, index]));
  const at = new Map(days.map((day, index) => [day, index]));
  const heights = days.map(() => new Array<number>(COLOURS + 1).fill(0));
  for (const row of rows) {
    const day = heights[at.get(row.day) ?? -1];
    if (day) day[place.get(partOf(row)) ?? COLOURS]! += Number(row.costUsd);
  }
  return heights;
}

/** A round number at or above this one, for the top of a drawing; its half is round too. */
export function roundUp(value: number) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].find((one) => one * power >= value * (1 - 1e-9)) ?? 10;
  return Number((step * power).toPrecision(3));
}

const FIELDS = { day: [], workflow: ["workflowId"], model: ["model"], credential: ["credentialId"], node: ["workflowId", "node"], user: ["user"] } as const;

/** The rows for a spreadsheet: amounts as they are, to the last digit. What strangers have named is no formula. */
export function csv(by: By, rows: CostRow[], nameOf: (row: CostRow) => string) {
  const names = by === "credential" || by === "user" ? ["name"] : [];
  const head = ["day", ...FIELDS[by], ...names, "costUsd", "unknown"];
  const lines = rows.map((row) => [row.day, ...FIELDS[by].map((field) => row[field] ?? ""), ...names.map(() => nameOf(row)), row.costUsd, String(row.unknown)]);
  return [head, ...lines].map((line) => `${line.map(cell).join(",")}\r\n`).join("");
}

function cell(text: string) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
