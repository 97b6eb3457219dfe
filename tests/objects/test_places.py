"""What every place promises, on a disk, in memory and in an object store."""

from __future__ import annotations

import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from halocast.errors import StoreError
from halocast.stores.place import Place
from halocast.stores.places import locate, require_local

SCHEMES = ("path", "file", "memory", "s3")


@pytest.fixture(params=SCHEMES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place of each kind."""
    urls = {
        "path": str(tmp_path / "p"),
        "file": f"file://{tmp_path}/f",
        "memory": f"memory://{tmp_path.name}/m",
    }
    found = locate(urls.get(request.param) or request.getfixturevalue("s3"))
    found.make_folder()
    return found


def test_bytes_come_back(place):
    place.write("a", b"one", b"two", durable=True)
    place.write("b", b"")
    assert (place.read("a"), place.read("b")) == (b"onetwo", b"")
    assert (place.size("a"), place.size("b"), place.size("c")) == (6, 0, None)
    assert place.exists("a")
    assert not place.exists("c")
    assert place.names() == ["a", "b"]
    place.write("a", b"three")
    assert place.read("a") == b"three"
    with pytest.raises(FileNotFoundError):
        place.read("c")
    place.flush()


def test_large_files_come_back(place):
    data = os.urandom(1 << 16) * 400  # 26 MB: several parts
    place.write("large", data)
    assert place.read("large") == data
    assert place.size("large") == len(data)


def test_folders(place):
    below = place / "x" / "y"
    below.make_folder()
    below.write("deep", b"1")
    place.write("flat", b"2")
    assert place.names() == ["flat", "x"]
    assert (place / "x").names() == ["y"]
    assert place.read("x/y/deep") == b"1"
    (place / "x").remove_all()
    assert place.names() == ["flat"]
    place.remove("flat")
    place.remove("flat")
    assert place.names() == []
    assert (place / "nowhere").names() == []
    (place / "nowhere").remove_all()


def test_one_of_many_makes_a_file(place):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda i: place.create("record", b"%d" % i), range(24)))
    assert sum(made) == 1
    assert place.read("record") == b"%d" % made.index(True)
    assert place.names() == ["record"]
    assert not place.create("record", b"another")


def test_versions_and_ages(place):
    place.write("a", b"one")
    first = place.version("a")
    assert place.version("a") == first
    assert 0 <= place.age("a") < 5
    time.sleep(1.1)
    assert place.age("a") >= 1
    place.touch("a")
    assert place.version("a") != first
    assert place.age("a") < 1
    assert place.read("a") == b"one"
    place.write("a", b"two")
    assert place.names() == ["a"]
    with pytest.raises(FileNotFoundError):
        place.version("b")


def test_places_travel_by_name(place):
    place.write("a", b"1")
    other = pickle.loads(pickle.dumps(place))
    assert other == place == locate(str(place)) == locate(place)
    assert other.read("a") == b"1"
    assert hash(other) == hash(place)
    assert other != place / "a"
    assert (place / "sub").name == "sub"


def test_names_of_places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(locate("runs/a")) == str(tmp_path / "runs/a") == str(locate(tmp_path / "runs/a"))
    assert locate(f"file://{tmp_path}/with%20space") == locate(tmp_path / "with space")
    assert str(locate("memory://x//a/b/")) == "memory://x/a/b"
    assert str(locate("memory://x")) == "memory://x"
    assert require_local("runs") == tmp_path / "runs"
    with pytest.raises(StoreError, match="folder on a disk"):
        require_local("memory://x/y")


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIAKEY:sEcReT@ocean/run",
        "s3://sEcReT@ocean",
        "s3://ocean/run?X-Amz-Signature=sEcReT",
        "s3://ocean/run#sEcReT",
        "S3://AKIAKEY:sEcReT@ocean/run",
        "file://user:sEcReT@host/run",
        "https://user:sEcReT@host/run",
    ],
)
def test_urls_with_credentials_are_refused_and_not_repeated(url):
    with pytest.raises(StoreError, match="credentials") as caught:
        locate(url)
    assert "sEcReT" not in str(caught.value)
    assert "AKIAKEY" not in str(caught.value)


def test_urls_that_mean_nothing_are_refused():
    for url, problem in (
        ("gs://ocean/run", "gs:// is no kind of place"),
        ("https://host/run", "https:// is no kind of place"),
        ("s3:///run", "names no bucket"),
        ("file://run", "no URL of a file"),
        (Path("s3://ocean/run"), "folder on a disk is needed"),
        ("s3:/ocean/run", "folder on a disk is needed"),
    ):
        with pytest.raises(StoreError, match=problem):
            locate(url)


def test_a_disk_without_links_still_makes_a_file_once(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(1, os.strerror(1))

    monkeypatch.setattr(os, "link", refuse)
    place = locate(tmp_path)
    assert place.create("record", b"first")
    assert not place.create("record", b"second")
    assert place.read("record") == b"first"
    assert place.names() == ["record"]
