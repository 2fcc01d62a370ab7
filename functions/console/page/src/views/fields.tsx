// A form that is drawn from a JSON Schema: the document's own, or that of a workflow's input.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api } from "../api";
import { type Name, suggestions, take } from "../template";
import type { ModelPage } from "../types";
import { Area, Below, described, Field, Select, ticked } from "../ui";
import { fieldWords, money } from "../words";
import { context, Marks, price } from "./models";

export interface Around {
  /** The names of credentials. */
  credentials: string[];
  /** What templates may read. */
  names: Name[];
  /** Ids of the other nodes. */
  others: string[];
  /** What is wrong at a path below the form's own. */
  faultAt: (path: string) => string | undefined;
  newCredential?: string;
  /** What the prompts may cost at most with each of these models, where that is known. */
  costs?: (models: string[], signal: AbortSignal) => Promise<Map<string, string | null>>;
}

interface One {
  path: string;
  name: string;
  schema: any;
  value: any;
  isRequired: boolean;
  around: Around;
  onValue: (value: any) => void;
}

/** Templates that the schema tells in words only. */
const TEMPLATES = ["question", "signal"];

/** A field by what its schema says. `undefined` stands for a field that is left out. */
export function SchemaField({ path, name, schema, value, isRequired, around, onValue }: One) {
  const id = `f-${path.replace(/[^\w-]/g, "-")}`;
  const label = `${fieldWords(name)}${isRequired ? "" : " (optional)"}`;
  const fault = around.faultAt(path);
  const hint = schema.description ? ticked(schema.description) : undefined;
  const placeholder = schema.default !== undefined && schema.default !== "" ? String(typeof schema.default === "object" ? JSON.stringify(schema.default) : schema.default) : undefined;
  const types: string[] = [schema.type].flat().filter(Boolean);
  const text = (given: string) => onValue(given === "" && !isRequired ? undefined : given);

  if (name === "credential") return <CredentialField id={id} label={isRequired ? "Credential" : "Credential (optional)"} fault={fault} value={value ?? ""} isRequired={isRequired} around={around} onValue={onValue} />;
  if (name === "model") return <ModelField id={id} label="Model" hint={placeholder ? `Left out: ${placeholder}` : undefined} fault={fault} value={value ?? ""} onValue={text} costs={around.costs} />;
  // Lengths of time: a number of seconds, or a text that may be a template.
  if (types.length === 2 && types.includes("integer") && types.includes("string")) {
    return <TemplateField id={id} label={label} hint={hint} fault={fault} value={value === undefined ? "" : String(value)} placeholder={placeholder} names={around.names} rows={1} onValue={(given) => (/^\d+$/.test(given) ? onValue(Number(given)) : text(given))} />;
  }
  if (schema.format === "template" || TEMPLATES.includes(name)) return <TemplateField id={id} label={label} hint={hint} fault={fault} value={value ?? ""} placeholder={placeholder} names={around.names} onValue={text} />;
  if (name === "onError") return <OnError id={id} hint={hint} fault={fault} value={value} others={around.others} onValue={onValue} />;
  if (name === "dependsOn") return <DependsOn id={id} hint={hint} fault={fault} value={value ?? []} others={around.others} onValue={onValue} />;
  const choices: string[] = (schema.oneOf ?? []).map((one: any) => one.const);
  if (choices.length > 0 && choices.every((one) => typeof one === "string")) {
    return <Select id={id} label={label} hint={hint} fault={fault} value={value ?? ""} onValue={text} options={[["", placeholder ? `Left out: ${placeholder}` : "Left out"], ...schema.oneOf.map((one: any): [string, string] => [one.const, one.description ? `${one.const}: ${one.description.replace(/\.$/, "")}` : one.const])]} />;
  }
  if (schema.enum && types.every((type) => type === "string")) {
    const words = schema.enum.map((one: string): [string, string] => [one, one]);
    return <Select id={id} label={label} hint={hint} fault={fault} value={value ?? ""} onValue={text} options={isRequired ? (value ? words : [["", "Choose"], ...words]) : [["", placeholder ? `Left out: ${placeholder}` : "Left out"], ...words]} />;
  }
  if (types.length === 1 && types[0] === "boolean") {
    return <Select id={id} label={label} hint={hint} fault={fault} value={value === undefined ? "" : String(value)} onValue={(given) => onValue(given === "" ? undefined : given === "true")} options={[["", placeholder ? `Left out: ${placeholder}` : "Left out"], ["true", "Yes"], ["false", "No"]]} />;
  }
  if (types.length === 1 && (types[0] === "integer" || types[0] === "number")) {
    return <Field id={id} label={label} hint={hint} fault={fault} type="number" step={types[0] === "integer" ? 1 : "any"} min={schema.minimum} max={schema.maximum > 1e9 ? undefined : schema.maximum} required={isRequired} placeholder={placeholder} value={value === undefined ? "" : String(value)} onValue={(given) => onValue(given === "" ? undefined : Number(given))} />;
  }
  if (types[0] === "string" && types.every((type) => type === "string" || type === "number")) {
    const examples: string[] = schema.examples ?? [];
    return (
      <>
        <Field id={id} label={label} hint={hint} fault={fault} required={isRequired} placeholder={placeholder} list={examples.length ? `${id}-examples` : undefined} value={value === undefined ? "" : String(value)} onValue={text} autocomplete="off" />
        {examples.length > 0 && <datalist id={`${id}-examples`}>{examples.map((one) => <option key={one} value={one} />)}</datalist>}
      </>
    );
  }
  if (types[0] === "array" && schema.items?.type === "string") {
    return <Area id={id} label={label} hint={<>{hint} One a line.</>} fault={fault} rows={3} value={(value ?? []).join("\n")} onValue={(given) => onValue(given === "" ? undefined : given.split("\n"))} />;
  }
  if (types[0] === "object" && schema.properties && schema.additionalProperties === false && Object.keys(schema.properties).length <= 6) {
    return (
      <fieldset class="stack tight inner">
        <legend>{fieldWords(name)}</legend>
        {Object.entries(schema.properties).map(([inner, its]: [string, any]) => (
          <SchemaField key={inner} path={`${path}.${inner}`} name={inner} schema={its} value={value?.[inner]} isRequired={value !== undefined && (schema.required ?? []).includes(inner)} around={around} onValue={(given) => onValue(withField(value, inner, given))} />
        ))}
      </fieldset>
    );
  }
  if (name === "value" || name === "data") return <ValueField id={id} label={label} hint={hint} fault={fault} value={value} names={around.names} onValue={onValue} />;
  return <JsonField id={id} label={label} hint={hint} fault={fault} value={value} onValue={onValue} mayBeText={types.includes("string") || types.length === 0} />;
}

