// What the API answers, as far as the page reads it.
import type { Fault, Problem } from "./api";

export type RunStatus = "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";
/** Whether a run has ended: it goes on, or waits for others of its workflow, else. */
export const hasEnded = (status: RunStatus) => status !== "RUNNING" && status !== "QUEUED";
export type NodeStatus = "PENDING" | "RUNNING" | "WAITING" | "SUCCEEDED" | "FAILED" | "SKIPPED";
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export interface RunRow {
  id: string;
  workflowId: string;
  version: number;
  status: RunStatus;
  trigger: string;
  costUsd: string;
  startedAt: string;
  endedAt: string | null;
}

export interface Usage {
  promptTokens?: number;
  completionTokens?: number;
  totalTokens?: number;
  [more: string]: Json | undefined;
}

export interface Attempt {
  execution?: number;
  startedAt: string;
  endedAt?: string;
  generationId?: string;
  costUsd?: string;
  usage?: Usage;
  code?: string;
  message?: string;
  waitSeconds?: number;
}

export interface RunNode {
  id: string;
  variableName: string;
  status: NodeStatus;
  output: any;
  attempts: Attempt[];
  attemptsAt?: string;
  error: Problem | null;
  costUsd: string;
  usage?: Usage;
  startedAt: string | null;
  endedAt: string | null;
  /** What it waits for: `TIME`, `SIGNAL`, `APPROVAL`, or `RETRY`, its next attempt. */
  waitingFor?: string;
  /** What is asked of whoever decides, where it waits for a decision. */
  asks?: { question: string; data: Json; editable: boolean };
  waitUntil?: string;
  reusedFrom?: string;
  /** What is being written now, where the run is followed as it happens. */
  live?: { attempt: number; text: string; reasoning: string };
  /** Its end was told, and its variable not read yet. */
  isOlder?: boolean;
  /** How the items of its list stand, where it is executed for each item of one. */
  items?: { total: number; done: number; failed: number };
  /** Of an item: its place in the list, from 0. */
  index?: number;
}

export interface Run {
  id: string;
  workflowId: string;
  version: number;
  status: RunStatus;
  execution: number;
  rerunOf?: { run?: string; runId?: string; from?: string };
  trigger: string;
  input: Json;
  output: Record<string, Json> | null;
  nodes: RunNode[];
  costUsd: string;
  usage: Usage;
  error: Problem | null;
  warnings: Fault[];
  startedAt: string;
  endedAt: string | null;
  /** When its texts were erased. */
  erasedAt?: string | null;
}

export interface Plan {
  id: string;
  version: number;
  nodes: { id: string; type: string; variableName: string; maxAttempts: number; mostUsdPerAttempt: string | null; mostUsd: string | null; unpriced: string | null }[];
  edges: { from: string; to: string; reads: { field: string; variable: string }[]; dependsOn: boolean; fallback: boolean; redundant: boolean }[];
  longestPath: string[];
  lanes: number;
  mostUsd: string | null;
}

export interface KeyInfo {
  label: string | null;
  limit: string | null;
  limitRemaining: string | null;
  limitReset: string | null;
  usage: string | null;
  usageDaily: string | null;
  usageWeekly: string | null;
  usageMonthly: string | null;
  isFreeTier: boolean;
  expiresAt: string | null;
}

export interface Credential {
  id: string;
  name: string;
  /** `openrouter`: a key of OpenRouter; `http`: a secret of HTTP requests. */
  type?: string;
  provider: string;
  /** Of an HTTP secret: how it is sent, and the hosts that it may be sent to. */
  auth?: string;
  hosts?: string[];
  lastFour: string;
  createdAt: string;
  lastUsedAt?: string;
  lastCheck?: { at: string; valid: boolean; code?: string };
  maxCostUsdPerDay?: string;
  rotation?: { everyDays?: number };
  lastRotation?: { at: string; oldKey: { state: string; reason?: string } };
  revision: number;
  deletedAt?: string;
  restorableUntil?: string;
  key?: KeyInfo;
  keyProblem?: Problem;
  warnings?: Fault[];
}

/** Whether it is a key of OpenRouter. */
export const isKey = (credential: Credential) => (credential.type ?? "openrouter") === "openrouter";

export interface AuditRow {
  at: string;
  action: string;
  actor: { principal: string; sourceIp?: string };
  subject: string;
  details: Record<string, Json>;
}

/** A variable of the deployment. */
export interface Var {
  name: string;
  value: Json;
  changedAt: string;
}

export interface WorkflowRow {
  id: string;
  name: string;
  version: number;
  updatedAt: string;
}

export interface StoredWorkflow {
  id: string;
  version: number;
  updatedAt: string;
  workflow: WorkflowDocument;
  warnings?: Fault[];
}

/** A node of a document: its kind decides what else it has. */
export type DocumentNode = { type?: string; id?: string; variableName: string } & { [field: string]: any };

export interface WorkflowDocument {
  name?: string;
  description?: string;
  input?: any;
  nodes: DocumentNode[];
  [field: string]: any;
}

export interface Model {
  id: string;
  name: string;
  provider: string;
  description: string;
  contextLength: number | null;
  maxCompletionTokens: number | null;
  promptPrice: string | null;
  completionPrice: string | null;
  free: boolean;
  inputModalities: string[];
  outputModalities: string[];
  supportedParameters: string[];
  retires: string | null;
  recommended?: string;
  default: boolean;
}

export interface ModelPage {
  default: string;
  models: Model[];
  matched: number;
  total: number;
  cursor: string | null;
  recommended: { id: string; description: string; group: string; exists: boolean; successor: string | null }[];
  fetchedAt: string;
  ageSeconds: number;
  stale: Problem | null;
}

export interface Webhook {
  workflowId: string;
  name: string;
  mode: string;
  enabled: boolean;
  path: string;
  toleranceSeconds: number;
  createdAt: string;
  rotatedAt: string | null;
  previousSecretUntil: string | null;
  secret?: string;
  hmac?: { header: string; algorithm?: string; encoding?: string; prefix?: string };
}

export interface Schedule {
  name: string;
  workflowId: string;
  expression: string;
  timezone: string;
  input: Json;
  enabled: boolean;
  window: number;
  overlap: string;
  next: string[];
}
