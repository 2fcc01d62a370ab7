// The drawing of a graph: each node in the layer behind the last one that it waits for, layers ordered so that few edges cross.

export interface GraphNode {
  id: string;
  needs: string[];
}

export interface Place {
  x: number;
  y: number;
  layer: number;
  row: number;
}

export interface Drawing {
  at: Map<string, Place>;
  edges: { id: string; from: string; to: string; d: string }[];
  layers: string[][];
  width: number;
  height: number;
  isTall: boolean;
}

export const WIDTH = 168;
export const HEIGHT = 58;

/** Left of the rows, where their edges are drawn. */
export const GUTTER = 34;

/** Lays the graph out from left to right; where `isTall`, one node a row, with the edges as arcs at their left. */
export function layout(nodes: GraphNode[], isTall = false): Drawing {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const layers = layersOf(nodes, byId);
  order(layers, byId);
  return isTall ? inRows(nodes, layers) : inColumns(nodes, layers);
}

function inColumns(nodes: GraphNode[], layers: string[][]): Drawing {
  const [along, across] = [WIDTH + 40, HEIGHT + 20];
  const most = Math.max(1, ...layers.map((layer) => layer.length));
  const at = new Map<string, Place>();
  layers.forEach((layer, number) => layer.forEach((id, row) => at.set(id, { x: number * along, y: (row + (most - layer.length) / 2) * across, layer: number, row })));
  const curve = (from: Place, to: Place) => {
    const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
    const bend = Math.max(20, (x2 - x1) / 2);
    return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  };
  return { at, edges: edgesOf(nodes, at, curve), layers, width: layers.length * along - 40, height: most * across - 20, isTall: false };
}

function inRows(nodes: GraphNode[], layers: string[][]): Drawing {
  const at = new Map<string, Place>();
  let y = 0;
  layers.forEach((layer, number) => {
    layer.forEach((id, row) => {
      at.set(id, { x: GUTTER, y, layer: number, row });
      y += HEIGHT + 8;
    });
    y += 12;
  });
  const arc = (from: Place, to: Place) => {
    const [y1, y2] = [from.y + HEIGHT / 2 + 6, to.y + HEIGHT / 2 - 6];
    const bend = Math.min(GUTTER * 1.25, 14 + (y2 - y1) * 0.12);
    return `M${GUTTER} ${y1}C${GUTTER - bend} ${y1} ${GUTTER - bend} ${y2} ${GUTTER} ${y2}`;
  };
  return { at, edges: edgesOf(nodes, at, arc), layers, width: 0, height: Math.max(0, y - 20), isTall: true };
}

function edgesOf(nodes: GraphNode[], at: Map<string, Place>, curve: (from: Place, to: Place) => string) {
  return nodes.flatMap((node) => node.needs.filter((need) => at.has(need)).map((need) => ({ id: `${need}>${node.id}`, from: need, to: node.id, d: curve(at.get(need)!, at.get(node.id)!) })));
}

function layersOf(nodes: GraphNode[], byId: Map<string, GraphNode>) {
  const depth = new Map<string, number>();
  // Without recursion: a chain of 500 nodes is no reason to fail. A circle ends where it began.
  const visit = (start: string) => {
    const stack: { id: string; next: number; most: number }[] = [{ id: start, next: 0, most: -1 }];
    const open = new Set([start]);
    while (stack.length) {
      const top = stack[stack.length - 1]!;
      const needs = byId.get(top.id)!.needs.filter((need) => byId.has(need));
      const need = needs[top.next++];
      if (need === undefined) {
        depth.set(top.id, top.most + 1);
        open.delete(top.id);
        stack.pop();
        const below = stack[stack.length - 1];
        if (below) below.most = Math.max(below.most, top.most + 1);
      } else if (depth.has(need)) top.most = Math.max(top.most, depth.get(need)!);
      else if (!open.has(need)) {
        open.add(need);
        stack.push({ id: need, next: 0, most: -1 });
      }
    }
  };
  for (const node of nodes) if (!depth.has(node.id)) visit(node.id);
  const layers: string[][] = [];
  for (const node of nodes) (layers[depth.get(node.id)!] ??= []).push(node.id);
  return layers.filter(Boolean);
}

function order(layers: string[][], byId: Map<string, GraphNode>) {
  const row = new Map<string, number>();
  const after = new Map<string, string[]>([...byId.keys()].map((id) => [id, []]));
  for (const node of byId.values()) for (const need of node.needs) after.get(need)?.push(node.id);
  const number = (layer: string[]) => layer.forEach((id, place) => row.set(id, place));
  layers.forEach(number);
  for (let pass = 0; pass < 8; pass++) {
    const isDown = pass % 2 === 0;
    for (const layer of isDown ? layers : [...layers].reverse()) {
      const mean = (id: string) => {
        const near = (isDown ? byId.get(id)!.needs : after.get(id)!).filter((other) => row.has(other));
        return near.length ? near.reduce((total, other) => total + row.get(other)!, 0) / near.length : row.get(id)!;
      };
      const means = new Map(layer.map((id) => [id, mean(id)]));
      layer.sort((a, b) => means.get(a)! - means.get(b)! || row.get(a)! - row.get(b)!);
      number(layer);
    }
  }
}

/** Where an arrow key leads from a node; null for other keys. */
export function step(drawing: Drawing, id: string, key: string): string | null {
  const place = drawing.at.get(id);
  if (!place) return null;
  if (drawing.isTall) {
    const rows = drawing.layers.flat();
    const move = ({ ArrowDown: 1, ArrowUp: -1 } as Record<string, number>)[key];
    return move ? (rows[rows.indexOf(id) + move] ?? id) : null;
  }
  const move = ({ ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] } as Record<string, [number, number]>)[key];
  if (!move) return null;
  const layer = drawing.layers[place.layer + move[0]];
  return layer ? layer[Math.min(layer.length - 1, Math.max(0, place.row + move[1]))]! : id;
}
