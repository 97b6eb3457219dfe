"""The hub alive: who gets in, what a server can do, and what it cannot."""

from __future__ import annotations

import json
import pwd

import pytest
import requests


@pytest.fixture(scope="module")
def alice(served, passwords):
    return _person(served, "alice", passwords["alice"])


@pytest.fixture(scope="module")
def bob(served, passwords):
    return _person(served, "bob", passwords["bob"])


def _person(served, person, password):
    browser = served.machine.browser()
    assert browser.log_in(served.machine.name(person), password).status_code == 302
    browser.start_server()
    return browser


def test_a_wrong_password_is_refused(served, passwords):
    name = served.machine.name("alice")
    for who, password in ((name, "wrong"), (name, ""), (name, passwords["bob"]), ("root", "x")):
        browser = served.machine.browser()
        assert browser.log_in(who, password).status_code == 403
        assert browser.ask("GET", f"/hub/api/users/{name}").status_code == 403
    assert passwords["alice"] not in served.machine.log.read_text()


def test_who_is_not_in_the_group_is_refused_with_the_right_password(served, passwords):
    import subprocess

    machine, name = served.machine, served.machine.name("bob")
    try:
        subprocess.run(["gpasswd", "-d", name, machine.group], check=True, capture_output=True)
        assert machine.browser().log_in(name, passwords["bob"]).status_code == 403
    finally:
        subprocess.run(["usermod", "-aG", machine.group, name], check=True)
    assert machine.browser().log_in(name, passwords["bob"]).status_code == 302


def test_a_server_runs_as_its_person_with_the_lab_and_the_dask_extension(served, alice):
    printed = alice.run("import os; print(os.getuid(), os.getcwd())").split()
    account = pwd.getpwnam(alice.name)
    assert int(printed[0]) == account.pw_uid
    base = f"/user/{alice.name}"
    assert alice.ask("GET", f"{base}/lab").status_code == 200
    assert alice.ask("GET", f"{base}/dask/clusters").status_code == 200
    labextensions = alice.ask("GET", f"{base}/lab").text
    assert "dask-labextension" in labextensions


def test_a_kernel_computes_on_the_scheduler_and_opens_a_run(served, alice):
    code = f"""
import os, halocast
from distributed import Client
with Client(os.environ["DASK_SCHEDULER_ADDRESS"]) as client:
    run = halocast.open_run({str(served.run)!r})
    mean = run["analysis/mean"]["z"].isel(cycle=-1)
    print(client.submit(sum, range(100)).result(), float(mean.mean().compute()))
    print(client.dashboard_link)
"""
    first, link = alice.run(code).splitlines()
    assert first.split()[0] == "4950"
    import halocast

    expected = halocast.open_run(served.run)["analysis/mean"]["z"].isel(cycle=-1).mean()
    assert float(first.split()[1]) == pytest.approx(float(expected), rel=1e-12)
    # the link leads through alice's own server, and only there
    assert link == f"/user/{alice.name}/proxy/127.0.0.1:{served.dashboard_port}/status"
    assert alice.ask("GET", link).status_code == 200
    foreign = f"/user/{alice.name}/proxy/192.0.2.1:{served.dashboard_port}/status"
    assert alice.ask("GET", foreign).status_code == 403


def test_nobody_opens_the_server_of_another(served, alice, bob):
    base = f"/user/{alice.name}"
    for method, path in (
        ("GET", "/api/contents"), ("GET", "/api/kernels"), ("POST", "/api/kernels"),
        ("GET", "/files/.bashrc"), ("GET", "/lab"), ("POST", "/api/terminals"),
    ):  # fmt: skip
        answer = bob.ask(method, base + path, allow_redirects=True)
        assert answer.status_code in (403, 404), (path, answer.status_code)
        assert requests.request(method, served.machine.url + base + path, timeout=30,
                                allow_redirects=False).status_code in (302, 403)  # fmt: skip
    assert bob.ask("DELETE", f"/hub/api/users/{alice.name}/server").status_code in (403, 404)
    assert bob.ask("GET", f"/hub/api/users/{alice.name}").status_code in (403, 404)
    # nor past the proxy, at the server's own port
    port = int(alice.run("import os; print(os.environ['JUPYTERHUB_SERVICE_URL'])")
               .strip().rstrip("/").split(":")[2].split("/")[0])  # fmt: skip
    token = bob.run("import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").strip()
    direct = requests.get(
        f"http://127.0.0.1:{port}{base}/api/contents",
        headers={"Authorization": f"token {token}"}, timeout=30, allow_redirects=False,
    )  # fmt: skip
    assert direct.status_code == 403


def test_nobody_reads_the_files_or_the_environment_of_another(served, alice, bob):
    alice.run("from pathlib import Path; (Path.home() / 'secret.txt').write_text('tide')")
    process = alice.run("import os; print(os.getppid())").strip()
    forbidden = [
        str(served.machine.homes / alice.name / "secret.txt"),
        f"/proc/{process}/environ",
        str(served.machine.state / "jupyterhub.sqlite"),
        str(served.machine.state / "cookie_secret"),
        str(served.machine.accounts),
        "/etc/shadow",
    ]
    code = f"""
import json, subprocess
seen = {{}}
for path in {forbidden!r}:
    try:
        seen[path] = len(open(path, "rb").read())
    except PermissionError:
        seen[path] = "refused"
seen["sudo"] = subprocess.run(["sudo", "-n", "id"], capture_output=True).returncode != 0
print(json.dumps(seen))
"""
    seen = json.loads(bob.run(code))
    assert seen.pop("sudo") is True
    assert set(seen.values()) == {"refused"}, seen
    assert alice.run("print(open('secret.txt').read())").strip() == "tide"


def test_notebooks_are_delivered_once_and_then_belong_to_the_user(served, alice):
    given = sorted(p.name for p in served.machine.notebooks.glob("*.ipynb"))
    assert given
    listed = alice.ask("GET", f"/user/{alice.name}/api/contents/halocast-notebooks").json()
    assert sorted(item["name"] for item in listed["content"]) == given
    assert all(item["writable"] for item in listed["content"])
    alice.run(
        "from pathlib import Path; folder = Path('halocast-notebooks')\n"
        f"(folder / {given[0]!r}).write_text('mine'); (folder / {given[1]!r}).unlink()"
    )
    alice.stop_server()
    alice.start_server()
    code = f"""
from pathlib import Path
folder = Path.home() / "halocast-notebooks"
print((folder / {given[0]!r}).read_text() == "mine", (folder / {given[1]!r}).stat().st_size > 1000)
"""
    assert alice.run(code).split() == ["True", "True"]
