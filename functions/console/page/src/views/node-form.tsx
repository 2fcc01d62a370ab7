// The form of one node: the fields of its kind, the most used first, the rest folded with a count of what is set.
import type { WorkflowDocument, DocumentNode, Var } from "../types";
import { idOf, namesFor } from "../template";
import { Icon } from "../ui";
import { type Around, SchemaField, withField } from "./fields";

/** What the seed's dialog has, in its order; of other kinds what is required and every template. */
const FIRST: Record<string, string[]> = {
  openrouter: ["variableName", "credential", "model", "systemPrompt", "userPrompt"],
  http: ["variableName", "method", "url", "credential", "body"],
  wait: ["variableName", "for", "until"],
  signal: ["variableName", "signal", "timeoutSeconds", "onTimeout"],
  approval: ["variableName", "question", "data", "editable"],
  compare: ["variableName", "credential", "models", "systemPrompt", "userPrompt", "judge"],
};

/** The schemas of the kinds of nodes, by their `type`. */
export function kindsOf(schema: any): Map<string, any> {
  const kinds = schema?.properties?.nodes?.items?.oneOf ?? [];
  return new Map(kinds.map((kind: any) => [kind.properties?.type?.const ?? kind.title, kind]));
}

export function NodeForm({ document, index, schema, credentials, faultAt, isFixed, onChange, onRemove, newCredential, lastValue, vars, costs }: {
  document: WorkflowDocument;
  index: number;
  schema: any;
  credentials: string[];
  faultAt: (path: string) => string | undefined;
  isFixed: boolean;
  onChange: (node: DocumentNode) => void;
  onRemove: () => void;
  newCredential: string;
  lastValue: (name: string) => string | undefined;
  /** The variables of the deployment. */
  vars: Var[];
  costs: Around["costs"];
}) {
  const node = document.nodes[index]!;
  const type = node.type ?? "openrouter";
  const kind = kindsOf(schema).get(type);
  if (!kind) return <p class="dim">This kind of node has no form here: change it in the source.</p>;
  // Of `userPrompt` and `messages` one is needed: the form offers the first until the other is there.
  const required: string[] = [...(kind.required ?? []), ...(type === "openrouter" && node.messages === undefined ? ["userPrompt"] : [])];
  const all = Object.keys(kind.properties).filter((name) => name !== "type");
  const first = FIRST[type] ?? ["variableName", ...all.filter((name) => name !== "variableName" && required.includes(name))];
  const rest = all.filter((name) => !first.includes(name));
  const set = rest.filter((name) => node[name] !== undefined);
  const faulty = rest.some((name) => faultAt(`nodes[${index}].${name}`));
  const around: Around = {
    credentials,
    names: namesFor(node, document.nodes, document.input, vars).map((one) => ({ ...one, value: one.value ?? lastValue(one.name) })),
    others: document.nodes.filter((other) => other !== node).map(idOf),
    faultAt,
    newCredential,
    costs,
  };
  const field = (name: string) => (
    <SchemaField
      key={name}
      path={`nodes[${index}].${name}`}
      name={name}
      schema={kind.properties[name]}
      value={node[name]}
      isRequired={required.includes(name)}
      around={around}
      onValue={(value) => onChange((withField(node, name, value) ?? {}) as DocumentNode)}
    />
  );
  return (
    <fieldset class="stack" disabled={isFixed}>
      <legend class="sr">Fields of {idOf(node)}</legend>
      {first.filter((name) => kind.properties[name]).map(field)}
      <details class="fold" open={faulty || undefined}>
        <summary>More fields <span class="tag">{set.length} of {rest.length} set</span></summary>
        <div class="stack">{[...set, ...rest.filter((name) => !set.includes(name))].map(field)}</div>
      </details>
      {!isFixed && <p><button type="button" class="danger" onClick={onRemove}><Icon name="trash" />Remove this node</button></p>}
    </fieldset>
  );
}
