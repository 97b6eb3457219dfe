"""Accounts of the hub's people: made from a file of hashes, kept apart, never taken over."""

from __future__ import annotations

import pwd
import subprocess

import pytest


def _shadow(name):
    done = subprocess.run(["getent", "shadow", name], capture_output=True, text=True, check=True)
    return done.stdout.split(":")[1]


def test_the_hub_may_become_its_people_only_and_never_root(machine):
    machine_user = machine.as_hub(["id", "-u"])
    assert int(machine_user.stdout) != 0
    for command in (["id"], ["sh", "-c", "id"], ["-u", machine.name("alice"), "id"]):
        assert machine.as_hub(["sudo", "-n", *command]).returncode != 0
    mediator = str(machine.bin / "sudospawner")
    assert machine.as_hub(["sudo", "-n", "-u", "root", mediator]).returncode != 0
    assert machine.as_hub(["sudo", "-n", "-u", "nobody", mediator]).returncode != 0
    # what it may do: the mediator as alice, which says what it misses on its input
    asked = machine.as_hub(["sudo", "-n", "-u", machine.name("alice"), mediator])
    assert "Expected JSON" in asked.stderr


def test_homes_and_the_hubs_state_are_closed(machine):
    for person in ("alice", "bob"):
        home = machine.homes / machine.name(person)
        assert home.stat().st_mode & 0o777 == 0o700
        assert home.stat().st_uid == pwd.getpwnam(machine.name(person)).pw_uid
    assert machine.state.stat().st_mode & 0o777 == 0o700
    alice, bob = (pwd.getpwnam(machine.name(p)).pw_uid for p in ("alice", "bob"))
    assert alice != bob


def test_the_accounts_helper_takes_no_other_arguments(machine):
    helper = f"/usr/local/lib/{machine.service}/accounts.sh"
    assert machine.as_hub(["sudo", "-n", helper, "/etc/passwd", "root", "/"]).returncode != 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("daemon:$6$abc$def", "is not the hub's"),
        ("root:$6$abc$def", "is not the hub's"),
        ("../evil:$6$abc$def", "is no name"),
        ("carol:plain text", "no password hash"),
        ("carol:$6$abc$def:0", "more than a name and a hash"),
    ],
)
def test_lines_that_would_take_over_or_open_an_account_are_refused(machine, line, said):
    before, known = machine.accounts.read_text(), _shadow("daemon")
    try:
        machine.accounts.write_text(line + "\n")
        done = machine.apply_accounts()
        assert done.returncode != 0
        assert said in done.stderr
        assert _shadow("daemon") == known
    finally:
        machine.accounts.write_text(before)
        assert machine.apply_accounts().returncode == 0


def test_who_is_no_longer_in_the_file_is_locked_and_can_come_back(machine):
    name, before = machine.name("bob"), machine.accounts.read_text()
    kept = "".join(line + "\n" for line in before.splitlines() if not line.startswith(name))
    machine.accounts.write_text(kept)
    assert machine.apply_accounts().returncode == 0
    assert _shadow(name).startswith("!")
    machine.accounts.write_text(before)
    assert machine.apply_accounts().returncode == 0
    assert _shadow(name).startswith("$6$")


def test_a_new_container_gives_a_home_back_to_its_owner(machine):
    name = machine.name("bob")
    number = pwd.getpwnam(name).pw_uid
    subprocess.run(["userdel", name], check=True, capture_output=True)
    assert machine.apply_accounts().returncode == 0
    account = pwd.getpwnam(name)
    assert account.pw_uid == number
    assert (machine.homes / name).stat().st_uid == number
