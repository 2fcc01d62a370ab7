#!/usr/bin/env python3
"""Lists and counts the files that a start and a node's execution reach by calls, for ARCHITECTURE.md.

It begins at the function behind a route or an event and follows every call in its body, function by function, without
tests. The list has the files that lead (of the function itself, and of the crate that a walk names) and those that they
call directly. The files that are reached only behind these, such as the parser behind `Template`, are counted and not
listed.

`count-reach.py` compares ARCHITECTURE.md with what it finds; `count-reach.py --write` writes it there.

It reads the text, not the types, so it has limits:
- It counts what can be reached: both sides of an `if`, and every arm of a `match`.
- A method is looked up by its receiver's type where the text tells it: `self`, a parameter, a field, `Type::new(..)`,
  the result of another call. Where it does not, the method is followed if only one type in reach has it. Fields of
  one name and two types are followed to both.
- What the compiler calls is not followed: `From` by `?`, `Display`, `Serialize`, `Deserialize`, macros of ours.
  A file with nothing but types, constants and such conversions is not counted.
"""

import re
import sys
import tomllib
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- made by infra/local/count-reach.py --write -->", "<!-- end -->"

# What is walked: its heading, the functions that it begins at (file and name), and the crate of shared/ that leads it as
# the function does. All other crates are called.
WALKS = [
    ("A start by webhook", [("functions/receive-webhook/src/receive.rs", "receive")], "shared/starts/"),
    (
        "A start by the API",
        [("functions/start-run/src/run.rs", "run"), ("shared/starts/src/http.rs", "answer")],
        "shared/starts/",
    ),
    ("A node's execution", [("functions/execute-node/src/recorded.rs", "execute")], "shared/nodes/"),
]

# Methods of the standard library and of serde_json, too: followed only where the receiver's type is known.
COMMON = set(
    "get read list new of put text parse take with replace find start end map and_then then filter iter next as_str "
    "key name number body json at add remove insert delete code parts version warnings usage set clone into from into_iter "
    "chain unwrap_or_default is_empty len contains push extend send build id status head answer call problem".split()
)

Function = namedtuple("Function", "file crate imports owner name parameters result body")


def main():
    functions, fields, reach = read()
    made = [BEGIN]
    for heading, starts, crate in WALKS:
        files, behind = walk(starts, ("functions/", crate), functions, fields, reach)
        made += ["", f"**{heading}: {len(files)} files**, and {len(behind)} behind them.", "", "| file | what is in it |", "|---|---|"]
        made += [f"| `{file}` | {inside(ROOT / file)} |" for file in files]
    made = "\n".join([*made, "", END])
    page = PAGE.read_text()
    written = re.search(re.escape(BEGIN) + ".*?" + re.escape(END), page, re.DOTALL)
    if written is None:
        sys.exit(f"ARCHITECTURE.md: the lines `{BEGIN}` and `{END}` are missing; between them stands the walk of one run")
    if "--write" in sys.argv:
        PAGE.write_text(page.replace(written[0], made))
    elif written[0] != made:
        sys.exit("ARCHITECTURE.md: the walk of one run is not what the code does: run `python3 infra/local/count-reach.py --write`")


def read():
    """All functions, the types of the fields of structs, and which crates each crate can reach."""
    functions, fields, needs = [], {}, {}
    for manifest in sorted([*ROOT.glob("functions/*/Cargo.toml"), *ROOT.glob("shared/*/Cargo.toml")]):
        known = tomllib.loads(manifest.read_text())
        crate = known["package"]["name"].replace("-", "_")
        needs[crate] = {name.replace("-", "_") for name in known.get("dependencies", {}) if name.startswith("steps-")}
        for path in sorted(manifest.parent.glob("src/**/*.rs")):
            if path.name.endswith("tests.rs"):
                continue
            text = plain(path.read_text())
            file = str(path.relative_to(ROOT))
            for body in re.findall(r"\bstruct \w+(?:<[^>]*>)? \{(.*?)\n\}", text, re.DOTALL):
                for name, kind in re.findall(r"(\w+): ([^\n]+?),?\n", body + "\n"):
                    fields.setdefault(name, set()).update(types(kind))
            functions += bodies(text, file, crate)
    reach = {}
    for crate in needs:
        seen, open_ = set(), [crate]
        while open_:
            one = open_.pop()
            if one not in seen:
                seen.add(one)
                open_ += needs[one]
        reach[crate] = seen
    return functions, fields, reach


def plain(text):
    """The code without its tests, comments and texts, so that braces and names are code."""
    text = text.split("#[cfg(test)]\nmod")[0]
    token = r'//[^\n]*|r(#+)".*?"\1|b?"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.[^\']*)\''
    return re.sub(token, lambda found: " " if found[0].startswith("//") else '""', text, flags=re.DOTALL)


def types(text):
    return set(re.findall(r"\b[A-Z]\w+", text))


def block(text, start):
    """What stands between the brace at or after `start` and its partner."""
    start = text.index("{", start)
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return start, at
    return start, len(text)


def partner(text, start):
    """Where the parenthesis at `start` is closed."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return len(text)


def bodies(text, file, crate):
    owners = []
    for found in re.finditer(r"^(?:impl|trait)\b[^\n{]*(?:\n[^\n{]*)*?\{", text, re.MULTILINE):
        head = found[0].split(" where ")[0]
        head = re.sub(r"^impl<[^>]*>+", "impl", head)
        owner = re.findall(r"[A-Z]\w*", head.split(" for ")[-1])
        owners.append((*block(text, found.start()), owner[0] if owner else None))
    made = []
    imports = {
        (use[1], name) for use in re.finditer(r"\buse (\w+)::([^;]*);", text) for name in re.findall(r"\w+", use[2])
    }
    for found in re.finditer(r"\bfn (\w+)(<[^(]*>)?\(", text):
        close = partner(text, found.end() - 1)
        opens = re.compile(r"[{;]").search(text, close)
        if opens is None or opens[0] == ";":
            continue
        start, end = block(text, opens.start())
        owner = next((owner for begin, last, owner in owners if begin < found.start() < last), None)
        result = {owner if kind == "Self" else kind for kind in types(text[close:start].split("where")[0])}
        parameters = re.findall(r"(\w+): ([^,)]+(?:<[^>]*>)?)", text[found.end() : close])
        parameters = {name: types(kind) for name, kind in parameters}
        made.append(Function(file, crate, imports, owner, found[1], parameters, result, text[start:end]))
    return made


def walk(starts, leading, functions, fields, reach):
    """The files in the order in which calls first lead to them, and the files behind them."""
    named = {}
    for function in functions:
        named.setdefault(function.name, []).append(function)
    # Files as keys: a dictionary keeps the order.
    files, behind, seen = {}, {}, set()

    def visit(function, caller):
        if any(file.startswith(leading) for file in (function.file, caller)):
            files[function.file] = True
        behind[function.file] = True
        if id(function) in seen:
            return
        seen.add(id(function))
        for called in calls(function, named, fields, reach[function.crate]):
            visit(called, function.file)

    sys.setrecursionlimit(10_000)
    for file, name in starts:
        begin = [function for function in named.get(name, []) if function.file == file and function.owner is None]
        if not begin:
            sys.exit(f"{file}: it has no function `{name}`, at which a walk begins: correct WALKS in {__file__}")
        visit(begin[0], file)
    return list(files), [file for file in behind if file not in files]


def calls(function, named, fields, crates):
    """The functions that a body calls, in the order of its text."""
    local = dict(function.parameters)
    if function.owner:
        local["self"] = {function.owner}
    for name, value in re.findall(r"\blet (?:mut )?(\w+) = ([^;]*)", function.body):
        local[name] = kinds(value, local, named, fields, crates, function)
    for found in re.finditer(r"(?:(\w+)::)?\b([a-z_]\w*)(?:::<[^>]*>)?\(", function.body):
        before = function.body[: found.start()]
        name = found[2]
        candidates = [one for one in named.get(name, []) if one.crate in crates and name != "from"]
        if found[1]:
            owner = (function.owner or "Self") if found[1] == "Self" else found[1]
            if owner[0].isupper():
                yield from (one for one in candidates if one.owner == owner)
            else:
                yield from (
                    one for one in candidates
                    if one.owner is None and (one.crate == owner or one.crate == function.crate and owner in (*Path(one.file).parts, Path(one.file).stem))
                )
        elif re.search(r"\.\s*$", before):
            receiver = receiver_kinds(before, local, named, fields, crates, function)
            fitting = [one for one in candidates if one.owner in receiver]
            owners = {one.owner for one in candidates if one.owner}
            if fitting:
                yield from fitting
            elif name not in COMMON and len(owners) == 1:
                yield from (one for one in candidates if one.owner)
        else:
            free = [one for one in candidates if one.owner is None]
            own = [one for one in free if one.file == function.file]
            imported = [one for one in free if (one.crate if one.crate != function.crate else "crate", name) in function.imports]
            yield from own or imported or [one for one in free if one.crate == function.crate]


def receiver_kinds(before, local, named, fields, crates, function):
    """The types that the text before a `.` may have."""
    before = re.sub(r"(\.await|\?|\s)+\.?$|\.$", "", re.sub(r"\s*\.\s*$", "", before))
    if before.endswith(")"):
        depth = 0
        for at in range(len(before) - 1, -1, -1):
            depth += {")": 1, "(": -1}.get(before[at], 0)
            if depth == 0:
                return kinds(before[:at] + "(", local, named, fields, crates, function)
        return set()
    name = re.search(r"(\.?)\s*(\w+)$", before)
    if not name:
        return set()
    return fields.get(name[2], set()) if name[1] else local.get(name[2], set())


def kinds(value, local, named, fields, crates, function):
    """The types that an expression may have: of its last call, or of the field or name that it is."""
    found = list(re.finditer(r"(?:(\w+)::)?\b([a-z_]\w*)\(", value))
    made = re.match(r"\s*&?(?:mut )?(\w+(?:\.\w+)*)\s*$", value)
    if made:
        name = made[1].split(".")[-1]
        return fields.get(name, set()) if "." in made[1] else local.get(name, set())
    literal = re.match(r"\s*([A-Z]\w*) \{", value)
    if literal:
        return {literal[1]}
    result = set()
    for one in found[-1:] if value.endswith("(") else found[:1] + found[-1:]:
        owner = (function.owner or "Self") if one[1] == "Self" else one[1]
        for candidate in named.get(one[2], []):
            if candidate.crate in crates and (not owner or not owner[0].isupper() or candidate.owner == owner):
                result |= candidate.result
    return result - {"Result", "Option", "Problem", "Error", "Vec", "String"}


def inside(path):
    """What a file's first line says, up to its first stop."""
    text = path.read_text()
    words = re.match(r"//! (.*?)(?:\n//!\s*\n|\n(?!//!)|$)", text, re.DOTALL)
    if words is None:
        manifest = next(folder / "Cargo.toml" for folder in path.parents if (folder / "Cargo.toml").exists())
        words = tomllib.loads(manifest.read_text())["package"]["description"]
    else:
        words = words[1].replace("\n//!", "")
    return re.split(r"[.:;](?:\s|$)", words)[0].replace("|", "\\|")


main()
