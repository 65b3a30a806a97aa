"""The core dependencies are enough for the core, and each extra holds what its packages import and nothing else."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("nvfair_tools", "generators", "benchmark", "leaderboard")
# Distribution -> what it is imported as, where the two differ.
IMPORTED_AS = {
    "c2pa-python": "c2pa",
    "confusable-homoglyphs": "confusable_homoglyphs",
    "ffmpeg-python": "ffmpeg",
    "imageio-ffmpeg": "imageio_ffmpeg",
    "lazy-loader": "lazy_loader",
    "opencv-contrib-python": "cv2",
    "opencv-python": "cv2",
    "pillow": "PIL",
    "prometheus-client": "prometheus_client",
    "python-multipart": "python_multipart",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
}
BLOCKED = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


def requirements(extra: str | None = None) -> set[str]:
    """Import names of the core's dependencies, or of an extra's with those of the extras it names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = set()
    for line in project["dependencies"] if extra is None else project["optional-dependencies"][extra]:
        name, inner = re.match(r"([\w-]+)(?:\[([\w,]+)\])?", line).groups()
        if name == project["name"]:
            packages |= set().union(*(requirements(part) for part in inner.split(",")))
        else:
            packages.add(IMPORTED_AS.get(name, name))
    return packages


def run_without(packages: set[str], code: str) -> subprocess.CompletedProcess:
    """Runs `code` in a fresh process in which `packages` cannot be imported."""
    text = BLOCKED.format(packages=sorted(packages)) + code
    return subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=1500)


def command_without(packages: set[str], *arguments: str) -> subprocess.CompletedProcess:
    """Runs `nvfair` with `arguments` where `packages` cannot be imported."""
    return run_without(
        packages, f"sys.argv = {['nvfair', *map(str, arguments)]!r}\nfrom nvfair_tools.cli import main\nmain()"
    )


EXTRAS = requirements("all") - requirements()


def test_the_core_reads_data_sets_features_and_protocols_with_the_core_dependencies_alone():
    code = """
import nvfair_tools.dataset, nvfair_tools.dataset.parts, nvfair_tools.dataset.writer
import nvfair_tools.features, benchmark.protocols.schema, nvfair_tools.recipe, nvfair_tools.errors
import numpy as np
print(nvfair_tools.features.distances(np.arange(252.0).reshape(1, 126, 2)).shape)
"""
    done = run_without(EXTRAS, code)
    assert (done.returncode, done.stdout) == (0, "(1, 7875)\n"), done.stderr


def test_a_cohort_is_simulated_with_the_core_dependencies_alone(tmp_path):
    (tmp_path / "tiny.yaml").write_text(
        "{sources: [{name: sim, train: 1, validation: 0, test: 1}], clips: 1, frames: 20}"
    )
    arguments = [
        "simulate",
        "cohort",
        str(tmp_path / "out"),
        "--settings",
        str(tmp_path / "tiny.yaml"),
        "--workers",
        "1",
    ]
    done = command_without(EXTRAS, *arguments)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "dataset.json").is_file()


