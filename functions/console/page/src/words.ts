// Numbers, times and amounts in words.

/** An amount in US dollars, to its last digit. */
export const money = (usd: string | number | null | undefined) => (usd === null || usd === undefined ? "unknown" : `$${trimmed(String(usd))}`);

function trimmed(text: string) {
  const plain = text.includes("e") || text.includes("E") ? Number(text).toFixed(12) : text;
  if (!plain.includes(".")) return plain;
  const short = plain.replace(/0+$/, "");
  const [, decimals = ""] = short.split(".");
  return decimals.length >= 2 ? short : Number(plain).toFixed(2);
}

/** The exact sum of amounts; null where one of them is not known. */
export function sum(amounts: (string | null | undefined)[]): string | null {
  let total = 0n;
  const places = 18;
  for (const amount of amounts) {
    if (amount === null || amount === undefined) return null;
    const [whole = "0", decimals = ""] = trimmed(amount).split(".");
    total += BigInt(whole + decimals.padEnd(places, "0").slice(0, places));
  }
  const digits = total.toString().padStart(places + 1, "0");
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

export const count = (value: number | null | undefined) => (value ?? 0).toLocaleString("en");

export const many = (value: number, one: string, more = `${one}s`) => `${count(value)} ${value === 1 ? one : more}`;

/** A length of time: `40 ms`, `4.2 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function lasting(milliseconds: number) {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 1) return `${Math.round(Math.max(0, milliseconds))} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** How long ago, or in how long: `2 minutes ago`, `in 3 days`. */
export function ago(time: string, now = Date.now()) {
  const seconds = (Date.parse(time) - now) / 1000;
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]] as const) {
    if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
  }
  return Math.abs(seconds) < 10 ? "just now" : relative.format(Math.round(seconds), "second");
}

const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
export const exact = (time: string) => full.format(new Date(time));

const STATUS: Record<string, string> = {
  QUEUED: "Queued",
  RUNNING: "Running",
  SUCCEEDED: "Succeeded",
  FAILED: "Failed",
  TIMED_OUT: "Timed out",
  ABORTED: "Cancelled",
  PENDING: "Pending",
  WAITING: "Waiting",
  SKIPPED: "Skipped",
};
export const statusWord = (status: string) => STATUS[status] ?? status;

/** What a waiting node does: `waits for a signal`. */
export const waitWords = (waitingFor?: string) => ({ SIGNAL: "waits for a signal", APPROVAL: "waits for a person" })[waitingFor ?? ""] ?? "waits";

/** `maxCostUsdPerDay` as words: `Max cost USD per day`. */
export function fieldWords(name: string) {
  const words = name.replace(/([a-z])([A-Z])/g, "$1 $2").split(" ").map((word) => (/^(usd|id|url)$/i.test(word) ? word.toUpperCase() : word.toLowerCase()));
  const text = words.join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What is wrong with a text that is to be a JSON object; undefined where it is one. */
export function faultOfJson(text: string) {
  try {
    const value = JSON.parse(text || "{}");
    return value && typeof value === "object" && !Array.isArray(value) ? undefined : "It has to be an object: { ... }";
  } catch (error) {
    return `This is not JSON: ${(error as Error).message}`;
  }
}
