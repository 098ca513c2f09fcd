"""How the Records page feels over a million records, in a real Chromium: pages, searches, filters, labels.

    python benchmarks/records_page.py [--rows 1000000] [--vectors 0] [--home DIR] [--repeats 5] [--json]

The records are made up: twelve words of our own each, a year and a shelf. Everything is timed from the key or
click until the table shows the answer. `--home` keeps the project there for the next run (a copy of it is
measured, since what is labelled stays); `--vectors 384` adds random unit vectors of that many dimensions.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from corpus import home_folder, machine, say

NAME = "many"
FLAGS = ("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-gpu")  # fmt: skip
RARE = ("quillstone", "brambleford", "oakenshade", "wintermarsh", "thornwick")
FREQUENT = ("ordinary", "morning", "harbour", "kitchen", "ladder")
RARE_EVERY, FREQUENT_EVERY, SHELVES = 25_000, 4, 10
FIRST_YEAR, YEARS = 1950, 70
# What the table shows: "1–50 of 1,000,000|0", which records of how many, and the row of the first.
SHOWN = """() => {
  if (!window.tableRoot?.querySelector('.records')?.isConnected) {
    const hosts = [...document.querySelectorAll('*')].filter((one) => one.shadowRoot);
    const roots = hosts.map((one) => one.shadowRoot);
    window.tableRoot = roots.find((root) => root.querySelector('.records')) ?? null;
  }
  const table = window.tableRoot?.querySelector('.records');
  const span = table?.querySelector('.pages span');
  return span ? `${span.textContent}|${table.querySelector('.row')?.dataset.row}` : '';
}"""
STATUS = f"() => {{ ({SHOWN})(); return window.tableRoot?.querySelector('.status')?.textContent ?? ''; }}"


class Watch(threading.Thread):
    """The most memory that a process and its children held: all, and without the files they mapped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.own, self.ended = pid, 0, 0, threading.Event()

    def run(self) -> None:
        """Sample until told to stop."""
        import psutil

        while not self.ended.wait(0.1):
            whole = own = 0
            try:
                parent = psutil.Process(self.pid)
                for process in (parent, *parent.children(recursive=True)):
                    held = process.memory_info()
                    whole += held.rss
                    own += held.rss - getattr(held, "shared", 0)
            except psutil.Error:
                continue
            self.peak, self.own = max(self.peak, whole), max(self.own, own)


def prepare(n: int, dim: int) -> tuple[Any, float | None]:
    """Return the project of n records, and how many seconds its import took; None if it was there."""
    import embtune

    home = Path(os.environ["EMBTUNE_HOME"])
    project = embtune.open(NAME)
    seconds = None
    if project.n_records != n:
        if project.n_records:
            raise SystemExit(f"{home} holds {project.n_records:,} records: give another folder to --home.")
        file = home / "many.csv"
        say(f"writing {n:,} records")
        write(file, n)
        say("importing them")
        began = time.perf_counter()
        project.import_records(file, text="{text}")
        seconds = time.perf_counter() - began
        file.unlink()
        for name in ("Alpha", "Beta", "Gamma"):
            project.add_label(name)
    if dim and project.find_embedding("raw") is None:
        say("vectors")
        generator = np.random.default_rng(1)
        file = home / "vectors.npy"
        matrix = np.lib.format.open_memmap(file, "w+", np.float32, (n, dim))
        for start in range(0, n, 50_000):
            block = generator.normal(size=(min(50_000, n - start), dim)).astype(np.float32)
            matrix[start : start + len(block)] = block / np.linalg.norm(block, axis=1, keepdims=True)
        del matrix
        project.embed(vectors=file)
        file.unlink()
    return project, seconds


