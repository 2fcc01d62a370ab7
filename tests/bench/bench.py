#!/usr/bin/env python3
"""Measures and writes docs/performance.md: `make bench`, or one half of it.

    bench.py            both
    bench.py functions  execute-node beside an empty function and the same node in Node.js and Python
    bench.py engine     runs of graphs in the deployed local stack: states, invocations, write units, seconds

What it installs and builds stays in .local/bench, so a second run, or one after a run that was cut, begins where that
came to. The figures are of use only where nothing else runs on the machine.
"""

import datetime
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BENCH = ROOT / ".local" / "bench"
PEERS = HERE / "peers"
PAGE = ROOT / "docs" / "performance.md"
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"

ROUNDS = 7
WARM_CALLS = 150
# How busy the machine was when this began; the page says so beside the figures.
LOAD = os.getloadavg()[0]
# Milliseconds after which the stubs of AWS and of OpenRouter answer.
LATENCY = {"aws": 5, "openrouter": 20}


def main():
    halves = {"functions": functions, "engine": graphs}
    wanted = sys.argv[1:] or list(halves)
    if not set(wanted) <= set(halves):
        sys.exit(__doc__.strip())
    for name in wanted:
        halves[name]()
    say(f"written: {PAGE.relative_to(ROOT)}")


# ---- The functions


