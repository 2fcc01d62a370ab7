// The API: requests, failures, and who is signed in. The token is kept in memory, and in the tab's session where asked.
import { computed, signal } from "@preact/signals";

/** A failure as the API tells it: what happened, why, and what to do. */
export interface Problem {
  code: string;
  title: string;
  cause: string;
  solution: string[];
  link?: string;
  status: number;
  retryable?: boolean;
  upstream?: { status?: number; provider?: string; message: string };
  faults?: Fault[];
  warnings?: Fault[];
  requestId?: string;
  node?: string;
}

/** One thing wrong in what was sent. */
export interface Fault {
  path: string;
  line?: number;
  column?: number;
  message: string;
}

export class Failure extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
  }
}

export type Scope = "read" | "run" | "admin";

const KEPT = "openrouter-steps.token";

/** Where the API is: the folder that the page lies in. */
export const base = new URL(".", location.href.split("#")[0]);

export const token = signal("");
export const scopes = signal<Scope[]>([]);
/** Why the page asks for a token again. */
export const signedOutBecause = signal("");

export const isSignedIn = computed(() => token.value !== "" && scopes.value.length > 0);

/** Whether the token may do what needs this scope. */
export const can = (scope: Scope) => scopes.value.includes("admin") || scopes.value.includes(scope);

/** The token that the tab's session holds. */
export const keptToken = () => sessionStorage.getItem(KEPT) ?? "";

export function keepToken(text: string) {
  if (text) sessionStorage.setItem(KEPT, text);
  else sessionStorage.removeItem(KEPT);
}

export function signOut(because = "") {
  token.value = "";
  scopes.value = [];
  keepToken("");
  signedOutBecause.value = because;
}

export interface Asked {
  body?: unknown;
  text?: string;
  type?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  token?: string;
}

/** Sends a request; gives the decoded answer, or throws a Failure. */
export async function api<T>(method: string, path: string, asked: Asked = {}): Promise<T> {
  const sent = asked.token ?? token.value;
  const headers: Record<string, string> = { authorization: `Bearer ${sent}`, ...asked.headers };
  let body: string | undefined;
  if (asked.text !== undefined) {
    body = asked.text;
    headers["content-type"] = asked.type ?? "application/json";
  } else if (asked.body !== undefined) {
    body = JSON.stringify(asked.body);
    headers["content-type"] = "application/json";
  }
  let answer: Response;
  try {
    answer = await fetch(new URL(path.slice(1), base), { method, headers, body, signal: asked.signal, cache: "no-store" });
  } catch (error) {
    if (asked.signal?.aborted) throw error;
    throw new Failure({
      code: "Unreachable",
      title: "The API Cannot Be Reached",
      cause: "the request got no answer",
      solution: ["Look whether you are online", "Try again"],
      status: 0,
      retryable: true,
    });
  }
  const text = await answer.text();
  let value: any = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    value = text;
  }
  if (answer.ok) return value as T;
  const problem = problemOf(answer.status, value);
  // API Gateway's own refusal has no code: the token is not good, or no longer.
  if ((answer.status === 401 || answer.status === 403) && !value?.code && sent === token.value) {
    signOut("The token is not accepted any more. Sign in again: this page stays as it is.");
  }
  throw new Failure(problem);
}

function problemOf(status: number, value: any): Problem {
  if (value?.code) return { ...value, solution: value.solution ?? [], status };
  const said = typeof value?.message === "string" ? value.message : `status ${status}`;
  const known: Record<number, [string, string[]]> = {
    401: ["Not Signed In", ["Sign in with a token of the API"]],
    403: ["Token Not Accepted", ["Look whether you have copied the whole token", "Ask for another one: tokens end and are revoked"]],
    413: ["Too Large", ["Send less: API Gateway takes 10 MB"]],
    429: ["Too Many Requests", ["Wait a moment and try again"]],
    503: ["Took Too Long", ["Try again"]],
  };
  const [title, solution] = known[status] ?? ["The API Failed", ["Try again", "Look at the function's log"]];
  return { code: "", title, cause: `API Gateway answered: ${said}`, solution, status, retryable: status >= 429 };
}

export const asProblem = (error: unknown): Problem =>
  error instanceof Failure
    ? error.problem
    : { code: "", title: "The Page Failed", cause: String(error), solution: ["Load the page again"], status: 0 };

/** Finds out what a token may do, and signs in with it. A request that is refused changes nothing. */
export async function signIn(text: string, keep: boolean) {
  const may = async (method: string, path: string) => {
    try {
      await api(method, path, { token: text });
      return true;
    } catch (error) {
      const { code, status } = asProblem(error);
      if (code === "InsufficientScope") return false;
      if (status === 404 && code) return true;
      throw error;
    }
  };
  const found: Scope[] = [];
  if (await may("GET", "/tokens?limit=1")) found.push("admin", "read", "run");
  else {
    if (await may("GET", "/runs?limit=1")) found.push("read");
    if (await may("POST", "/runs/00000000-0000-7000-8000-000000000000/cancel")) found.push("run");
  }
  if (found.length === 0) {
    throw new Failure({
      code: "InsufficientScope",
      title: "A Token Without Scopes",
      cause: "this token may do nothing here",
      solution: ["Ask for a token with the scope `read`"],
      status: 403,
    });
  }
  token.value = text;
  scopes.value = found;
  signedOutBecause.value = "";
  keepToken(keep ? text : "");
}
