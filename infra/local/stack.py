#!/usr/bin/env python3
"""The local stack: the whole system on this machine, in a local AWS.

    stack.py up              start what is not running, build, deploy what changed
    stack.py down            stop what `up` started
    stack.py status          what runs, and where
    stack.py watch           serve all functions with hot reload (cargo lambda watch)
    stack.py watched on|off  send the local AWS's invocations to the watched functions, or back
    stack.py logs            print the logs of all functions
    stack.py tools           install the tools only

The environment configures it:

    LOCAL_DIR            where this stack keeps its files (.local)
    GATEWAY_PORT         the port of the local AWS (4566)
    STAND_IN_PORT        the port of the OpenRouter stand-in (4567)
    WATCH_PORT           the port of cargo lambda watch (9000)
    LOG_LEVEL            what functions log (INFO)
    OPENROUTER_BASE_URL  with OPENROUTER_API_KEY: use this OpenRouter instead of the stand-in
"""

import hashlib
import json
import os
import platform
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
VENV = ROOT / ".local" / "venv"
LOCAL = (ROOT / os.environ.get("LOCAL_DIR", ".local")).resolve()
LOGS = LOCAL / "logs"
# What the stand-in was sent: each body of a chat request once.
CHAT_REQUESTS = LOCAL / "chat-requests.jsonl"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
TEMPLATE = ROOT / "infra" / "template.yaml"
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/Cargo.toml"))

STACK = "openrouter-steps"
REGION = "us-east-1"
GATEWAY_PORT = int(os.environ.get("GATEWAY_PORT", "4566"))
STAND_IN_PORT = int(os.environ.get("STAND_IN_PORT", "4567"))
WATCH_PORT = int(os.environ.get("WATCH_PORT", "9000"))
GATEWAY = f"http://127.0.0.1:{GATEWAY_PORT}"
STAND_IN = f"http://127.0.0.1:{STAND_IN_PORT}"

