// OpenRouter's models: search, filters in the address, prices, context; those that retire are marked.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, can } from "../api";
import { refine, route, to } from "../router";
import type { Model, ModelPage } from "../types";
import { CopyButton, Dialog, Empty, Icon, JsonView, Note, Select, Shown, useData } from "../ui";
import { ago, count, money } from "../words";

const SORTS: [string, string][] = [["", "Newest first"], ["price", "Cheapest first"], ["context", "Largest context first"], ["name", "By name"]];
const SUPPORTS: [string, string][] = [["", "Anything"], ["tools", "Tools"], ["structured_outputs", "Structured outputs"], ["response_format", "JSON"], ["reasoning", "Reasoning"]];
const MODALITIES: [string, string][] = [["", "Any input"], ["image", "Images"], ["file", "Files"], ["audio", "Audio"], ["video", "Video"]];

export function Models() {
  const { query } = route.value;
  const words = useSignal(query.get("q") ?? "");
  const given = ["q", "sort", "free", "supports", "inputModality", "minContext"].map((name) => [name, query.get(name) ?? ""] as const).filter(([, value]) => value);
  const asked = new URLSearchParams([...given.map(([name, value]) => [name, value]), ["limit", query.get("limit") ?? "40"]]).toString();
  useEffect(() => {
    const timer = setTimeout(() => words.value !== (query.get("q") ?? "") && refine({ q: words.value, limit: null }), 250);
    return () => clearTimeout(timer);
  }, [words.value]);
  const list = useData((signal) => api<ModelPage>("GET", `/models?${asked}`, { signal }), [asked]);
  const opened = query.get("model");
  const set = (name: string) => (value: string) => refine({ [name]: value, limit: null });
  return (
    <>
      <div class="head">
        <div class="title">
          <h1>Models</h1>
          <p class="lead">OpenRouter's list. Prices are US dollars for a million tokens.</p>
        </div>
        {can("admin") && <div class="row"><a class="button" href={to(["compare"])}><Icon name="compare" />Compare models</a></div>}
      </div>
      <div class="filters" role="search">
        <div class="field grow">
          <label for="q">Search</label>
          <div class="search"><Icon name="search" /><input id="q" type="search" placeholder="Name, author or what it is good at" value={words.value} onInput={(event) => (words.value = event.currentTarget.value)} /></div>
        </div>
        <Select id="sort" label="Order" value={query.get("sort") ?? ""} onValue={set("sort")} options={SORTS} />
        <Select id="free" label="Price" value={query.get("free") ?? ""} onValue={set("free")} options={[["", "All"], ["true", "Free only"], ["false", "Paid only"]]} />
        <Select id="supports" label="Supports" value={query.get("supports") ?? ""} onValue={set("supports")} options={SUPPORTS} />
        <Select id="inputModality" label="Takes" value={query.get("inputModality") ?? ""} onValue={set("inputModality")} options={MODALITIES} />
        <Select id="minContext" label="Context" value={query.get("minContext") ?? ""} onValue={set("minContext")} options={[["", "Any"], ["32000", "32K or more"], ["128000", "128K or more"], ["1000000", "1M or more"]]} />
      </div>
      <Shown of={list} rows={8}>
        {(page) => (
          <div class="stack">
            {page.stale && <Note kind="warn" icon="warn">OpenRouter could not be asked; the list is from {ago(page.fetchedAt)}. {page.stale.cause}</Note>}
            <p class="small dim" role="status">{count(page.matched)} of {count(page.total)} models, read {ago(page.fetchedAt)}</p>
            {page.models.length === 0 ? (
              <div class="card"><Empty icon="models" title="No model fits">Take a filter away, or search for fewer words.</Empty></div>
            ) : (
              <div class="card flat">
                <div class="table-wrap">
                  <table>
                    <thead><tr><th scope="col">Model</th><th scope="col" class="num">Context</th><th scope="col" class="num">Sent</th><th scope="col" class="num">Generated</th><th scope="col">Takes</th></tr></thead>
                    <tbody>
                      {page.models.map((model) => (
                        <tr key={model.id}>
                          <td class="first">
                            <a class="whole" href={`#/models?${new URLSearchParams([...route.value.query].filter(([name]) => name !== "model").concat([["model", model.id]]))}`}>{model.name}</a> <Marks of={model} />
                            <div class="small dim mono">{model.id}</div>
                          </td>
                          <td class="num nowrap" data-label="Context">{context(model.contextLength)}</td>
                          <td class="num nowrap" data-label="Sent">{price(model.promptPrice)}</td>
                          <td class="num nowrap" data-label="Generated">{price(model.completionPrice)}</td>
                          <td class="small dim">{model.inputModalities.join(", ")}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
                {page.cursor && <div class="more"><button type="button" disabled={list.isLoading} onClick={() => refine({ limit: String(Math.min(1000, page.models.length + 60)) })}>Show more</button></div>}
              </div>
            )}
          </div>
        )}
      </Shown>
      {opened && <Details id={opened} onClose={() => refine({ model: null })} />}
    </>
  );
}

export function Marks({ of }: { of: Model }) {
  return (
    <>
      {of.default && <span class="tag good">default</span>} {of.free && <span class="tag good">free</span>} {of.retires && <span class="tag warn">retires {of.retires}</span>} {of.recommended && <span class="tag">{of.recommended}</span>}
    </>
  );
}

export const price = (text: string | null) => (text === null ? "unknown" : Number(text) === 0 ? "free" : money(text));
export const context = (tokens: number | null) => (tokens === null ? "unknown" : tokens >= 1_000_000 ? `${+(tokens / 1_000_000).toFixed(1)}M` : tokens >= 1000 ? `${Math.round(tokens / 1000)}K` : String(tokens));

interface Full extends Model {
  routing: { part: string; effect: string }[];
  endpoints: { provider: string; promptPrice: string | null; completionPrice: string | null; contextLength: number | null; uptimeLast30m: number | null; quantization: string | null }[] | null;
  otherPrices?: Record<string, string>;
}

function Details({ id, onClose }: { id: string; onClose: () => void }) {
  const model = useData((signal) => api<Full>("GET", `/models/${id.split("/").map(encodeURIComponent).join("/")}`, { signal }), [id]);
  return (
    <Dialog title={model.data?.name ?? id} wide onClose={onClose}>
      <Shown of={model}>
        {(of) => (
          <div class="stack">
            <p class="row"><code>{of.id ?? id}</code><CopyButton text={of.id ?? id} label="Copy the id" /><Marks of={of} /></p>
            {of.routing?.map((part) => <Note key={part.part}><code>{part.part}</code> {part.effect}</Note>)}
            {of.description && <p class="text">{of.description}</p>}
            <dl class="facts">
              <div><dt>Context</dt><dd>{context(of.contextLength)}</dd></div>
              <div><dt>Longest answer</dt><dd>{context(of.maxCompletionTokens)}</dd></div>
              <div><dt>A million tokens sent</dt><dd>{price(of.promptPrice)}</dd></div>
              <div><dt>generated</dt><dd>{price(of.completionPrice)}</dd></div>
            </dl>
            {of.endpoints && of.endpoints.length > 0 && (
              <div class="table-wrap">
                <table>
                  <thead><tr><th scope="col">Provider</th><th scope="col" class="num">Sent</th><th scope="col" class="num">Generated</th><th scope="col" class="num">Context</th><th scope="col" class="num">Up, last 30 min</th></tr></thead>
                  <tbody>{of.endpoints.map((one) => <tr key={one.provider + one.quantization}><td class="first">{one.provider} {one.quantization && one.quantization !== "unknown" && <span class="tag">{one.quantization}</span>}</td><td class="num" data-label="Sent">{price(one.promptPrice)}</td><td class="num" data-label="Generated">{price(one.completionPrice)}</td><td class="num" data-label="Context">{context(one.contextLength)}</td><td class="num" data-label="Up">{one.uptimeLast30m === null ? "unknown" : `${one.uptimeLast30m.toFixed(1)} %`}</td></tr>)}</tbody>
                </table>
              </div>
            )}
            {of.supportedParameters?.length > 0 && <p class="row">{of.supportedParameters.map((name) => <span class="tag" key={name}>{name}</span>)}</p>}
            {of.otherPrices && Object.keys(of.otherPrices).length > 0 && <details class="fold"><summary>Other prices</summary><div class="box json"><JsonView value={of.otherPrices} /></div></details>}
          </div>
        )}
      </Shown>
    </Dialog>
  );
}