/** An object with a field set, or without it; undefined where nothing is left. */
export function withField(object: any, name: string, value: any) {
  const next = { ...object };
  if (value === undefined) delete next[name];
  else next[name] = value;
  return Object.keys(next).length ? next : undefined;
}

// ---- Templates: `{{` offers what may be read

export function TemplateField({ id, label, hint, fault, value, placeholder, names, onValue, rows }: { id: string; label: string; hint?: any; fault?: string; value: string; placeholder?: string; names: Name[]; onValue: (value: string) => void; rows?: number }) {
  const offered = useSignal<ReturnType<typeof suggestions>>(null);
  const index = useSignal(0);
  const area = useRef<HTMLTextAreaElement>(null);
  const look = (element: HTMLTextAreaElement) => {
    offered.value = suggestions(element.value, element.selectionStart, names);
    index.value = 0;
  };
  const choose = (name: string) => {
    const element = area.current;
    if (!element || !offered.value) return;
    const done = take(element.value, element.selectionStart, offered.value.from, name);
    element.value = done.text;
    onValue(done.text);
    offered.value = null;
    element.focus();
    element.setSelectionRange(done.caret, done.caret);
  };
  const key = (event: KeyboardEvent) => {
    const list = offered.value?.list;
    if (!list) return;
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) {
      event.preventDefault();
      index.value = (index.value + move + list.length) % list.length;
    } else if (event.key === "Enter" || event.key === "Tab") {
      event.preventDefault();
      choose(list[index.value]!.name);
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      offered.value = null;
    }
  };
  const list = offered.value?.list;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        ref={area}
        id={id}
        rows={rows ?? Math.min(14, Math.max(3, value.split("\n").length + 1))}
        value={value}
        placeholder={placeholder}
        aria-autocomplete="list"
        aria-controls={list ? `${id}-list` : undefined}
        aria-activedescendant={list ? `${id}-${index.value}` : undefined}
        aria-invalid={fault ? true : undefined}
        aria-describedby={described(id, hint, fault)}
        onInput={(event) => { onValue(event.currentTarget.value); look(event.currentTarget); }}
        onKeyDown={key}
        onBlur={() => setTimeout(() => (offered.value = null), 150)}
      />
      {list && (
        <ul class="list" role="listbox" id={`${id}-list`} aria-label="Variables">
          {list.map((one, place) => (
            <li role="option" key={one.name} id={`${id}-${place}`} aria-selected={place === index.value} onMouseDown={(event) => { event.preventDefault(); choose(one.name); }}>
              <code>{one.name}</code> <span class="dim">{one.value === undefined ? one.about : <span class="last">{one.value}</span>}</span>
            </li>
          ))}
        </ul>
      )}
      <Below id={id} hint={hint} fault={fault} />
    </div>
  );
}