# The address and the test credentials of the local AWS.
AWS = {
    "AWS_ENDPOINT_URL": GATEWAY,
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


def main():
    commands = {
        ("up",): up,
        ("down",): down,
        ("status",): status,
        ("watch",): watch,
        ("watched", "on"): lambda: watched(True),
        ("watched", "off"): lambda: watched(False),
        ("logs",): logs,
        ("tools",): install_tools,
    }
    command = commands.get(tuple(sys.argv[1:]))
    if command is None:
        sys.exit(__doc__.strip())
    command()


# ---- Commands


def up():
    install_tools()
    LOGS.mkdir(parents=True, exist_ok=True)
    base_url = upstream()
    build_functions()
    gateway = Service("local-aws", GATEWAY_PORT, "GATEWAY_PORT")
    fresh = gateway.start(
        [VENV / "bin" / "python", HERE / "local_aws.py"],
        env=gateway_environment(),
        version=digest([*sorted(HERE.glob("*.py")), HERE / "requirements.txt"]),
    )
    gateway.wait_until(lambda: answers(f"{GATEWAY}/_ministack/health"))
    if base_url is None:
        start_stand_in()
        base_url = f"{STAND_IN}/api/v1"
    else:
        Service("stand-in", STAND_IN_PORT, "STAND_IN_PORT").stop()
    deploy(base_url, fresh)
    write_env(base_url)
    say(f"up: `source {shown(LOCAL / 'env')}` for API_URL, API_TOKEN and the rest; logs in {shown(LOGS)}")


def down():
    for name, port, variable in SERVICES:
        if Service(name, port, variable).stop():
            say(f"stopped {name}")
    for file in ("env", "deployed"):
        (LOCAL / file).unlink(missing_ok=True)


def status():
    for name, port, variable in SERVICES:
        service = Service(name, port, variable)
        pid = service.pid()
        print(f"{name:10} {f'http://127.0.0.1:{port}  pid {pid}' if pid else 'not running'}")
    if (LOCAL / "env").exists():
        print((LOCAL / "env").read_text(), end="")


def watch():
    """Serves all functions with the environment that the deployed ones have."""
    environment = {}
    for name in deployed_functions():
        environment.update(function_environment(name))
    environment.pop("MINISTACK_LAMBDA_PROXY_URL", None)
    say(f"when it listens: `{shown(HERE / 'stack.py')} watched on` sends the local AWS's invocations here")
    os.chdir(ROOT)
    os.execvpe(
        "cargo",
        ["cargo", "lambda", "watch", "--invoke-address", loopback(), "--invoke-port", str(WATCH_PORT)]
        + ["--concurrency", "10"],
        tools_environment() | AWS | environment,
    )


def watched(on):
    for name in deployed_functions():
        environment = function_environment(name)
        environment.pop("MINISTACK_LAMBDA_PROXY_URL", None)
        if on:
            address = loopback()
            host = f"[{address}]" if ":" in address else address
            invoke = f"http://{host}:{WATCH_PORT}/2015-03-31/functions/{name}/invocations"
            environment["MINISTACK_LAMBDA_PROXY_URL"] = invoke
        variables = json.dumps({"Variables": environment})
        aws("lambda", "update-function-configuration", "--function-name", f"{STACK}-{name}", "--environment", variables)
    say(f"the local AWS invokes {'the watched' if on else 'its own'} functions")


def logs():
    for event in json.loads(aws("logs", "filter-log-events", "--log-group-name", f"/aws/lambda/{STACK}"))["events"]:
        # A stream's name is such as 2026/11/24/openrouter-steps-runs[$LATEST]0123456789abcdef
        name = event["logStreamName"].split("/")[-1].split("[")[0].removeprefix(f"{STACK}-")
        print(f"{name}: {event['message'].rstrip()}")


# ---- The steps of `up`


def install_tools():
    """Puts the tools of requirements.txt into .local/venv."""
    install(VENV, HERE / "requirements.txt")


def install(venv, requirements, *options):
    """Puts what the requirements name into a venv, once for each version of that file. Pip gets the options."""
    stamp = venv / "installed"
    wanted = digest([requirements])
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or later is needed; this is {platform.python_version()}")
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        sys.exit("Python's venv module is missing: install it (Debian and Ubuntu: apt-get install python3-venv)")
    say(f"installing what {shown(requirements)} names into {shown(venv)}")
    run([sys.executable, "-m", "venv", venv])
    pip = [venv / "bin" / "pip", "install", "--no-color", "--progress-bar", "off", "--disable-pip-version-check"]
    run_shown([*pip, *options, "-r", requirements], r"\s*(Downloading|Using cached|Installing) ", "packages")
    stamp.write_text(wanted)


def upstream():
    """The base URL of the user's own OpenRouter, or None for the stand-in."""
    base_url = os.environ.get("OPENROUTER_BASE_URL")
    if not base_url or not os.environ.get("OPENROUTER_API_KEY"):
        return None
    # An env file that was sourced names the stand-in: the user has not chosen it.
    return None if base_url.startswith(os.environ.get("STAND_IN_URL") or STAND_IN) else base_url.rstrip("/")


def build_functions():
    say("building functions")
    bins = [word for name in FUNCTIONS for word in ("--bin", name)]
    where = ["--lambda-dir", ROOT / "target" / "lambda"]
    build = ["cargo", "lambda", "build", "--compiler", "cargo", "--profile", "local", *where, *bins]
    run_shown(build, r"\s*Compiling ", "crates compiled")


def start_stand_in():
    run_shown(["cargo", "build", "--package", "openrouter-stand-in"], r"\s*Compiling ", "crates compiled")
    program = TARGET / "debug" / "openrouter-stand-in"
    service = Service("stand-in", STAND_IN_PORT, "STAND_IN_PORT")
    command = [program, "--port", str(STAND_IN_PORT), "--record", CHAT_REQUESTS]
    service.start(command, env=dict(os.environ), version=digest([program]))
    service.wait_until(lambda: listens(STAND_IN_PORT))


def gateway_environment():
    """The environment that functions inherit. Of the user's own it has only what a process needs."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    scratch = LOCAL / "local-aws"
    scratch.mkdir(parents=True, exist_ok=True)
    return environment | {
        "GATEWAY_PORT": str(GATEWAY_PORT),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "localhost",
        "MINISTACK_REGION": REGION,
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(scratch),
        "S3_DATA_DIR": str(scratch / "s3"),
        # Handed on to the functions, whose SDKs then call this local AWS.
        "AWS_ENDPOINT_URL": GATEWAY,
    }


def deploy(base_url, fresh):
    """Packages and deploys the same template that goes to AWS, unless it and the code are deployed already."""
    overrides = [
        f"Architecture={'arm64' if platform.machine() in ('aarch64', 'arm64') else 'x86_64'}",
        f"OpenRouterBaseUrl={base_url}",
        "LocalCallbacks=true",
        # What tests call: pages of theirs on this machine, and a function that they make.
        "HttpHosts=localhost",
        f"NodeFunctions=arn:aws:lambda:{REGION}:000000000000:function:called-by-nodes",
        # So few that every longer run of the tests is handed over.
        "HandOverAfter=300",
        f"LogLevel={os.environ.get('LOG_LEVEL', 'INFO')}",
    ]
    if base_url.startswith(STAND_IN):
        overrides.append(f"ManagementKeySecretArn={management_key_secret()}")
    code = [ROOT / "target" / "lambda" / name / "bootstrap" for name in FUNCTIONS]
    wanted = digest([TEMPLATE, TEMPLATE.with_name("run-workflow.asl.yaml"), *code], *overrides)
    stamp = LOCAL / "deployed"
    if fresh:
        stamp.unlink(missing_ok=True)
    elif stamp.exists() and stamp.read_text() == wanted:
        say("nothing to deploy")
        return
    say("deploying")
    artifacts = f"{STACK}-artifacts"
    packaged = LOCAL / "packaged.yaml"
    aws("s3", "mb", f"s3://{artifacts}")
    aws(
        *("cloudformation", "package", "--template-file", TEMPLATE, "--output-template-file", packaged),
        *("--s3-bucket", artifacts),
    )
    with Progress(lambda: f"{deployed_resources()} resources"):
        aws(
            *("cloudformation", "deploy", "--template-file", packaged, "--stack-name", STACK),
            *("--s3-bucket", artifacts, "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--no-fail-on-empty-changeset"),
            *("--parameter-overrides", *overrides),
        )
    stamp.write_text(wanted)


def deployed_resources():
    """How many of the stack's resources are deployed by now."""
    asked = urllib.parse.urlencode({"Action": "DescribeStackResources", "StackName": STACK, "Version": "2010-05-15"})
    scope = f"Credential={AWS['AWS_ACCESS_KEY_ID']}/20260101/{REGION}/cloudformation/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none"}
    try:
        with urllib.request.urlopen(urllib.request.Request(GATEWAY, asked.encode(), headers), timeout=2) as answer:
            return answer.read().count(b"_COMPLETE</ResourceStatus>")
    except OSError:
        return 0


