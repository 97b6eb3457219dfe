"""Accounts, rules and a hub on this machine, made by deploy/jupyterhub, then removed."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

import requests
from hub_client import PATIENCE, Browser, free_port
from python_for_others import bin_for

ROOT = Path(__file__).resolve().parents[2]


class HubMachine:
    """Everything under names of its own, in a folder of its own that others may enter.

    Parameters
    ----------
    folder
        An empty folder.
    tag
        A word in every name of an account, group or file outside the folder.
    """

    def __init__(self, folder: Path, tag: str) -> None:
        self.folder, self.group, self.hub = folder, tag, f"{tag}-hub"
        self.service = f"halocast-hub-{tag}"
        self.homes, self.state = folder / "homes", folder / "state"
        self.accounts, self.log = folder / "accounts", folder / "hub.log"
        self.deployed = folder / "jupyterhub"
        self.notebooks = folder / "notebooks"
        self.process: subprocess.Popen | None = None
        self.url = ""
        self.bin = Path()

    # -- accounts ------------------------------------------------------------------------------

    def set_up(self) -> None:
        """Copy the deployment here and have it prepare the machine."""
        self.folder.chmod(0o755)
        self.homes.mkdir()
        shutil.copytree(ROOT / "deploy" / "jupyterhub", self.deployed)
        shutil.copytree(ROOT / "notebooks", self.notebooks)
        subprocess.run(["chmod", "-R", "a+rX", self.deployed, self.notebooks], check=True)
        self._run_set_up("/nowhere")
        self.bin = bin_for(self.hub, self.folder / "lent")
        self._run_set_up(str(self.bin))

    def _run_set_up(self, programs: str) -> None:
        command = [str(self.deployed / "set-up.sh"), programs, str(self.accounts)]
        subprocess.run(command, env=os.environ | self._names, check=True)

    @property
    def _names(self) -> dict[str, str]:
        return {
            "HALOCAST_HUB_USER": self.hub,
            "HALOCAST_HUB_GROUP": self.group,
            "HALOCAST_HUB_PAM": self.service,
            "HALOCAST_HUB_STATE": str(self.state),
            "HALOCAST_HUB_HOMES": str(self.homes),
        }

    def name(self, person: str) -> str:
        return f"{self.group}-{person}"

    def write_accounts(self, passwords: dict[str, str]) -> None:
        """Write the file of people and their hashed passwords."""
        lines = []
        for person, password in passwords.items():
            done = subprocess.run(
                ["openssl", "passwd", "-6", "-stdin"],
                input=password, capture_output=True, text=True, check=True,
            )  # fmt: skip
            lines.append(f"{self.name(person)}:{done.stdout.strip()}\n")
        self.accounts.write_text("# people\n\n" + "".join(lines))
        self.accounts.chmod(0o600)

    def apply_accounts(self) -> subprocess.CompletedProcess:
        """Have the hub's account bring the people's accounts in line with the file."""
        helper = f"/usr/local/lib/{self.service}/accounts.sh"
        command = [helper, str(self.accounts), self.group, str(self.homes)]
        return self.as_hub(["sudo", "-n", *command])

    def as_hub(self, command: list[str]) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["sudo", "-n", "-u", self.hub, *command], capture_output=True, text=True, check=False
        )

    # -- the hub -------------------------------------------------------------------------------

    def start(self, environment: dict[str, str]) -> None:
        """Start the hub as its own account, and wait until it answers."""
        self.url = f"http://127.0.0.1:{free_port()}"
        account = pwd.getpwnam(self.hub)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self.bin / "jupyterhub", "-f", self.deployed / "jupyterhub_config.py",
                    f"--JupyterHub.hub_bind_url=http://127.0.0.1:{free_port()}",
                    f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{free_port()}",
                ],
                cwd=self.state, stdout=log, stderr=log, start_new_session=True,
                user=account.pw_uid, group=account.pw_gid,
                extra_groups=os.getgrouplist(self.hub, account.pw_gid),
                env=self._names | environment | {
                    "PATH": f"{self.bin}:{os.environ['PATH']}",
                    "HOME": str(self.state),
                    "HALOCAST_HUB_BIND": self.url,
                    "HALOCAST_NOTEBOOKS": str(self.notebooks),
                },
            )  # fmt: skip
        end = time.monotonic() + PATIENCE
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/hub/health", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def browser(self) -> Browser:
        return Browser(self.url)

    # -- the end -------------------------------------------------------------------------------

    def remove(self) -> None:
        """End the hub and everything its people left running, and take every trace away."""
        if self.process is not None:
            self._end_hub(self.process)
        people = [a for a in pwd.getpwall() if a.pw_name.startswith(f"{self.group}-")]
        for account in people:
            _kill_all_of(account.pw_uid)
            # by force: who was killed counts as logged in until somebody reaped it
            subprocess.run(["userdel", "--force", account.pw_name], capture_output=True, check=True)
        if any(g.gr_name == self.group for g in grp.getgrall()):
            subprocess.run(["groupdel", self.group], check=True)
        for trace in (
            Path("/etc/sudoers.d") / self.service,
            Path("/etc/pam.d") / self.service,
        ):
            trace.unlink(missing_ok=True)
        shutil.rmtree(Path("/usr/local/lib") / self.service, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _end_hub(process: subprocess.Popen) -> None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _kill_all_of(uid: int) -> None:
    """Kill the processes of an account that the tests made."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue
