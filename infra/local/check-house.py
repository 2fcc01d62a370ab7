#!/usr/bin/env python3
"""Checks the order of the workspace: what may depend on what, and what may stand in one place only.

- The crates of shared/ depend only on crates that stand before them in the list of shared/README.md.
- The functions depend on no other function.
- No two files of a crate import each other, directly or by others.
- Keys of the table are made in shared/store/src/keys.rs only. (tests/bench plays DynamoDB without the store, to be small.)
- Every source file begins with a line that says what is inside.
- Manifests list their dependencies in alphabetical order. A version stands in the workspace's manifest only, as major and minor.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEYS = Path("shared/store/src/keys.rs")
BENCH = Path("tests/bench")
faults = []


def main():
    files = sorted(
        path.relative_to(ROOT)
        for folder in ("functions", "shared", "tests")
        for path in (ROOT / folder).rglob("*.rs")
        if "target" not in path.parts and "node_modules" not in path.parts
    )
    check_crates()
    check_circles(files)
    check_manifests()
    for file in files:
        text = (ROOT / file).read_text()
        check_first_line(file, text)
        check_keys(file, text)
    if faults:
        sys.exit("\n".join(faults))


def check_crates():
    listed = re.findall(r"^\d+\. `([a-z-]+)`", (ROOT / "shared/README.md").read_text(), re.MULTILINE)
    folders = {path.parent.name for path in ROOT.glob("shared/*/Cargo.toml")}
    for name in sorted(folders.symmetric_difference(listed)):
        faults.append(f"shared/README.md: its list and the folders of shared/ differ in `{name}`")
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps", "--offline"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    place = {f"steps-{name}": number for number, name in enumerate(listed)}
    packages = json.loads(metadata.stdout)["packages"]
    functions = {package["name"] for package in packages if "/functions/" in package["manifest_path"]}
    for package in packages:
        name = package["name"]
        for dependency in package["dependencies"]:
            if dependency["kind"] == "dev":
                continue
            other = dependency["name"]
            if name in place and other in place and place[other] >= place[name]:
                faults.append(f"{name} depends on {other}, which stands after it in shared/README.md")
            if other in functions:
                faults.append(f"{name} depends on the function {other}")


def check_circles(files):
    """Finds files of one crate that import each other. `lib.rs`, `main.rs` and `mod.rs` only gather."""
    crates = {}
    for file in files:
        parts = file.parts
        if len(parts) > 3 and parts[2] == "src":
            module = parts[3:-1] + (() if file.stem in ("lib", "main", "mod") else (file.stem,))
            crates.setdefault(parts[:3], {})[module] = file
    for modules in crates.values():
        imports = {module: named(module, file, modules) for module, file in modules.items() if module}
        for circle in circles(imports):
            faults.append("these files import each other: " + ", ".join(str(modules[module]) for module in circle))


def named(module, file, modules):
    """The modules of its crate that a file names by their place."""
    code = "\n".join(line.split("//")[0] for line in (ROOT / file).read_text().splitlines())
    code = code.split("#[cfg(test)]")[0]
    found = set()
    for start, rest in re.findall(r"\b(crate|super)((?:::[a-z_0-9]+)+)", code):
        path = tuple(rest.split("::")[1:])
        path = path if start == "crate" else module[:-1] + path
        for length in range(len(path), 0, -1):
            if path[:length] in modules:
                found.add(path[:length])
                break
    for group in re.findall(r"\buse crate::\{([^;]*)\};", code):
        found |= {(name,) for name in re.findall(r"(?:^|[\s,{])([a-z_0-9]+)::", group) if (name,) in modules}
    # A folder's own `mod.rs` gathers its files and is named by them.
    return {other for other in found if other != module and module[: len(other)] != other}


def circles(imports):
    """The strongly connected groups of more than one module (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(module):
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in imports.get(module, ()):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            group = []
            while not group or group[-1] != module:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for module in imports:
        if module not in index:
            visit(module)
    return found


def check_manifests():
    """A blank line ends one list and begins another: the workspace's own crates and all others are two."""
    for path in [ROOT / "Cargo.toml", *sorted(ROOT.glob("*/*/Cargo.toml"))]:
        file = path.relative_to(ROOT)
        listing, before = False, ""
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.startswith("["):
                listing = line.rstrip("]").endswith("dependencies")
            if not line or line.startswith("["):
                before = ""
            if not listing or not line or line.startswith(("[", "#")):
                continue
            name = re.match(r"[\w-]+", line)[0]
            if name < before:
                faults.append(f"{file}:{number}: `{name}` stands after `{before}`: dependencies are listed in alphabetical order")
            before = name
            version = re.search(r'(?:version|%s) = "([^"]+)"' % name, line)
            if version and file != Path("Cargo.toml"):
                faults.append(f"{file}:{number}: `{name}` has a version: it stands in the workspace's Cargo.toml only")
            elif version and not re.fullmatch(r"\d+\.\d+", version[1]):
                faults.append(f"{file}:{number}: `{name}` is of version `{version[1]}`: write major and minor, such as `1.5`")


def check_first_line(file, text):
    if not text.startswith(("//!", "#![doc = include_str!")):
        faults.append(f"{file}: its first line does not say what is inside (`//! ...`)")


def check_keys(file, text):
    if file != KEYS and BENCH not in file.parents:
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r'"[A-Z_]+#', line):
                faults.append(f"{file}:{number}: keys of the table are made in {KEYS} only")


main()