def write(file: Path, n: int) -> None:
    """Write n records of made-up words; some words are rare, some frequent, as told above."""
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "el", "or", "an")]
    words = ["".join(parts) for parts in itertools.islice(itertools.product(syllables, repeat=3), 20_000)]
    generator = np.random.default_rng(0)
    generator.shuffle(words)
    with file.open("w", encoding="utf-8", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(["text", "year", "shelf"])
        for start in range(0, n, 100_000):
            chosen = (generator.zipf(1.3, size=(min(100_000, n - start), 12)) % len(words)).tolist()
            for i, places in enumerate(chosen, start):
                said = [words[at] for at in places]
                said += [word for k, word in enumerate(RARE) if i % RARE_EVERY == 7 + k]
                said += [word for k, word in enumerate(FREQUENT) if (i + i // 7) % FREQUENT_EVERY == k % 4]
                lines.writerow([f"{' '.join(said)}, no. {i}", FIRST_YEAR + i % YEARS, f"shelf {i % SHELVES}"])


@contextmanager
def served() -> Iterator[tuple[str, Watch]]:
    """Run the server; gives its address and the watch over its memory."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "embtune.cli", "serve", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    watch = Watch(server.pid)
    watch.start()
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", watch
    finally:
        watch.ended.set()
        server.terminate()
        server.wait(20)


class Person:
    """Somebody at the Records page; notes how long each answer took."""

    def __init__(self, page: Any, n: int, repeats: int) -> None:
        self.page, self.n, self.repeats = page, n, repeats
        self.seconds: dict[str, list[float]] = {}
        self.given = 0

    def timed(
        self, name: str, act: Callable[[], Any], holds: str, arg: Any = None, *, rest: bool = True
    ) -> None:
        """Act, and note the seconds until a condition on the table (`shown`, `status`) holds."""
        self.page.evaluate("() => document.fonts.ready.then(() => true)")
        began = time.perf_counter()
        act()
        self.page.wait_for_function(
            f"(arg) => {{ const shown = ({SHOWN})(), status = ({STATUS})(); return {holds}; }}",
            arg=arg,
            timeout=120_000,
        )
        self.note(name, time.perf_counter() - began)
        if rest:
            self.rest()

    def note(self, name: str, seconds: float) -> None:
        """Keep a figure."""
        self.seconds.setdefault(name, []).append(seconds)
        say(f"  {name.replace('_', ' ')}: {seconds:.3f} s")

    def rest(self) -> None:
        """Wait until the server has nothing to do for this page."""
        self.page.wait_for_selector(
            '[data-testid="stApp"][data-test-script-state="notRunning"]', state="attached", timeout=120_000
        )
        self.page.wait_for_timeout(350)

    def shown(self) -> str:
        """Return what the table shows."""
        found: str = self.page.evaluate(SHOWN)
        return found

    def open(self, address: str) -> None:
        """Open the page in a server just started, and again."""
        self.page.goto(address)
        self.page.locator("h1").first.wait_for(timeout=120_000)
        self.rest()
        time.sleep(4)  # what warms up in the background
        for name in ("open_first_time", *["open"] * self.repeats):
            self.timed(name, lambda: self.page.get_by_role("link", name="Records").click(), "shown !== ''")
            self.page.get_by_role("link", name="Label set").click()
            self.page.locator("h1", has_text="Label set").wait_for()
            self.rest()
        self.page.get_by_role("link", name="Records").click()
        self.page.locator(".row.current").wait_for()
        self.rest()

    def turn(self) -> None:
        """Turn pages, and jump to the last one and back."""
        for k in range(self.repeats):
            first = f"{50 * (k + 1) + 1:,}–"
            self.timed("next_page", lambda: self.page.keyboard.press("]"), "shown.startsWith(arg)", first)
        for _ in range(self.repeats):
            for name, at in (("last_page", -(-self.n // 50)), ("first_page", 1)):
                self.page.locator("input.at").fill(str(at))
                self.timed(
                    name,
                    lambda: self.page.keyboard.press("Enter"),
                    "shown.startsWith(arg)",
                    f"{50 * (at - 1) + 1:,}–",
                )

    def find(self, name: str, words: str, wanted: str | None = None) -> None:
        """Type into the search and press Enter; `wanted` ends what the table should show then."""
        before, box = self.shown(), self.page.get_by_label("Search", exact=True)
        box.fill(words)
        holds = "shown !== '' && shown !== arg" if wanted is None else "shown.endsWith(arg)"
        self.timed(name, lambda: box.press("Enter"), holds, wanted or before)

    def search(self) -> None:
        """Look for rare and frequent words and for regular expressions, each seen for the first time."""
        for k in range(min(self.repeats, len(RARE))):
            n = len(range(7 + k, self.n, RARE_EVERY))
            name = "search_first_time" if not k else "search_rare_word"
            self.find(name, RARE[k], f" of {n:,}|{7 + k}")
        for word in FREQUENT[: self.repeats]:
            self.find("search_frequent_word", word)
        self.find("search_emptied", "", f" of {self.n:,}|0")
        self.page.get_by_role("radio", name="regex").click()
        self.rest()
        for k in range(self.repeats):
            self.find("search_regex", f"(morning|kitchen), no\\. \\d*{k}{k}$")
        self.find("search_emptied", "", f" of {self.n:,}|0")
        self.page.get_by_role("radio", name="keyword").click()
        self.rest()

    def filter(self) -> None:
        """Add a condition on a field with the builder; only the last click counts."""
        for k in range(self.repeats):
            self.build("Field", "year", str(FIRST_YEAR + k))
            n = len(range(k, self.n, YEARS))
            name = "filter_field_first_time" if not k else "filter_field"
            self.timed(name, self.add, "shown.split('|')[0].endsWith(arg)", f" of {n:,}")
            self.clear(self.n)

    def build(self, about: str, field: str, value: str) -> None:
        """Fill in a condition on a field."""
        self.page.get_by_role("button", name="Filter", exact=True).click()
        for label, choice in (("About", about), ("Field", field), ("Operator", "is")):
            self.page.get_by_label(label, exact=True).last.click()
            self.page.get_by_role("option", name=choice, exact=True).click()
            self.rest()
        box = self.page.get_by_label("Value", exact=True)
        box.fill(value)
        box.press("Tab")
        self.rest()

    def add(self) -> None:
        """Press the builder's button."""
        self.page.get_by_role("button", name="Add filter").click()

    def clear(self, n: int) -> None:
        """Take the conditions off."""
        act = self.page.locator(".chip .off").first.click
        self.timed("filter_taken_off", act, "shown.split('|')[0].endsWith(arg)", f" of {n:,}")

    def sort(self) -> None:
        """Sort by a field, both ways, and at random; what is sorted for the first time is apart."""
        for k in range(self.repeats):
            first = "_first_time" if not k else ""
            self.order("year ↓", f"sort_field{first}", "shown.endsWith(arg)", f"|{min(YEARS, self.n) - 1}")
            self.order("year ↑", "sort_field", "shown.endsWith(arg)", "|0")
        before = self.shown()
        self.order("text ↓", "sort_long_text_first_time", "shown !== '' && shown !== arg", before)
        before = self.shown()
        self.order("at random", "sort_random", "shown !== arg", before)
        for _ in range(self.repeats - 1):
            before = self.shown()
            draw = self.page.locator(".st-key-records_seed button").filter(visible=True).first.click
            self.timed("sort_random", draw, "shown !== '' && shown !== arg", before)
        self.order("in their order", "sort_taken_off", "shown.endsWith(arg)", "|0")

    def order(self, choice: str, name: str, holds: str, arg: str) -> None:
        """Choose an order."""
        self.page.get_by_label("Order", exact=True).click()
        self.page.keyboard.type(choice)
        option = self.page.get_by_role("option", name=choice, exact=True)
        option.wait_for()
        self.timed(name, option.click, holds, arg)

    def label(self, name: str) -> None:
        """Label line after line by a key: until it is seen, until it is kept, and that nothing moved."""
        self.page.locator(".row").first.click()
        self.rest()
        before = self.rows()
        for _ in range(self.repeats):
            key, given = (("1", "Alpha"), ("2", "Beta"))[self.given % 2]
            self.given += 1
            row = self.page.locator(".row.current").get_attribute("data-row")
            shows = """[...window.tableRoot.querySelectorAll('.row')]
                .find((one) => one.dataset.row === arg && one.querySelector('.chip:not(.open)'))"""
            began = time.perf_counter()
            self.timed(f"{name}_seen", partial(self.page.keyboard.press, key), shows, row, rest=False)
            said = f"Labelled 1 record {given}"
            self.page.wait_for_function(f"(arg) => ({STATUS})().startsWith(arg)", arg=said)
            self.note(f"{name}_kept", time.perf_counter() - began)
            self.rest()
            assert self.rows() == before, "the table moved"

    def rows(self) -> list[str]:
        """Return the rows that stand in the table."""
        every = "(rows) => rows.map((one) => one.dataset.row)"
        found: list[str] = self.page.locator(".row[data-row]").evaluate_all(every)
        return found

    def many(self) -> None:
        """Select all records of a shelf, label them, and take it back."""
        self.build("Field", "shelf", "shelf 3")
        n = len(range(3, self.n, SHELVES))
        self.timed("filter_field", self.add, "shown.split('|')[0].endsWith(arg)", f" of {n:,}")
        ticked = "document.querySelector('.st-key-records_bulk')?.textContent.includes(arg)"
        for _ in range(min(3, self.repeats)):
            self.timed(
                "tick_the_page", self.page.get_by_label("Select this page").check, ticked, "50 selected"
            )
            every = self.page.get_by_role("button", name=f"Select all {n:,} that match")
            self.timed("select_all_that_match", every.click, ticked, f"{n:,} selected")
            there = "document.querySelector('[role=dialog]')?.textContent.includes(arg)"
            opens = self.page.get_by_role("button", name=f"Label {n:,} …").click
            self.timed("look_first_at_many", opens, there, f"{n:,} records")
            # Where there are vectors, the few that were labelled by hand before keep their label.
            holds = "status.startsWith(arg) && status.includes(' records Beta')"
            for name, key, said in (
                ("label_many", "2", "Labelled"),
                ("undo_many", "u", "Took back: Labelled"),
            ):
                self.timed(name, partial(self.page.keyboard.press, key), holds, said)


def measure(n: int, repeats: int) -> dict[str, Any]:
    """Start the server and do what a person does."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as play, served() as (address, watch):
        browser = play.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        person = Person(page, n, repeats)
        try:
            person.open(f"{address}/?project={NAME}")
            person.turn()
            person.search()
            person.filter()
            person.sort()
            person.label("label_one")
            page.goto(f'{address}/records?project={NAME}&q={{"label":null}}')
            page.locator(".row.current").wait_for(timeout=120_000)
            person.rest()
            person.label("label_one_among_unlabelled")
            page.goto(f"{address}/records?project={NAME}")
            page.locator(".row.current").wait_for(timeout=120_000)
            person.rest()
            person.many()
        finally:
            browser.close()
    figures: dict[str, Any] = {
        name: {"median": round(statistics.median(found), 3), "most": round(max(found), 3), "n": len(found)}
        for name, found in person.seconds.items()
    }
    return figures | {
        "peak_memory_mib": round(watch.peak / 1024**2),
        "peak_memory_without_mapped_files_mib": round(watch.own / 1024**2),
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures for people."""
    lines = [f"{'seconds':<34}{'median':>9}{'most':>9}{'n':>4}"]
    for key, value in result["figures"].items():
        name = key.replace("_", " ")
        if isinstance(value, dict):
            lines.append(f"{name:<34}{value['median']:>9.2f}{value['most']:>9.2f}{value['n']:>4}")
        else:
            lines.append(f"{name:<40}{value:>12,}")
    return "\n".join([*lines, "", f"{result['n_records']:,} records; {result['machine']}"])


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="records")
    parser.add_argument("--vectors", type=int, default=0, help="dimensions of random vectors; 0: none")
    parser.add_argument("--home", type=Path, help="folder that keeps the project for the next run")
    parser.add_argument("--repeats", type=int, default=5, help="of each")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args()
    with home_folder(arguments.home) as home:
        project, seconds = prepare(arguments.rows, arguments.vectors)
        with tempfile.TemporaryDirectory() as copy:  # what is labelled here must not slow the next run
            if arguments.home:
                shutil.copytree(home, copy, dirs_exist_ok=True)
                os.environ["EMBTUNE_HOME"] = copy
            figures = measure(project.n_records, arguments.repeats)
    if seconds is not None:
        figures["import_seconds"] = round(seconds, 1)
    result = {
        "benchmark": "records page",
        "n_records": arguments.rows,
        "dimensions": arguments.vectors,
        "figures": figures,
        "machine": machine(),
    }
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