def test_help_of_every_command_needs_the_core_dependencies_alone():
    code = """
import click, runpy
from nvfair_tools.cli import cli, COMMANDS

def check_help(command, path):
    with click.Context(command, info_name=path) as context:
        assert command.get_help(context)
        for name in command.list_commands(context) if isinstance(command, click.Group) else ():
            check_help(command.get_command(context, name), f"{path} {name}")

check_help(cli, "nvfair")
print(len(COMMANDS))
"""
    done = run_without(EXTRAS, code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 17


def test_help_imports_nothing_heavy():
    heavy = sorted(EXTRAS | {"pandas", "numpy", "pyarrow", "pydantic"})
    code = f"""
from nvfair_tools.cli import cli
try:
    cli(["--help"])
except SystemExit as end:
    assert end.code == 0
print("loaded:", [name for name in {heavy!r} if name in sys.modules])
"""
    done = run_without(set(), code)
    assert done.stdout.endswith("loaded: []\n"), (done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("absent", "extra", "arguments"),
    [
        ("av", "media", ["probe", "README.md"]),
        ("av", "curate", ["check", "HERE/recipe.yaml"]),  # the command's own extra, not the smallest with this package
        ("uvicorn", "view", ["view", "HERE"]),
        ("torch", "train", ["train", "HERE", "OUT", "-g", "lia"]),
        ("torch", "train", ["embed", "HERE", "OUT", "--checkpoint", "HERE"]),
        ("torch", "train", ["evaluate", "HERE", "--checkpoint", "HERE", "--out", "OUT"]),
        ("torch", "render", ["weights", "add", "pyproject.toml"]),
        ("sqlalchemy", "board", ["board", "export", "OUT"]),
        ("skimage", "curate", ["simulate", "people", "OUT", "--workers", "1"]),
        ("mediapipe", "curate", ["simulate", "people", "OUT", "--workers", "1"]),
        ("datasets", "curate", ["card", "check", "HERE"]),
        ("httpx", "download", ["get", "ravdess", "OUT"]),
        ("c2pa", "marks", ["mark", "--check", "."]),
        ("cryptography", "marks", ["mark", "OUT", "--new-certificate", "A Lab"]),
        ("huggingface_hub", "hub", ["dataset", "push", "HERE", "lab/clips"]),
    ],
)
def test_a_command_whose_packages_are_absent_names_the_extra(tmp_path, absent, extra, arguments):
    (tmp_path / "recipe.yaml").write_text(
        "{name: a, output: out, sources: [{csv: clips.csv}], rights: {render_if: [any]},\n"
        " generators: [{name: warp-dense}]}"
    )
    (tmp_path / "clips.csv").write_text(
        "path,identity,split,licence,consent,permitted_use\nrecipe.yaml,sim:a,test,none,yes,any\n"
    )
    arguments = [word.replace("OUT", str(tmp_path / "out")).replace("HERE", str(tmp_path)) for word in arguments]
    done = command_without({absent}, *arguments)
    assert done.returncode == 1
    assert f"pip install 'nvfair-tools[{extra}]'" in done.stderr
    assert absent in done.stderr
    assert "Traceback" not in done.stderr
    assert absent in requirements(extra)


@pytest.mark.parametrize("extra", ["media", "curate"])
def test_the_doctor_tries_the_tools_of_an_extra_with_its_packages_alone(extra):
    code = f"""
from nvfair_tools.cli import main
from nvfair_tools.doctor import examination
examination.installed = lambda extra: extra in ("media", {extra!r})
sys.argv = ["nvfair", "doctor"]
main()
"""
    done = run_without(EXTRAS - requirements(extra), code)
    assert "needs the package" not in done.stderr
    assert "ffmpeg: " in done.stdout
    assert re.match(r"\d+ errors?, \d+ warnings?", done.stdout.splitlines()[-1]), done.stdout + done.stderr


@pytest.mark.parametrize(("name", "absent"), [("warp-dense", "cv2"), ("lia", "torch"), ("tps", "torch")])
def test_a_generator_whose_packages_are_absent_names_the_extra(name, absent):
    code = f"""
from generators import GeneratorError, create
try:
    create({name!r})
except GeneratorError as error:
    print(error)
"""
    done = run_without({absent}, code)
    extra = "curate" if name.startswith("warp") else "render"
    assert f"{absent!r}" in done.stdout, done.stderr
    assert f"pip install 'nvfair-tools[{extra}]'" in done.stdout


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("generators, generators.warp, generators.external", {"torch", "mediapipe", "safetensors"}),
        ("generators.lia, generators.tps, generators.face_vid2vid", {"mediapipe", "cv2"}),
        (
            "benchmark.training.loop, benchmark.evaluation.run, benchmark.report",
            {"mediapipe", "cv2", "av", "insightface", "skimage"},
        ),
        (
            "leaderboard.submission.check, leaderboard.submission.scoring, "
            "leaderboard.store.results, leaderboard.pages.static_site",
            {"torch", "mediapipe", "av"},
        ),
        ("nvfair_tools.simulate.cohort", {"torch", "mediapipe", "cv2", "av", "matplotlib", "PIL"}),
        ("nvfair_tools.media", {"torch", "mediapipe", "cv2"}),
        ("nvfair_tools.viewer.serve", EXTRAS - requirements("view")),
        ("nvfair_tools.curate.build, nvfair_tools.curate.preflight", {"torch", "mediapipe", "cv2", "av", "matplotlib"}),
    ],
)
def test_a_package_is_imported_without_what_belongs_to_other_extras(modules, absent):
    done = run_without(absent, f"import {modules}")
    assert done.returncode == 0, done.stderr


