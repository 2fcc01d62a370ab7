// The differences of two texts, line by line (Myers).

export interface Line {
  kind: "same" | "in" | "out" | "gap";
  text: string;
}

/** Every line of both: those that only `before` has are `out`, those that only `after` has are `in`. */
export function diff(before: string, after: string): Line[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  const most = a.length + b.length;
  const furthest = new Map([[1, 0]]);
  const trace: Map<number, number>[] = [];
  search: for (let edits = 0; edits <= most; edits++) {
    trace.push(new Map(furthest));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const isDown = diagonal === -edits || (diagonal !== edits && furthest.get(diagonal - 1)! < furthest.get(diagonal + 1)!);
      let x = isDown ? furthest.get(diagonal + 1)! : furthest.get(diagonal - 1)! + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x++;
      furthest.set(diagonal, x);
      if (x >= a.length && x - diagonal >= b.length) break search;
    }
  }
  const lines: Line[] = [];
  let [x, y] = [a.length, b.length];
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const known = trace[edits]!;
    const diagonal = x - y;
    const isDown = diagonal === -edits || (diagonal !== edits && known.get(diagonal - 1)! < known.get(diagonal + 1)!);
    const from = isDown ? diagonal + 1 : diagonal - 1;
    const fromX = edits === 0 ? 0 : known.get(from)!;
    const fromY = edits === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY && x > 0 && y > 0) {
      lines.push({ kind: "same", text: a[--x]! });
      y--;
    }
    if (edits === 0) break;
    if (isDown) lines.push({ kind: "in", text: b[--y]! });
    else lines.push({ kind: "out", text: a[--x]! });
  }
  return lines.reverse();
}

/** The same with only three equal lines around each difference; what is left out is a gap. */
export function close(lines: Line[], around = 3): Line[] {
  const isNear = lines.map((_, place) => lines.slice(Math.max(0, place - around), place + around + 1).some((line) => line.kind !== "same"));
  const found: Line[] = [];
  let left = 0;
  lines.forEach((line, place) => {
    if (isNear[place]) {
      if (left) found.push({ kind: "gap", text: `${left} equal lines` });
      left = 0;
      found.push(line);
    } else left++;
  });
  if (left) found.push({ kind: "gap", text: `${left} equal lines` });
  return found;
}