def functions():
    say("building (release)")
    # One by one: built together, each would also have the features that the other needs of their crates.
    for package in ("execute-node", "bench"):
        run(["cargo", "build", "--quiet", "--release", "--locked", "--package", package])
    programs = [execute_node(), echo(), node(), python("LangChain", "langchain"), python("LiteLLM", "litellm")]
    plan = {
        "rounds": ROUNDS,
        "warm_calls": WARM_CALLS,
        "event": json.loads((ROOT / "events" / "execute-node.json").read_text()),
        "latency": LATENCY,
        "programs": [program["plan"] for program in programs],
    }
    say(f"timing {len(programs)} functions, {ROUNDS} rounds")
    done = subprocess.run([RELEASE / "bench"], input=json.dumps(plan), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("a function could not be measured: what it said is above")
    rounds = json.loads(done.stdout)
    (BENCH / "functions.json").write_text(done.stdout)
    rows = [figures(program, rounds) for program in programs]
    write("functions", [machine(), "", *figure_table(rows), "", *ratio_table(rows)])


def execute_node():
    environment = {
        "TABLE_NAME": "bench",
        "BUCKET_NAME": "bench",
        "SECRET_PREFIX": "bench",
        "APP_TITLE": "openrouter-steps",
        "RUST_LOG": "INFO",
    }
    program = RELEASE / "execute-node"
    return {
        "name": "execute-node",
        "files": [(program, "bootstrap")],
        "plan": {"name": "execute-node", "command": [str(program)], "environment": environment},
    }


def echo():
    program = RELEASE / "echo"
    return {
        "name": "echo",
        "files": [(program, "bootstrap")],
        "plan": {"name": "echo", "command": [str(program)], "echoes": True},
    }


def node():
    """The AI SDK, bundled to one file."""
    place = BENCH / "node"
    sources = sorted(PEERS.glob("node/*.*"))

    def install(folder):
        for source in sources:
            shutil.copy(source, folder)
        run(["npm", "ci", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel", "error"])
        esbuild = [folder / "node_modules" / ".bin" / "esbuild", folder / "handler.mjs"]
        options = ["--bundle", "--minify", "--platform=node", "--format=esm", "--target=node20", "--log-level=error"]
        # CommonJS modules in the bundle ask for Node's own with `require`.
        require = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);"
        run([*esbuild, *options, f"--banner:js={require}", f"--outfile={folder / 'bundle' / 'handler.mjs'}"])

    installed(place, sources, install)
    bundle = place / "bundle" / "handler.mjs"
    return {
        "name": "Node.js, AI SDK",
        "files": [(bundle, "handler.mjs")],
        "plan": {
            "name": "Node.js, AI SDK",
            "command": [shutil.which("node"), str(bundle)],
            "environment": {"NODE_NO_WARNINGS": "1"},
        },
    }


def python(name, peer):
    place = BENCH / peer
    requirements = PEERS / "python" / f"{peer}.txt"

    def install(folder):
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        quiet = ["--no-warn-conflicts", "--root-user-action", "ignore"]
        run([*pip, *quiet, "--no-deps", "--target", folder, "--requirement", requirements])

    installed(place, [requirements], install)
    own = [PEERS / "python" / file for file in (f"{peer}_node.py", "credential.py", "runtime.py")]
    # Lambda's own Python has boto3, so that it need not be in the zip; the rest must.
    given = ("boto3", "botocore", "s3transfer", "jmespath", "bin")
    packages = [
        (file, str(file.relative_to(place)))
        for file in sorted(place.rglob("*"))
        if file.is_file() and file.relative_to(place).parts[0] not in given and "__pycache__" not in file.parts
    ]
    # Nothing is written beside the sources.
    environment = {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    # Otherwise LiteLLM asks the internet for a list of prices at every start.
    environment["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    # Without the machine's own packages.
    command = [sys.executable, "-S", str(own[0])]
    return {
        "name": f"Python, {name}",
        "files": [*packages, *((file, file.name) for file in own)],
        "plan": {"name": f"Python, {name}", "command": command, "environment": environment},
    }


def installed(place, sources, install):
    """Installs into `place`, once for each version of the sources: first beside it, so that a break leaves nothing half done."""
    wanted = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    stamp = place / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"installing {place.name}")
    half = place.with_suffix(".half")
    for folder in (half, place):
        shutil.rmtree(folder, ignore_errors=True)
    half.mkdir(parents=True)
    install(half)
    (half / "installed").write_text(wanted)
    half.rename(place)


def figures(program, rounds):
    mine = [entry["measured"] for entry in rounds if entry["program"] == program["name"]]
    warm = sorted(call for round in mine for call in round["warm"])
    return {
        "name": program["name"],
        "process start to first `next`, ms": statistics.median(round["start"] for round in mine),
        "first call, ms": statistics.median(round["first"] for round in mine),
        "warm p50, ms": statistics.median(warm),
        "warm p99, ms": warm[int(len(warm) * 0.99)],
        "CPU a call, ms": statistics.mean(round["cpu"] for round in mine),
        "peak memory, MB": statistics.median(round["peak"] for round in mine) / 1024,
        "zip, MB": zip_bytes(program["files"]) / 1e6,
    }


def zip_bytes(files):
    path = BENCH / "function.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file, name in files:
            archive.write(file, name)
    size = path.stat().st_size
    path.unlink()
    return size


def figure_table(rows):
    measures = [name for name in rows[0] if name != "name"]
    return table(["", *measures], [[row["name"], *(number(row[name]) for name in measures)] for row in rows])


def ratio_table(rows):
    first, *others = rows
    measures = [name for name in first if name != "name"]
    head = ["execute-node's figure", *(f"÷ {other['name']}" for other in others)]
    return table(head, [[name, *(number(first[name] / other[name]) for other in others)] for name in measures])


# ---- The engine


def graphs():
    stack = [ROOT / "infra" / "local" / "stack.py"]
    environment = os.environ | {
        "LOCAL_DIR": str(BENCH / "stack"),
        "GATEWAY_PORT": os.environ.get("GATEWAY_PORT", "4586"),
        "STAND_IN_PORT": os.environ.get("STAND_IN_PORT", "4587"),
    }
    for name in ("OPENROUTER_BASE_URL", "OPENROUTER_API_KEY"):
        environment.pop(name, None)
    try:
        run([*stack, "up"], environment)
        measure = [ROOT / ".local" / "venv" / "bin" / "python", HERE / "engine.py", BENCH / "stack" / "env"]
        say("running graphs")
        done = subprocess.run(measure, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit("a graph could not be measured: what it said is above")
    finally:
        run([*stack, "down"], environment)
    measured = json.loads(done.stdout)
    today = datetime.date.today().isoformat()
    rows = [
        [
            f"{row['engine']}, {today}",
            row["graph"],
            str(row["nodes"]),
            str(row["states"]),
            str(row["events"]),
            str(row["invocations"]),
            number(row["writeUnits"]),
            number(row["writeUnits"] / row["nodes"]),
            f"{row['seconds']:.2f}",
            f"{row['longestPath']:.1f}",
            number(row["seconds"] / row["longestPath"]),
        ]
        for row in measured
    ]
    head = ["engine", "graph", "nodes", "states", "events", "invocations", "write units", "a node", "seconds"]
    head += ["longest path, s", "ratio"]
    kept = [row for row in former_rows("engine") if row[0].split(",")[0] != measured[0]["engine"]]
    write("engine", [machine(), "", *table(head, kept + rows)])


# ---- The page


def machine():
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    rust = version(["rustc", "--version"]).split()[1]
    node_version = version(["node", "--version"])
    return (
        f"{datetime.date.today().isoformat()}, {os.cpu_count()} cores, {platform.machine()}, {cpu}, Linux "
        f"{platform.release()}; Rust {rust}, Node.js {node_version}, Python {platform.python_version()}; load average "
        f"{LOAD:.1f} when it began."
    )


def version(command):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()


def table(head, rows):
    line = lambda cells: f"| {' | '.join(cells)} |"  # noqa: E731
    return [line(head), line(["---"] + ["---:"] * (len(head) - 1)), *(line(row) for row in rows)]


def number(value):
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def marks(name):
    return f"<!-- {name}: written by make bench -->", f"<!-- {name}: end -->"


def former_rows(name):
    """The rows of the page's table as they are."""
    begin, end = marks(name)
    lines = PAGE.read_text().split(begin)[1].split(end)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return rows[2:]


def write(name, lines):
    begin, end = marks(name)
    before, rest = PAGE.read_text().split(begin)
    _, after = rest.split(end)
    text = "\n".join(lines)
    PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")


# ---- Small things


def run(command, environment=None):
    done = subprocess.run([str(word) for word in command], cwd=ROOT, env=environment)
    if done.returncode:
        sys.exit(f"failed: {' '.join(str(word) for word in command[:4])} ...")


def say(text):
    print(f"* {text}", flush=True)


if __name__ == "__main__":
    main()
