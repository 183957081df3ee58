"""The whole product as processes on one machine: what the demo, stories, bench and chaos run in.

    with running_product(Options(port=8000)) as product:
        product.command("stories", "--address", product.address)

With DATABASE_URL (or DATABASE_BOOTSTRAP_URL), a superuser's URL, and REDIS_URL it uses those
servers; otherwise it starts the embedded ones. Needs no Django itself.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg

from inventory_control.core.errors import DomainError
from inventory_control.core.postgresql.bootstrap import bootstrap
from inventory_control.demo.people import simulator_secret
from inventory_control.demo.places import Folder, Secrets, open_folder, secrets_of
from inventory_control.demo.processes import (
    CHECKOUT,
    Process,
    ProcessEndedError,
    end_left_overs,
    stop_all,
)
from inventory_control.embedded import EmbeddedStack, default_data_dir
from inventory_control.embedded.processes import remember

URL_NAMES = {
    "app": ("DATABASE_URL", "ic_app"),
    "ai": ("DATABASE_AI_URL", "ic_ai"),
    "sealer": ("DATABASE_SEALER_URL", "ic_sealer"),
    "owner": ("DATABASE_OWNER_URL", "ic_provisioner"),
}
UPGRADE = ("migrate_schemas", "-v0")
"""Brings the shared tables and those of each tenant to this release, with the owner's login."""
SETUP = "setup"
"""The environment of set-up commands: the application's login and the provisioner's."""
BARE = "bare"
"""The environment of processes that know no server."""
READY_S = 60.0
HOST = "127.0.0.1"
TOLD_AT = 7
"""The hour (UTC) at which the simulated systems tell what happened since the day before."""
STEPS_BACK = 19
"""How far the stages step back (`nice`) where a till waits for the same cores; half as far those a
shop waits for.
"""
WORKERS = {"TENANTS_PER_SESSION": "30"}
"""What workers are told beside: they do much for a tenant before they turn to the next, so a new session
costs them little. The web turns to another with every request.
"""
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "VIRTUAL_ENV")

Say = Callable[[str], None]


class PortInUseError(DomainError):
    """The port of the web server is taken."""

    code = "port_in_use"
    status = 409


class CommandFailedError(DomainError):
    """A management command of the set-up ended with an error."""

    code = "command_failed"
    status = 503


class SettingsMissingError(DomainError):
    """The environment names one server but not the other."""

    code = "settings_missing"


@dataclass(frozen=True, slots=True)
class Options:
    """How to run the product; with `simulator_host` simulated systems tell that tenant's webhook.

    One web process a core: the threads of a process post single events together, and while one
    process waits for PostgreSQL, or draws a page, another answers tills.
    """

    port: int = 8000
    simulator_port: int = 0
    simulator_host: str = ""
    data_dir: Path | None = None
    web_workers: int = os.cpu_count() or 1
    web_threads: int = 8
    stage_workers: int = 1


@dataclass(frozen=True, slots=True)
class Servers:
    """The two servers, embedded or not."""

    database_url: str = field(repr=False)
    redis_url: str
    broker_url: str
    stack: EmbeddedStack | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A running product: where it answers, and what each of its commands needs to know."""

    address: str
    simulator: str
    environments: Mapping[str, Mapping[str, str]] = field(repr=False)
    folder: Folder
    servers: Servers
    processes: Mapping[str, Process]

    def command(self, *arguments: str, login: str = "app", say: Say | None = None) -> str:
        """Run a management command under a login and return what it printed.

        With `say`, each line is passed on as it comes. Raises `CommandFailedError` with the end
        of what it said.
        """
        return run_command(arguments, self.environments[login], say=say)

    def check(self) -> None:
        """Raise when a server or process ended by itself."""
        if self.servers.stack is not None:
            self.servers.stack.check()
        for process in self.processes.values():
            process.check()


@contextlib.contextmanager
def running_product(
    options: Options,
    *,
    set_up: Callable[[Product], None] = lambda _product: None,
    say: Say = lambda _text: None,
) -> Iterator[Product]:
    """Start servers and processes, hand over the product, end everything on the way out.

    Tables that an earlier release made are brought to this one before anything reads them. `set_up`
    runs while the processes load, once the tables are there. Raises `PortInUseError` before anything
    starts, and `DomainError`s whose text says what to do.
    """
    end_left_overs(product_folder(options))
    refuse_taken_port(options.port)
    with contextlib.ExitStack() as undo:
        servers = _servers(options, undo, say)
        folder = open_folder(product_folder(options))
        remember(folder.record("launcher"), os.getpid())
        undo.callback(folder.record("launcher").unlink, missing_ok=True)
        kept = secrets_of(folder)
        environments = environments_of(servers, kept, folder)
        say("Preparing the database.")
        bootstrap(servers.database_url, kept.passwords)
        processes = _processes(options, environments, folder, kept)
        undo.callback(stop_all, list(processes.values()))
        run_command(UPGRADE, environments["owner"])
        say("Starting the web server and the workers.")
        for process in processes.values():
            process.start()
        product = Product(
            address=f"http://{HOST}:{options.port}",
            simulator=f"http://{HOST}:{options.simulator_port}" if options.simulator_host else "",
            environments=environments,
            folder=folder,
            servers=servers,
            processes=processes,
        )
        set_up(product)
        _wait_until_ready(product, options.port)
        yield product


def refuse_taken_port(port: int) -> None:
    """Raise `PortInUseError` when something listens at the port already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise PortInUseError(
                f"Port {port} is in use. Stop what listens there, or name another one: "
                "`--port 8010`, or `make demo PORT=8010`.",
                field="port",
            ) from error


