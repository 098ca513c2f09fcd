"""How the pages feel at 20,000 records, in a real Chromium: start, map, lasso, neighbours, memory.

    python benchmarks/pages.py [--data DIR] [--repeats 5] [--json]

Everything is measured from the person's side, with the browser's software WebGL where there is no graphics
card. Without --data the records are the sample's, repeated, with made-up vectors.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from corpus import TEMPLATE, machine, say, seed_folder, seed_project

N = 20_000
FLAGS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip
# What the map shows: changes when the points were coloured anew and drawn.
CHART = """() => {
  const g = document.querySelector('.js-plotly-plot');
  if (!g || !g._fullData || !g.querySelector('.nsewdrag')) return null;
  const image = g.querySelector('.imagelayer image');
  if (image) return image.href.baseVal.length + image.href.baseVal.slice(-400);
  const c = g._fullData[0].marker.color;
  if (!g.querySelector('canvas') || !c.length) return null;
  let sum = 0;
  for (let i = 0; i < c.length; i++) sum += c[i] * (1 + i % 97);
  return String(sum);
}"""


class Watch(threading.Thread):
    """The largest memory that a process with all its children, and the workers it started, held."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.ended = pid, 0, threading.Event()

    def run(self) -> None:
        """Sample until told to stop."""
        import psutil

        while not self.ended.wait(0.2):
            total = 0
            for process in psutil.process_iter(["pid", "cmdline"]):
                try:
                    line = " ".join(process.info["cmdline"] or [])
                    if process.pid == self.pid or "launch.py" in line or "embtune.jobs.worker" in line:
                        total += process.memory_info().rss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total)


def prepare(folder: Path | None) -> Any:
    """Make the project of 20,000 records, with its two maps and 200 labels."""
    if folder is not None:
        project, _ = seed_project(seed_folder(folder), vectors=known_vectors(folder))
    else:
        import embtune
        from embtune.records.sample import sample_rows

        rows = sample_rows()
        many = [
            {
                "Title": row["title"],
                "Description": f"{row['description']} No. {i}.",
                "label": row["topic"],
            }
            for i in range(N)
            for row in [rows[i % len(rows)]]
        ]
        generator = np.random.default_rng(0)
        topics = sorted({row["label"] for row in many})
        centres = generator.normal(size=(len(topics), 384))
        vectors = np.array([centres[topics.index(row["label"])] for row in many], dtype=np.float32)
        vectors += generator.normal(0, 2.5, vectors.shape).astype(np.float32)
        file = Path(os.environ["EMBTUNE_HOME"]) / "vectors.npy"
        np.save(file, vectors)
        project = embtune.open("seed")
        project.import_records(
            json.dumps(many).encode(), name="many.json", text=TEMPLATE, reference_field="label"
        )
        project.embed(vectors=file)
    say("maps")
    project.make_map(embedding="raw", method="pca")
    project.make_map(embedding="raw", method="umap")
    return project


def known_vectors(folder: Path) -> Path | None:
    """Return vectors of an earlier benchmark run, to spare the encoding."""
    from umap_speed import encoded

    _, vectors, _ = encoded(folder, N)
    file = Path(os.environ["EMBTUNE_HOME"]) / "vectors.npy"
    np.save(file, vectors)
    return file


def measure(project: Any, repeats: int) -> dict[str, Any]:
    """Start the server and do what a person does."""
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    figures: dict[str, Any] = {}
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        began = time.perf_counter()
        command = [sys.executable, "-m", "embtune.cli", "serve", "--port", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        watch = Watch(server.pid)
        watch.start()
        try:
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            figures["start_to_listening"] = time.perf_counter() - began
            page.goto(address)
            page.locator("h1").first.wait_for(timeout=60_000)
            figures["cold_start_to_first_content"] = time.perf_counter() - began
            time.sleep(4)  # what warms up in the background is not part of the next figure
            began = time.perf_counter()
            page.get_by_role("link", name="Map").click()
            page.wait_for_function(f"() => ({CHART})() !== null", timeout=60_000)
            figures["open_map"] = time.perf_counter() - began
            inside, drawn = lassos(page, repeats)
            figures["lasso_to_what_is_inside"] = statistics.median(inside)
            figures["label_key_to_points_drawn"] = statistics.median(drawn)
            figures["lasso_to_labels_drawn"] = statistics.median(
                [a + b for a, b in zip(inside, drawn, strict=True)]
            )
            began = time.perf_counter()
            page.get_by_role("link", name="Neighbors").click()
            page.locator("h1", has_text="Neighbors").wait_for()
            page.locator("[data-testid=stMain]").get_by_text("raw", exact=False).first.wait_for()
            figures["open_neighbors"] = time.perf_counter() - began
            job = project.start("map", embedding="raw", method="umap", seed=1)
            while project.job(job).active:
                time.sleep(0.3)
            figures["peak_memory_server_and_job_mib"] = round(watch.peak / 1024**2)
        finally:
            watch.ended.set()
            server.terminate()
            server.wait(10)
            browser.close()
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in figures.items()}


def lassos(page: Any, repeats: int) -> tuple[list[float], list[float]]:
    """Draw a loop and label it, several times at other places; return the seconds of both steps."""
    inside, drawn = [], []
    for turn in range(repeats):
        time.sleep(1.5)
        box = page.locator(".nsewdrag").first.bounding_box()
        x = box["x"] + box["width"] * (0.3 + 0.09 * turn)
        y = box["y"] + box["height"] * (0.35 + 0.07 * (turn % 3))
        before = page.evaluate(CHART)
        page.mouse.move(x + 70, y)
        page.mouse.down()
        for step in range(1, 25):
            page.mouse.move(
                x + 70 * math.cos(2 * math.pi * step / 24), y + 50 * math.sin(2 * math.pi * step / 24)
            )
        page.mouse.up()
        began = time.perf_counter()
        page.locator(".st-key-map_give_none").wait_for(timeout=30_000)
        inside.append(time.perf_counter() - began)
        began = time.perf_counter()
        page.keyboard.press(str(1 + turn % 4))
        page.wait_for_function(
            f"(old) => {{ const now = ({CHART})(); return now !== null && now !== old; }}",
            arg=before,
            timeout=30_000,
        )
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        drawn.append(time.perf_counter() - began)
    return inside, drawn


def table(result: dict[str, Any]) -> str:
    """Return the figures for people."""
    units = {True: "MiB", False: "s"}
    lines = [f"{key.replace('_', ' '):<36}{value:>10,} {units[key.endswith('mib')]}"
             for key, value in result["figures"].items()]  # fmt: skip
    return "\n".join([*lines, "", f"{N:,} records; {result['machine']}"])


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder ag_news_seed")
    parser.add_argument("--repeats", type=int, default=5, help="lassos")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["EMBTUNE_HOME"] = home
        project = prepare(arguments.data)
        figures = measure(project, arguments.repeats)
    result = {"benchmark": "pages", "n_records": N, "figures": figures, "machine": machine()}
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
