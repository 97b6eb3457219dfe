"""The page as a reader gets it: whole, well-formed, self-contained, whatever the run had."""

import base64
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from halocast.diagnostics.summary import signed_percent
from halocast.errors import RunError
from halocast.report import build_page, write_picture, write_report
from halocast.report.content import flatten
from halocast.sources.rows import FATE_MEANING, Fate
from halocast.stores.open_run import open_run

SECTIONS = (
    "scores", "maps", "history", "observations", "series", "reliability", "health", "chains", "run",
)  # fmt: skip
VOID = {"meta", "img", "br", "link", "hr", "input"}
RUNS = {
    "everything": {},
    "one cycle": {"n_cycles": 1, "truth": False},
    "no free run": {"n_cycles": 1, "free": False},
    "nothing": {"n_cycles": 1, "truth": False, "free": False, "observed": False},
    "plane": {"geographic": False, "truth": False, "kalman": True},
    "chains": {"geographic": False, "truth": False, "chains": True, "arctan": True},
    "heavy tails": {"n_cycles": 1, "geographic": False, "truth": False, "heavy": ("z",)},
}


class Page(HTMLParser):
    """Parses a page, insisting that tags nest and names are used once."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.images, self.sources = [], [], [], [], []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        assert len(named) == len(attributes)
        if "id" in named:
            self.ids.append(named["id"])
        if tag == "a":
            self.links.append(named["href"])
        if tag == "img":
            self.images.append(named)
        self.sources += [named[k] for k in ("src", "href", "data", "action") if k in named]
        assert tag not in ("script", "link", "iframe", "object")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data


@pytest.fixture(scope="module")
def page_of(make_run):
    pages = {}

    def make(name):
        if name not in pages:
            directory = make_run(**RUNS[name])
            pages[name] = build_page(open_run(directory))
        return pages[name]

    return make


@pytest.mark.parametrize("name", RUNS)
def test_is_well_formed_with_every_section(page_of, name):
    page = Page(page_of(name))
    assert len(set(page.ids)) == len(page.ids)
    assert set(SECTIONS) <= set(page.ids)
    assert {f"#{s}" for s in SECTIONS} == set(page.links)
    assert "nan" not in re.sub(r"[A-Za-z-]*nan[A-Za-z-]+|[A-Za-z]+nan", "", page.text).split()
    assert "None" not in page.text


@pytest.mark.parametrize("name", RUNS)
def test_needs_nothing_from_elsewhere(page_of, name):
    text = page_of(name)
    page = Page(text)
    for source in page.sources:
        assert source.startswith(("data:image/", "#"))
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize("name", RUNS)
def test_every_picture_opens_and_is_put_in_words(page_of, name):
    text = page_of(name)
    page = Page(text)
    assert page.images
    assert text.count("<figcaption>") == len(page.images)
    for image in page.images:
        assert len(image["alt"]) > 30
        kind, data = image["src"].split(";base64,")
        data = base64.b64decode(data)
        if kind == "data:image/png":
            assert data.startswith(b"\x89PNG")
        else:
            ElementTree.fromstring(data)


def test_tells_the_whole_story(page_of):
    page = Page(page_of("everything"))
    for words in (
        "Against the truth, assimilation lowers the error of sea-surface height by",
        "sea-surface height [m]",
        "withheld observations",
        "analysis (fit)",
        "2024-01-16 03:00 UTC",
        "10°N–45°N, 60°W–20°W",
        "found / expected",
        "git_commit",
        "0123456789abcdef",
        "block: [2, 2]",
    ):
        assert words in page.text, words
    assert len(page.images) == 9 + len(("patterns", "places")) + len(("ssh", "u", "v", "t"))


def test_counts_every_fate_with_its_meaning(page_of):
    page = Page(page_of("everything"))
    for fate in (Fate.MERGED, Fate.ASSIMILATED, Fate.WITHHELD, Fate.OUTSIDE, Fate.LAND,
                 Fate.FLAGGED_QUALITY):  # fmt: skip
        assert FATE_MEANING[fate] in page.text
    assert "after merging there were" in page.text
    assert "120" in page.text  # 40 outside in each of 3 cycles


def test_says_what_is_not_there(page_of):
    page = Page(page_of("nothing"))
    assert "This run has no scores yet." in page.text
    assert "This run saw no observations." not in page.text  # its raw rows were all set aside
    assert "Without observations there is nothing to judge the spread by." in page.text
    assert "Free run" not in page.text
    assert "There is no free run" in Page(page_of("no free run")).text


def test_a_run_on_a_plane_speaks_of_cycles_not_of_places(page_of):
    page = Page(page_of("plane"))
    assert "exact Kalman filter" in page.text
    assert "cycle 3" in page.text
    assert "UTC" not in page.text
    assert "°" not in page.text


def test_chains_are_drawn_where_chains_ran(page_of):
    page = Page(page_of("chains"))
    assert any(image["alt"].startswith("Diagnostics of Markov chains") for image in page.images)
    assert "Together they keep 1,200 samples" in page.text
    assert "No Markov chains ran" in Page(page_of("everything")).text


def test_observations_through_an_operator_are_not_drawn_as_values(page_of):
    assert "ticks at the bottom mark their times" in Page(page_of("chains")).text
    assert "ticks at the bottom" not in Page(page_of("everything")).text


def test_errors_found_stand_beside_those_assumed_where_they_are_gaussian(page_of):
    assert "Desroziers et al. 2005" in page_of("everything")
    assert "Not judged here" not in page_of("everything")
    page = Page(page_of("heavy tails"))
    assert "Not judged here: state (" in page.text
    assert "Desroziers" not in page.text
    assert "Without observations" not in page.text


def test_text_of_the_run_cannot_break_the_page(page_of):
    text = page_of("everything")
    assert "&lt;unknown &amp; unnamed&gt;" in text
    assert "<unknown" not in text


def test_is_written_into_the_run_and_the_same_run_gives_the_same_page(make_run):
    directory = make_run(**RUNS["plane"])
    before = set(directory.iterdir())
    path = write_report(directory)
    first = path.read_text(encoding="utf-8")
    assert path == directory / "report.html"
    assert write_report(directory).read_text(encoding="utf-8") == first
    assert set(directory.iterdir()) == before | {path}
    assert path.stat().st_mode & 0o444 == 0o444


def test_a_run_without_a_committed_cycle_is_refused(make_run):
    directory = make_run(n_cycles=1, seed=9)
    for record in (directory / "commits").iterdir():
        record.unlink()
    with pytest.raises(RunError, match="no committed cycle"):
        write_report(directory)
    assert not (directory / "report.html").exists()


def test_the_users_plot_settings_are_left_alone(make_run, tmp_path):
    directory = make_run(**RUNS["plane"])
    mpl.rcParams["font.size"] = 17.0
    try:
        write_picture(open_run(directory), tmp_path / "run.png")
        assert mpl.rcParams["font.size"] == 17.0
    finally:
        mpl.rcdefaults()


def test_records_are_flattened_in_order():
    record = {"a": 1, "b": {"c": "x", "d": {"e": [1, 2]}}}
    assert list(flatten(record)) == [("a", "1"), ("b.c", "x"), ("b.d.e", "1, 2")]


@pytest.mark.parametrize(
    ("share", "text"), [(0.173, "+17 %"), (-0.17, "−17 %"), (0.001, "±0 %"), (-0.004, "±0 %")]
)
def test_percent_have_signs(share, text):
    assert signed_percent(share) == text
