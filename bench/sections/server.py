"""How many rows a second with a journal on a PostgreSQL server?"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers.ours import RoktExport
from bench.results import Section, Table, target_at_least
from bench.rig import Rig

_METHOD = """\
{rows:,} rows, fast partner, {concurrency} in flight, the journal in PostgreSQL on this machine, which shares its \
cores with the tool and the partner; its own settings as installed, waiting for the disk. *Rows/s* is while sending."""
_FOLDERS = Path("/usr/lib/postgresql")
_PROMISED = 15_000


def ask(rig: Rig) -> Section:
    rows = rig.settings.server_rows
    method = _METHOD.format(rows=rows, concurrency=rig.settings.concurrency)
    section = Section("server", "A journal in PostgreSQL", method)
    programs = max(_FOLDERS.glob("*/bin/initdb"), default=None)
    if programs is None:
        section.remarks.append("not measured: PostgreSQL is missing (apt-get install postgresql)")
        return section
    columns = ("Tool", "Rows/s", "Rows/s, whole command", "CPU s per 1,000", "Peak memory, a process")
    table = Table("Speed", columns, [])
    job = rig.job(rows, "fast")
    found: float | None = None
    with _server(programs.parent, rig.folder) as url:
        for workers in (1, 2):
            peer = RoktExport(workers, journal=url)
            measured = rig.measure(peer, job, section)
            if measured.problem is not None:
                table.rows.append((peer.name, *("not measured",) * 4))
                continue
            found = measured.sending_rate if workers == 2 else found
            table.rows.append(
                (
                    peer.name,
                    f"{measured.sending_rate:,.0f}",
                    f"{measured.rate:,.0f}",
                    f"{measured.cpu_per_thousand:,.3f}",
                    f"{measured.run.peak / 1e6:,.0f} MB",
                )
            )
    section.tables.append(table)
    section.targets.append(target_at_least("PostgreSQL, 2 workers: at least 15,000 rows/s", _PROMISED, found, "/s"))
    return section


@contextmanager
def _server(programs: Path, folder: Path) -> Iterator[str]:
    """Run a server of its own, and yield a URL; it refuses to run as root, so there it runs as `postgres`."""
    place = folder / "postgresql"
    place.mkdir()
    as_other: list[str] = []
    if os.geteuid() == 0:
        folder.chmod(0o755)
        shutil.chown(place, "postgres")
        as_other = ["runuser", "-u", "postgres", "--"]
    run = lambda *words: subprocess.run([*as_other, *words], check=True, capture_output=True, cwd="/")  # noqa: E731
    run(str(programs / "initdb"), "--auth=trust", "--username=bench", "-D", str(place / "data"))
    options = f"-c unix_socket_directories={place} -c listen_addresses="
    control = (str(programs / "pg_ctl"), "-D", str(place / "data"))
    run(*control, "-l", str(place / "log"), "-w", "-o", options, "start")
    try:
        yield f"postgresql://bench@/postgres?host={place}"
    finally:
        run(*control, "-m", "immediate", "stop")
        shutil.rmtree(place, ignore_errors=True)
