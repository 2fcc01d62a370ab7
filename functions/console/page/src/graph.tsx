// A graph as it is shown: the nodes are buttons over the drawn edges. Arrow keys walk it. On a phone its layers are rows.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { GUTTER, HEIGHT, layout, step, WIDTH } from "./layout";
import { Icon } from "./ui";
import { statusWord } from "./words";

export interface Shown {
  id: string;
  title: string;
  sub: string;
  needs: string[];
  /** Needs that follow from others: drawn faintly. */
  faint?: string[];
  kind: string;
  status?: string;
  /** What is read aloud after the name. */
  spoken?: string;
  isFaulty?: boolean;
}

const narrow = matchMedia("(max-width: 48rem)");

export function Graph({ nodes, chosen, onChoose, label }: { nodes: Shown[]; chosen?: string | null; onChoose: (id: string) => void; label: string }) {
  const isNarrow = useSignal(narrow.matches);
  useEffect(() => {
    const changed = () => (isNarrow.value = narrow.matches);
    narrow.addEventListener("change", changed);
    return () => narrow.removeEventListener("change", changed);
  }, []);
  // Most polls change statuses and not the graph.
  const shape = nodes.map((node) => `${node.id}<${node.needs.join()}`).join(";");
  const drawing = useMemo(() => layout(nodes, isNarrow.value), [shape, isNarrow.value]);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const faint = new Set(nodes.flatMap((node) => (node.faint ?? []).map((need) => `${need}>${node.id}`)));
  const focusable = chosen && byId.has(chosen) ? chosen : nodes[0]?.id;
  const walk = (event: KeyboardEvent, id: string) => {
    const next = step(drawing, id, event.key);
    if (next === null) return;
    event.preventDefault();
    document.getElementById(`node-${next}`)?.focus();
  };
  const edgeClass = (from: string, to: string, id: string) => {
    if (chosen && (from === chosen || to === chosen)) return "near";
    const [a, b] = [byId.get(from)?.status, byId.get(to)?.status];
    if (faint.has(id)) return "faint";
    if (b === "RUNNING") return "hot";
    return a === "SUCCEEDED" && b === "SUCCEEDED" ? "done" : "";
  };
  return (
    <div class="graph">
      <div class="board" role="group" aria-label={`${label}. Arrow keys walk it.`} style={{ width: drawing.isTall ? "100%" : `${drawing.width}px`, height: `${drawing.height}px` }}>
        <svg width={drawing.isTall ? GUTTER : drawing.width} height={drawing.height} aria-hidden="true">
          {drawing.edges.map((edge) => <path key={edge.id} class={edgeClass(edge.from, edge.to, edge.id)} d={edge.d} />)}
        </svg>
        {nodes.map((node) => {
          const place = drawing.at.get(node.id);
          if (!place) return null;
          return (
            <button
              type="button"
              key={node.id}
              id={`node-${node.id}`}
              class={`node ${node.status ? `is-${node.status}` : ""} ${node.isFaulty ? "faulty" : ""}`}
              tabIndex={focusable === node.id ? 0 : -1}
              aria-pressed={chosen === node.id}
              style={{ left: `${place.x}px`, top: `${place.y}px`, width: drawing.isTall ? `calc(100% - ${GUTTER}px)` : `${WIDTH}px`, height: `${HEIGHT}px` }}
              onClick={() => onChoose(node.id)}
              onKeyDown={(event) => walk(event, node.id)}
            >
              <Icon name={node.status && node.status !== "PENDING" ? node.status : node.kind} />
              <b>{node.title}</b> <span class="sub">{node.sub}</span>
              <span class="sr"> {node.status ? statusWord(node.status) : ""} {node.spoken ?? ""}</span>
            </button>
          );
        })}
      </div>
    </div>
  );
}
