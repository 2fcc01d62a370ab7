// YAML whose comments stay: a change of the document is made in the text's own tree, where it differs.
import { type Document, isMap, isSeq, parseDocument } from "yaml";

type Path = (string | number)[];

/** The text with `after` in it, its comments and its order as they were; null where it has to be written anew. */
export function rewritten(text: string, after: unknown): string | null {
  const tree = parseDocument(text);
  if (tree.errors.length > 0 || !isMap(tree.contents)) return null;
  change(tree, [], tree.toJS({ maxAliasCount: 100 }), after);
  const made = tree.toString({ lineWidth: 0 });
  // Where anchors or the like make something else of it, it is written anew.
  return JSON.stringify(parseDocument(made).toJS({ maxAliasCount: 100 })) === JSON.stringify(after) || same(parseDocument(made).toJS({ maxAliasCount: 100 }), after) ? made : null;
}

function change(tree: Document, path: Path, before: any, after: any) {
  if (same(before, after)) return;
  const at = path.length ? tree.getIn(path, true) : tree.contents;
  if (isMap(at) && isObject(before) && isObject(after)) {
    for (const name of Object.keys(before)) if (!(name in after)) tree.deleteIn([...path, name]);
    for (const [name, value] of Object.entries(after)) {
      if (name in before) change(tree, [...path, name], before[name], value);
      else tree.setIn([...path, name], tree.createNode(value));
    }
  } else if (isSeq(at) && Array.isArray(before) && Array.isArray(after)) {
    // What was taken out takes its comments with it; the others keep theirs.
    let gone = before.length - after.length;
    const kept = [...before];
    for (let place = 0; gone > 0 && place < kept.length; ) {
      if (place < after.length && (same(kept[place], after[place]) || !same(kept[place + gone], after[place]))) place++;
      else {
        tree.deleteIn([...path, place]);
        kept.splice(place, 1);
        gone--;
      }
    }
    after.forEach((value, place) => (place < kept.length ? change(tree, [...path, place], kept[place], value) : tree.addIn(path, tree.createNode(value))));
  } else tree.setIn(path, tree.createNode(after));
}

const isObject = (value: unknown) => !!value && typeof value === "object" && !Array.isArray(value);

function same(a: any, b: any): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, place) => same(one, b[place]));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && same(a[name], b[name]));
}