@cache
def imports_of_file(path: Path) -> frozenset[str]:
    """Top-level packages that a module imports anywhere but for type checking."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    packages = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            packages.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
            packages |= {str(a.value).split(".")[0] for a in node.args if isinstance(a, ast.Constant)}
    return frozenset(packages)


def imports(*folders: str, but: str | tuple[str, ...] = ()) -> set[str]:
    """Third-party packages that the modules under `folders` import anywhere, also inside functions. but: files and
    folders that are left out."""
    left_out = (but,) if isinstance(but, str) else but
    packages = set()
    for path in (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))):
        if not any(path.is_relative_to(ROOT / name) for name in left_out):
            packages |= imports_of_file(path)
    return packages - set(sys.stdlib_module_names) - set(OURS)


def test_each_package_imports_only_what_its_extra_installs():
    core = requirements()
    of_extras = ("checking/card_check.py", "exports/sheet.py", "hub")
    assert imports("nvfair_tools/dataset", but=tuple(f"nvfair_tools/dataset/{name}" for name in of_extras)) <= core
    assert imports("nvfair_tools/dataset/exports") <= core | requirements("releases")
    hub = imports("nvfair_tools/dataset/hub")
    assert hub <= core | requirements("hub")
    curate = core | requirements("curate")
    releases = imports("nvfair_tools/releases")
    assert releases <= core | requirements("releases")
    downloads = imports("nvfair_tools/downloads")
    assert downloads <= core | requirements("download")
    marks = imports("nvfair_tools/marks")
    assert marks <= core | requirements("marks")
    viewer = imports("nvfair_tools/viewer")
    assert viewer <= core | requirements("view")
    engines = imports("nvfair_tools/pipeline/engines")
    assert engines <= core | requirements("ray")
    of_other_extras = (
        (requirements("releases") & releases) | (requirements("download") & downloads) | (engines & {"ray"})
    )
    of_other_extras |= imports("nvfair_tools/doctor") & {"torch"}  # tried where it is installed
    of_other_extras |= (requirements("marks") & marks) | (requirements("view") & viewer) | (requirements("hub") & hub)
    assert imports("nvfair_tools", but="nvfair_tools/cli") - of_other_extras <= curate
    assert imports("nvfair_tools/media") <= core | requirements("media")
    assert imports("generators/warp") <= core | requirements("curate")
    assert imports("generators", but="generators/warp") <= core | requirements("render")
    assert imports("benchmark", but="benchmark/verification") <= core | requirements("train")
    assert imports("benchmark/verification") <= core | requirements("verify")
    assert imports("leaderboard") <= core | requirements("board")
    assert imports(*OURS) <= core | requirements("all") | requirements("ray")


@pytest.mark.parametrize(
    ("extra", "folders"),
    [
        ("media", ["nvfair_tools"]),
        ("curate", ["nvfair_tools", "generators/warp", "generators/reference_frame.py"]),
        ("render", ["generators", "nvfair_tools"]),
        ("releases", ["nvfair_tools", "generators"]),
        ("download", ["nvfair_tools/downloads"]),
        (
            "hub",
            ["nvfair_tools/dataset", "nvfair_tools/media", "nvfair_tools/curate", "nvfair_tools/leakage"],
        ),
        ("view", ["nvfair_tools/viewer", "nvfair_tools/media"]),
        ("ray", ["nvfair_tools", "generators/warp", "generators/reference_frame.py"]),
        ("train", ["benchmark", "nvfair_tools/media", "nvfair_tools/cli"]),
        ("verify", ["benchmark", "nvfair_tools", "generators/warp", "generators/reference_frame.py"]),
        ("board", ["leaderboard", "benchmark", "nvfair_tools/media"]),
    ],
)
def test_each_extra_holds_nothing_that_is_not_imported(extra, folders):
    assert requirements(extra) <= imports(*folders)


def test_every_core_dependency_is_imported():
    assert requirements() <= imports(*OURS)