def management_key_secret():
    """The ARN of a secret with a management key of the stand-in, so that keys are rotated here too."""
    name = f"{STACK}-management-key"
    known = json.loads(aws("secretsmanager", "list-secrets", "--filters", f"Key=name,Values={name}"))["SecretList"]
    if known:
        return known[0]["ARN"]
    key = "sk-or-v1-management-of-the-stand-in"
    return json.loads(aws("secretsmanager", "create-secret", "--name", name, "--secret-string", key))["ARN"]


def write_env(base_url):
    outputs = stack_outputs()
    api_id = outputs["ApiUrl"].split("//")[1].split(".")[0]
    variables = AWS | {
        # In this form of the address no host name has to be resolved for the API.
        "API_URL": f"{GATEWAY}/_aws/execute-api/{api_id}/$default",
        "API_TOKEN": secret_text(outputs["ApiTokenSecretArn"]),
        "CALLBACK_SECRET": secret_text(outputs["CallbackSecretArn"]),
        "OPENROUTER_BASE_URL": base_url,
        "STACK_NAME": STACK,
        "TABLE_NAME": outputs["TableName"],
        "BUCKET_NAME": outputs["BucketName"],
        "STATE_MACHINE_ARN": outputs["StateMachineArn"],
    }
    if base_url.startswith(STAND_IN):
        variables["STAND_IN_URL"] = STAND_IN
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    # The tools of the venv, cargo-lambda and the AWS CLI among them.
    lines.append(f'export PATH={shlex.quote(str(VENV / "bin"))}:"$PATH"\n')
    (LOCAL / "env").write_text("".join(lines))


# ---- Processes that outlive this one


SERVICES = [("local-aws", GATEWAY_PORT, "GATEWAY_PORT"), ("stand-in", STAND_IN_PORT, "STAND_IN_PORT")]


