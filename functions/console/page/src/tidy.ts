// A stored document as one would write it: in the order in which it is read, without what the API fills in by itself.
import type { WorkflowDocument, DocumentNode } from "./types";

const DOCUMENT = ["$schema", "name", "description", "input", "limits", "callbacks"];
const NODE = ["type", "id", "variableName", "when", "dependsOn", "credential", "model", "models", "systemPrompt", "userPrompt", "value"];

/** What the API fills in where a field is left out. */
const FILLED: Record<string, unknown> = { operation: "chat", retry: { maxAttempts: 5 } };
const LIMITS: Record<string, unknown> = { maxConcurrency: 10, timeoutSeconds: 3600 };

export function tidy(document: WorkflowDocument): WorkflowDocument {
  const { nodes, limits, ...rest } = document;
  const kept = without((limits ?? {}) as Record<string, unknown>, LIMITS);
  const ordered = inOrder({ ...rest, ...(Object.keys(kept).length && { limits: kept }) }, DOCUMENT);
  return { ...ordered, nodes: nodes.map(tidyNode) };
}

function tidyNode(node: DocumentNode): DocumentNode {
  const kept = without(node, { ...FILLED, id: node.variableName });
  return inOrder(kept, NODE) as DocumentNode;
}

const without = (object: Record<string, unknown>, filled: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(object).filter(([name, value]) => value !== null && JSON.stringify(value) !== JSON.stringify(filled[name])));

function inOrder(object: Record<string, unknown>, order: string[]) {
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => place(a) - place(b)));
}
