"""The walls between the folders, and what may not stand in a source file."""

import ast
import re
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

HEAVY = (
    *("torch", "umap", "quaterion", "quaterion_models", "sklearn", "pandas", "plotly", "streamlit"),
    *("transformers", "sentence_transformers", "pytorch_lightning", "numba", "pyarrow", "datashader"),
)
HEAVY_THEMSELVES = (  # modules that others import where they use them
    *("migrations", "quaterion_compat", "quaterion_training", "quaterion_heads", "quaterion_loaders"),
    *(
        "quaterion_losses",
        "text_encoder",
        "encoder_layers",
        "encoder_loop",
        "encoder_training",
        "checkpoints",
    ),
)
ALGORITHMS = (
    *("neighbors", "maps", "tuning", "evaluation", "embedding", "exploring", "filtering"),
    *("heuristics", "weak_supervision"),
)
FORBIDDEN_TO_ALGORITHMS = ("store", "project", "jobs", "work", "labeling", "settings")


def modules(folder):
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path):
    """Full names of all that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def within(name, package):
    return name == package or name.startswith(package + ".")


def test_the_package_never_imports_the_pages_or_streamlit():
    assert modules("embtune")
    wrong = {
        (str(path.relative_to(ROOT)), name)
        for path in modules("embtune")
        for name in imported(path)
        if any(within(name, other) for other in ("streamlit", "pages", "app", "tests", "benchmarks"))
    }
    assert wrong == set()


@pytest.mark.parametrize("folder", ALGORITHMS)
def test_algorithms_know_no_database_no_project_and_no_job(folder):
    wrong = {
        (path.name, name)
        for path in modules(f"embtune/{folder}")
        for name in imported(path)
        if any(within(name, f"embtune.{other}") for other in FORBIDDEN_TO_ALGORITHMS)
        or within(name, "sqlalchemy")
    }
    assert wrong == set()


def test_only_the_store_talks_to_the_database():
    wrong = {
        str(path.relative_to(ROOT))
        for path in [*modules("embtune"), *modules("pages"), ROOT / "app.py"]
        if any(within(name, "sqlalchemy") or within(name, "sqlite3") for name in imported(path))
        and (ROOT / "embtune" / "store") not in path.parents
    }
    assert wrong <= {"embtune/work/label_fields.py"}  # hands a connection on, for one transaction


def test_heavy_packages_are_imported_where_they_are_used():
    program = (
        "import sys, pkgutil, importlib, embtune\n"
        "for found in pkgutil.walk_packages(embtune.__path__, 'embtune.'):\n"
        f"    if not any(part in found.name for part in {HEAVY_THEMSELVES!r}):\n"
        "        importlib.import_module(found.name)\n"
        f"heavy = {HEAVY!r}\n"
        "print(' '.join(sorted(set(heavy) & {name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == []


def test_modules_stay_short():
    """About 300 lines; the façade, the command line and the measuring may be longer, nothing by much."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in [*modules("embtune"), *modules("pages")]
        if "migrations" not in path.parts
    }
    long = {name: n for name, n in lengths.items() if n > 350}
    assert set(long) <= {"embtune/project.py", "embtune/cli.py"}


def tracked():
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_source_file_names_a_place_on_some_machine():
    place = re.compile(r"(?<![\w./-])/(work|root|tmp)/\w")
    wrong = []
    for path in tracked():
        if path.suffix in {".py", ".toml", ".txt", ".md", ".cfg", ".yml", ".js", ".css", ""}:
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            wrong += [
                f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
                for number, line in enumerate(text.splitlines(), start=1)
                if place.search(line) and path.name != "test_walls.py"
            ]
    assert wrong == []