def free_port() -> int:
    """A port that nothing listens at right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def data_dir_of(options: Options) -> Path:
    """The folder of the embedded servers."""
    return options.data_dir or default_data_dir(CHECKOUT)


def product_folder(options: Options) -> Path:
    """Where secrets, logs and exports lie: inside the embedded servers' folder, or beside it."""
    folder = data_dir_of(options)
    if has_own_servers(os.environ):
        return folder.with_name(f"{folder.name}-own-servers")
    return folder / "product"


def has_own_servers(environment: Mapping[str, str]) -> bool:
    """Whether the environment names servers to use instead of the embedded ones."""
    return bool(_superuser_url(environment))


def run_command(
    arguments: tuple[str, ...], environment: Mapping[str, str], *, say: Say | None = None
) -> str:
    """Run `manage.py` with an environment; see `Product.command`."""
    with subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if say is None else None,
        text=True,
    ) as running:
        lines = []
        for line in running.stdout or ():
            lines.append(line)
            if say is not None:
                say(line.rstrip("\n"))
    if running.returncode:
        tail = "".join(lines[-15:]).rstrip()
        raise CommandFailedError(
            f"`manage.py {arguments[0]}` ended with status {running.returncode}:\n{tail}"
        )
    return "".join(lines)


def environments_of(servers: Servers, kept: Secrets, folder: Folder) -> dict[str, dict[str, str]]:
    """One environment per login; each knows the URL of its own login only.

    `setup` also knows the provisioner's, for the commands that make tenants.
    """
    shared = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {
        "DJANGO_SETTINGS_MODULE": "inventory_control.settings.local",
        "PYTHONUNBUFFERED": "1",
        "SECRET_KEY": kept.secret_key,
        "REDIS_URL": servers.redis_url,
        "BROKER_URL": servers.broker_url,
        "PROMETHEUS_MULTIPROC_DIR": str(folder.metrics),
    }
    extra = {
        "app": {"CREDENTIALS_KEYS": kept.credentials_key, "OUTBOUND_ALLOWED_HOSTS": HOST},
        "sealer": {
            "AUDIT_SIGNING_KEY": kept.audit_signing_key,
            "AUDIT_HEADS_DIR": str(folder.heads),
        },
    }
    urls = {
        login: {name: login_url(servers.database_url, role, kept.passwords[role])}
        for login, (name, role) in URL_NAMES.items()
    }
    environments = {
        login: {**shared, **extra.get(login, {}), **urls[login], "IC_LOGIN": login}
        for login in URL_NAMES
    }
    environments[SETUP] = {**environments["app"], **urls["owner"]}
    environments[BARE] = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return environments


def web_command(options: Options) -> list[str]:
    """How the web server is started."""
    return [
        str(Path(sys.executable).parent / "granian"),
        "--interface=wsgi",
        f"--host={HOST}",
        f"--port={options.port}",
        f"--workers={options.web_workers}",
        f"--blocking-threads={options.web_threads}",
        "--backlog=512",
        "--no-ws",
        "inventory_control.wsgi:application",
    ]


def login_url(superuser_url: str, role: str, password: str) -> str:
    """The same server and database for another login."""
    parts = psycopg.conninfo.conninfo_to_dict(superuser_url)
    database = quote(str(parts.pop("dbname", "postgres")), safe="")
    for name in ("user", "password"):
        parts.pop(name, None)
    query = urlencode({name: str(value) for name, value in parts.items()}, safe="/")
    return f"postgresql://{role}:{quote(password, safe='')}@/{database}?{query}"


def _servers(options: Options, undo: contextlib.ExitStack, say: Say) -> Servers:
    superuser_url = _superuser_url(os.environ)
    if not superuser_url:
        say("Starting PostgreSQL and Valkey.")
        stack = EmbeddedStack(data_dir_of(options))
        undo.callback(stack.stop)
        endpoints = stack.start()
        return Servers(
            endpoints.database_url,
            endpoints.redis_url,
            endpoints.broker_url,
            stack,
        )
    redis_url = os.environ.get("REDIS_URL", "")
    if not redis_url:
        raise SettingsMissingError(
            "DATABASE_URL is set but REDIS_URL is not. Set both to use your own servers, or "
            "neither to use the embedded ones.",
            field="REDIS_URL",
        )
    return Servers(
        superuser_url,
        redis_url,
        os.environ.get("BROKER_URL") or _broker_url(redis_url),
    )


def _superuser_url(environment: Mapping[str, str]) -> str:
    return environment.get("DATABASE_BOOTSTRAP_URL") or environment.get("DATABASE_URL") or ""


def _broker_url(redis_url: str) -> str:
    """The broker's spelling of a Redis URL: only the one of a unix socket differs."""
    if not redis_url.startswith("unix://"):
        return redis_url
    path = redis_url.removeprefix("unix://").partition("?")[0]
    return f"redis+socket://{path}?virtual_host=0"


def _processes(
    options: Options,
    environments: Mapping[str, Mapping[str, str]],
    folder: Folder,
    kept: Secrets,
) -> dict[str, Process]:
    programs = Path(sys.executable).parent
    worker = [
        str(programs / "celery"),
        "--app=inventory_control.celery",
        "worker",
        "--pool=solo",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
        "--loglevel=WARNING",
    ]
    rings = ["--beat", f"--schedule={folder.schedule}"]
    commands: dict[str, tuple[list[str], str]] = {"web": (web_command(options), "app")}
    for number in range(1, options.stage_workers + 1):
        name = f"stages-{number}"
        beat = rings if number == 1 else []
        stages = [*worker, "--queues=stages", f"--hostname={name}@demo", *beat]
        commands[name] = (["nice", f"-n{STEPS_BACK}", *stages], "app")
    prompt = [*worker, "--queues=prompt", "--hostname=prompt@demo"]
    commands["prompt"] = (["nice", f"-n{STEPS_BACK // 2}", *prompt], "app")
    commands["advice"] = ([*worker, "--queues=advice", "--hostname=advice@demo"], "ai")
    commands["audit"] = ([*worker, "--queues=audit", "--hostname=audit@demo"], "sealer")
    if options.simulator_host:
        simulators = [
            sys.executable,
            "-m",
            "connectors.simulators",
            f"--port={options.simulator_port}",
            f"--webhook=http://{HOST}:{options.port}/api/v1/webhooks/erp",
            f"--host={options.simulator_host}",
            f"--secret={simulator_secret(kept.secret_key)}",
            f"--told-at={TOLD_AT}",
            f"--memory={folder.root / options.simulator_host}.world",
        ]
        commands["simulators"] = (simulators, BARE)
    return {
        name: Process(
            name,
            arguments,
            environment={**environments[login], **({} if name == "web" else WORKERS)},
            folder=folder,
        )
        for name, (arguments, login) in commands.items()
    }


def _wait_until_ready(product: Product, port: int) -> None:
    """Wait until the web server answers; raises when it, or anything else, ends meanwhile."""
    patience = time.monotonic() + READY_S
    while not _answers(port):
        product.check()
        if time.monotonic() > patience:
            raise ProcessEndedError(
                f"The web server did not answer within {READY_S:.0f} s. The end of its log:\n"
                f"{product.processes['web'].log_tail()}"
            )
        time.sleep(0.1)


def _answers(port: int) -> bool:
    """Whether the product says it is ready."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10.0)
    try:
        connection.request("GET", "/ready", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
