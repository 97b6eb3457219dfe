"""Visit the stack's hub as a person does: ``visit_hub.py NAME RUN``, password on standard input.

`deploy/podman-demo.sh` runs this in the hub's container, beside the browser of tests/hub. Ends with
an error unless a wrong password is refused, the right one let in, a server started, and a kernel
in it computes on the workers and opens the run.
"""

from __future__ import annotations

import sys

from hub_client import Browser

URL = "http://127.0.0.1:8000"

IN_THE_KERNEL = """
import os, pwd
import halocast
from distributed import Client

print("the kernel runs as", pwd.getpwuid(os.getuid()).pw_name)
with Client(os.environ["DASK_SCHEDULER_ADDRESS"]) as client:
    total = client.submit(sum, range(101)).result()
    print("its cluster has", len(client.scheduler_info()["workers"]), "workers and answers", total)
ssh = halocast.open_run({run!r})["analysis/mean"]["ssh"]
print("the run has", ssh.sizes["cycle"], "cycles, the last of mean height",
      f"{{float(ssh.isel(cycle=-1).mean()):.4f}} m")
"""


def visit(name: str, password: str, run: str) -> None:
    """Log in, start a server, compute, look at a run."""
    answer = Browser(URL).log_in(name, password + "?")
    if answer.status_code != 403:
        raise SystemExit(f"a wrong password was answered with {answer.status_code}")
    print("a wrong password is refused")
    browser = Browser(URL)
    answer = browser.log_in(name, password)
    if answer.status_code != 302:
        raise SystemExit(f"the right password was answered with {answer.status_code}")
    print("the right one is let in")
    browser.start_server()
    try:
        print(browser.run(IN_THE_KERNEL.format(run=run)), end="")
    finally:
        browser.stop_server()


if __name__ == "__main__":
    visit(sys.argv[1], sys.stdin.readline().strip(), sys.argv[2])