/** The value of a `set` node, the data of an `approval`: a template, or JSON whose texts are templates. */
function ValueField(props: { id: string; label: string; hint?: any; fault?: string; value: any; names: Name[]; onValue: (value: any) => void }) {
  const isText = typeof props.value === "string" || props.value === undefined;
  return (
    <div class="stack tight">
      {isText ? <TemplateField {...props} value={props.value ?? ""} /> : <JsonField {...props} />}
      <p><button type="button" class="link small" onClick={() => props.onValue(isText ? { field: props.value ?? "" } : "")}>{isText ? "Make it an object with fields" : "Make it a text"}</button></p>
    </div>
  );
}

/** JSON in a text area: it is taken as soon as it can be read. */
export function JsonField({ id, label, hint, fault, value, onValue, mayBeText }: { id: string; label: string; hint?: any; fault?: string; value: any; onValue: (value: any) => void; mayBeText?: boolean }) {
  const written = value === undefined ? "" : mayBeText && typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const text = useSignal(written);
  const broken = useSignal<string | undefined>(undefined);
  // A change from elsewhere, such as the source, replaces what stands here.
  useEffect(() => {
    if (document.activeElement?.id === id) return;
    text.value = written;
    broken.value = undefined;
  }, [written]);
  const set = (given: string) => {
    text.value = given;
    broken.value = undefined;
    if (given.trim() === "") return onValue(undefined);
    try {
      onValue(JSON.parse(given));
    } catch (error) {
      if (mayBeText && !/^\s*[[{"]/.test(given)) onValue(given);
      else broken.value = `This is not JSON yet: ${(error as Error).message}`;
    }
  };
  return <Area id={id} label={label} hint={<>{hint} As JSON.</>} fault={broken.value ?? fault} code rows={text.value ? 5 : 2} value={text.value} onValue={set} />;
}

// ---- Fields with a list of what there is

function CredentialField({ id, label, fault, value, isRequired, around, onValue }: { id: string; label: string; fault?: string; value: string; isRequired: boolean; around: Around; onValue: (value: string | undefined) => void }) {
  const options = around.credentials.map((name): [string, string] => [name, name]);
  if (value && !around.credentials.includes(value)) options.unshift([value, value]);
  if (!isRequired) options.unshift(["", "None"]);
  else if (!value) options.unshift(["", "Choose a credential"]);
  return <Select id={id} label={label} fault={fault} hint={around.newCredential && <a href={around.newCredential}>Store another key</a>} value={value} onValue={(given) => onValue(given === "" && !isRequired ? undefined : given)} options={options} />;
}

function OnError({ id, hint, fault, value, others, onValue }: { id: string; hint?: any; fault?: string; value: any; others: string[]; onValue: (value: any) => void }) {
  const now = value && typeof value === "object" ? `fallback:${value.fallback}` : (value ?? "");
  const set = (given: string) => onValue(given === "" ? undefined : given.startsWith("fallback:") ? { fallback: given.slice(9) } : given);
  return <Select id={id} label="When it fails (optional)" hint={hint} fault={fault} value={now} onValue={set} options={[["", "Left out: the run fails"], ["fail", "The run fails"], ["continue", "The run goes on"], ...others.map((one): [string, string] => [`fallback:${one}`, `${one} is executed in its place`])]} />;
}

function DependsOn({ id, hint, fault, value, others, onValue }: { id: string; hint?: any; fault?: string; value: string[]; others: string[]; onValue: (value: any) => void }) {
  const all = [...new Set([...others, ...value])];
  if (all.length === 0) return null;
  const set = (one: string, isOn: boolean) => {
    const next = isOn ? [...value, one] : value.filter((other) => other !== one);
    onValue(next.length ? next : undefined);
  };
  return (
    <fieldset class="field" aria-describedby={described(id, hint, fault)}>
      <legend>Depends on (optional)</legend>
      <div class="row picks">{all.map((one) => <label class="check" key={one}><input type="checkbox" checked={value.includes(one)} onChange={(event) => set(one, event.currentTarget.checked)} />{one}</label>)}</div>
      <Below id={id} hint={hint} fault={fault} />
    </fieldset>
  );
}

/** The models whose name fits, asked of the API while one types. */
export function ModelField({ id, label, hint, fault, value, onValue, costs }: { id: string; label: string; hint?: any; fault?: string; value: string; onValue: (value: string) => void; costs?: Around["costs"] }) {
  const most = useSignal(new Map<string, string | null>());
  const isOpen = useSignal(false);
  const index = useSignal(0);
  const typed = useSignal("");
  const page = useSignal<ModelPage | null>(null);
  useEffect(() => {
    if (!isOpen.value) return;
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        page.value = await api<ModelPage>("GET", `/models?limit=12&q=${encodeURIComponent(typed.value.replace(/[/:]/g, " "))}`, { signal: stop.signal });
        index.value = 0;
        most.value = (await costs?.(page.value.models.map((model) => model.id), stop.signal)) ?? new Map();
      } catch {
        if (!stop.signal.aborted && most.value.size === 0 && !page.value) page.value = null;
      }
    }, typed.value ? 180 : 0);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [isOpen.value, typed.value]);
  const list = page.value?.models ?? [];
  const open = (text: string) => { typed.value = text; isOpen.value = true; };
  const choose = (model: string) => { onValue(model); isOpen.value = false; };
  const key = (event: KeyboardEvent) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) {
      event.preventDefault();
      if (!isOpen.value) open("");
      else index.value = (index.value + move + list.length) % Math.max(1, list.length);
    } else if (event.key === "Enter" && isOpen.value && list[index.value]) {
      event.preventDefault();
      choose(list[index.value]!.id);
    } else if (event.key === "Escape" && isOpen.value) {
      event.preventDefault();
      event.stopPropagation();
      isOpen.value = false;
    }
  };
  const isShown = isOpen.value && list.length > 0;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="code"
        role="combobox"
        aria-expanded={isShown}
        aria-autocomplete="list"
        aria-controls={isShown ? `${id}-list` : undefined}
        aria-activedescendant={isShown ? `${id}-${index.value}` : undefined}
        aria-invalid={fault ? true : undefined}
        aria-describedby={described(id, hint, fault)}
        autocomplete="off"
        spellcheck={false}
        value={value}
        onInput={(event) => { onValue(event.currentTarget.value); open(event.currentTarget.value); }}
        onClick={() => open("")}
        onKeyDown={key}
        onBlur={() => setTimeout(() => (isOpen.value = false), 150)}
      />
      {isShown && (
        <ul class="list" role="listbox" id={`${id}-list`} aria-label="Models">
          {list.map((model, place) => (
            <li role="option" key={model.id} id={`${id}-${place}`} aria-selected={place === index.value} onMouseDown={(event) => { event.preventDefault(); choose(model.id); }}>
              <span><span class="strong">{model.id}</span> <Marks of={model} /></span>
              <span class="dim nowrap">{context(model.contextLength)}, {price(model.promptPrice)} / {price(model.completionPrice)}{most.value.get(model.id) && <span class="most">this prompt: {money(most.value.get(model.id)!)} at most</span>}</span>
            </li>
          ))}
        </ul>
      )}
      <Below id={id} hint={hint} fault={fault} />
    </div>
  );
}