class Service:
    """A background process, known by its pid and the moment it started: a pid alone may by now be another's."""

    def __init__(self, name, port, variable):
        self.name, self.port, self.variable = name, port, variable
        self.file = LOCAL / f"{name}.pid"

    def record(self):
        """What the pid file says, if the process that it names still runs."""
        try:
            record = json.loads(self.file.read_text())
        except (OSError, ValueError):
            return None
        return record if record["started"] and started(record["pid"]) == record["started"] else None

    def pid(self):
        record = self.record()
        return record and record["pid"]

    def start(self, command, env, version):
        """Starts it unless this version of it runs already. True if it was started."""
        record = self.record()
        if record and record["version"] == version:
            return False
        self.stop()
        if listens(self.port):
            sys.exit(f"port {self.port} is taken by another program: set {self.variable} to a free one")
        with open(LOGS / f"{self.name}.log", "wb") as log:
            process = subprocess.Popen(
                [str(word) for word in command],
                cwd=LOCAL,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        record = {"pid": process.pid, "started": started(process.pid), "version": version}
        self.file.write_text(json.dumps(record))
        say(f"started {self.name} on http://127.0.0.1:{self.port}")
        return True

    def wait_until(self, ready, seconds=60):
        deadline = time.monotonic() + seconds
        while not ready():
            if self.pid() is None:
                sys.exit(f"{self.name} ended:\n{(LOGS / f'{self.name}.log').read_text()[-2000:]}")
            if time.monotonic() > deadline:
                sys.exit(f"{self.name} is not ready after {seconds} seconds: see {LOGS / f'{self.name}.log'}")
            time.sleep(0.1)

    def stop(self):
        """Stops it and its children: it asks first, and kills what does not end. True if it ran."""
        pid = self.pid()
        if pid is None:
            self.file.unlink(missing_ok=True)
            return False
        for sign, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
            try:
                os.killpg(pid, sign)
            except ProcessLookupError:
                break
            deadline = time.monotonic() + patience
            while self.pid() and time.monotonic() < deadline:
                time.sleep(0.05)
            if not self.pid():
                break
        self.file.unlink(missing_ok=True)
        return True


def started(pid):
    """When a process started, or None once it has ended."""
    ps = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True)
    state, _, moment = ps.stdout.strip().partition(" ")
    return None if not moment or state.startswith("Z") else moment.strip()


def loopback():
    """Where `cargo lambda invoke` looks by default, ::1, as far as this machine has it."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return "::1"
    except OSError:
        return "127.0.0.1"


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return response.status == 200
    except OSError:
        return False


# ---- Small things


def tools_environment():
    """This environment, with the tools of the venv first."""
    return os.environ | {"PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def run(command):
    done = subprocess.run([str(word) for word in command], cwd=ROOT, env=tools_environment())
    if done.returncode:
        sys.exit(done.returncode)


def run_shown(command, counts, noun):
    """Runs a command that may take minutes, and says meanwhile how far it is: how many of its lines match `counts`. What it
    has written is shown where it fails."""
    words = [str(word) for word in command]
    done = subprocess.Popen(
        words, cwd=ROOT, env=tools_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    written = []
    reading = threading.Thread(target=lambda: written.extend(done.stdout), daemon=True)
    reading.start()

    def far():
        return f"{sum(1 for line in list(written) if re.match(counts, line))} {noun}"

    with Progress(far):
        done.wait()
        reading.join()
    if done.returncode:
        sys.stdout.write("".join(written))
        sys.exit(done.returncode)


class Progress:
    """Says, while its block goes on, how far that is: each second in place on a terminal, else every 15 seconds on a line."""

    def __init__(self, far):
        self.far, self.over = far, threading.Event()
        self.in_place = sys.stdout.isatty()
        self.began = time.monotonic()

    def __enter__(self):
        self.thread = threading.Thread(target=self.say, daemon=True)
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        if self.in_place:
            sys.stdout.write("\r\033[K")
            sys.stdout.flush()

    def say(self):
        while not self.over.wait(1 if self.in_place else 15):
            text = f"  {self.far()}, {time.monotonic() - self.began:.0f} s"
            sys.stdout.write(f"\r{text}\033[K" if self.in_place else f"{text}\n")
            sys.stdout.flush()


def aws(*words):
    """Runs the AWS CLI against the local AWS; gives back what it prints."""
    environment = {name: value for name, value in tools_environment().items() if not name.startswith("AWS_")}
    environment |= AWS | {"AWS_PAGER": "", "AWS_DEFAULT_OUTPUT": "json"}
    command = [str(VENV / "bin" / "aws"), *(str(word) for word in words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"aws {' '.join(command[1:4])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def stack_outputs():
    stack = json.loads(aws("cloudformation", "describe-stacks", "--stack-name", STACK))["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def secret_text(arn):
    return json.loads(aws("secretsmanager", "get-secret-value", "--secret-id", arn))["SecretString"]


def deployed_functions():
    """What is not configured is not deployed: rotate-key without a management key."""
    functions = json.loads(aws("lambda", "list-functions"))["Functions"]
    names = {function["FunctionName"] for function in functions}
    return [name for name in FUNCTIONS if f"{STACK}-{name}" in names]


def function_environment(name):
    configuration = json.loads(aws("lambda", "get-function-configuration", "--function-name", f"{STACK}-{name}"))
    return configuration.get("Environment", {}).get("Variables", {})


def digest(files, *texts):
    hasher = hashlib.sha256("\n".join(texts).encode())
    for file in files:
        hasher.update(file.read_bytes())
    return hasher.hexdigest()


def shown(path):
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def say(text):
    print(f"* {text}", flush=True)


if __name__ == "__main__":
    main()
