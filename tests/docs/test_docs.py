"""The documents: generated ones are up to date, examples run, links lead somewhere, commands exist."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import msgspec
import pytest
import torch
from click.testing import CliRunner

from flowexport.cli.main import VERBS, main
from flowexport.flows.univariate import UNIVARIATES
from flowexport.training.recipe import DataSpec, ExportSpec, FlowSpec, ImageFlowSpec, Recipe, TrainingSpec

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"]
FENCE = re.compile(r"(?:<!-- file: (\S+) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"\s#\s.*")


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """The fenced blocks of a page: the file that it stands for, if any, its language and its text."""
    return FENCE.findall(page.read_text(encoding="utf-8"))


def generate(folder: Path | None = None) -> ModuleType:
    """docs/generate.py as a module, writing to another folder instead of the checkout where one is given."""
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if folder is not None:
        module.DOCS, module.PROOF = folder, folder / "proof.md"
    return module


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One torch thread: several cost these small networks more time than they save."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def univariates_of_its_own() -> Iterator[None]:
    """The maps that the package has; one that a page registers is gone behind the test."""
    before = dict(UNIVARIATES)
    for name, kind in before.items():
        if not kind.__module__.startswith("flowexport."):
            del UNIVARIATES[name]
    yield
    UNIVARIATES.clear()
    UNIVARIATES.update(before)


def named(paths: list[Path]) -> list[object]:
    return [pytest.param(path, id=path.name) for path in paths]


def test_generated_documents_are_up_to_date() -> None:
    assert generate().stale() == [], "run `make docs`"


def test_a_stale_document_is_named_with_the_cure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = generate(tmp_path)
    (tmp_path / "proof.md").write_text(f"{module.PARITY_BEGIN}\n{module.PARITY_END}\n", encoding="utf-8")
    assert module.run([]) == 0
    assert module.run(["--check"]) == 0
    (tmp_path / "cli.md").write_text("old", encoding="utf-8")
    assert module.run(["--check"]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "docs/cli.md" in message
    assert "make docs" in message


@pytest.mark.parametrize("text", ["# Title\n", "# Title\n<!-- parity: generated -->\nthe rest\n"])
def test_a_page_without_both_markers_is_left_alone(text: str, tmp_path: Path) -> None:
    (tmp_path / "proof.md").write_text(text, encoding="utf-8")
    assert generate(tmp_path).run([]) == 0
    assert (tmp_path / "proof.md").read_text(encoding="utf-8") == text


def test_the_picture_is_small_and_says_neither_date_nor_software() -> None:
    data = (DOCS / "banana.png").read_bytes()
    assert len(data) < 200_000
    assert not any(kind in data for kind in (b"tEXt", b"iTXt", b"zTXt", b"tIME"))


def test_the_reference_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert generate().stale() == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_reference_with_every_option(verb: str) -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    section = text.split(f"\n## flowexport {verb}\n")[1].split("\n## ")[0]
    command = main.get_command(click.Context(main), verb)
    assert command is not None
    for parameter in command.params:
        names = parameter.opts if isinstance(parameter, click.Option) else [parameter.human_readable_name]
        assert all(name in section for name in names)


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_verb_ends_with_examples(verb: str) -> None:
    """On the page they are parsed like all commands there."""
    found = CliRunner().invoke(main, [verb, "--help"]).output
    examples = found.partition("\nExamples:\n")[2] or found.partition("\n  Examples:\n")[2]
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    assert lines
    assert all(line.startswith(f"flowexport {verb}") for line in lines)
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert "```sh\n" + "\n".join(lines) + "\n```" in page


def test_the_schema_requires_no_key_that_the_zoo_has_not() -> None:
    schema = json.loads((DOCS / "flow.schema.json").read_text(encoding="utf-8"))
    required = set(schema["$defs"]["Manifest"]["required"])
    for path in ROOT.glob("models/*/bundle/flow.json"):
        assert required <= set(json.loads(path.read_text(encoding="utf-8")))


def test_the_format_page_names_every_key() -> None:
    schema = json.loads((DOCS / "flow.schema.json").read_text(encoding="utf-8"))
    page = (DOCS / "bundle.md").read_text(encoding="utf-8")
    assert [key for key in schema["$defs"]["Manifest"]["properties"] if f"`{key}`" not in page] == []


def defaults(spec: type[msgspec.Struct]) -> list[tuple[str, object]]:
    """Every key of a recipe's table that has a default, and the default."""
    fields = msgspec.structs.fields(spec)
    return [
        (f.name, f.default if f.default is not msgspec.NODEFAULT else f.default_factory())
        for f in fields
        if not f.required
    ]


@pytest.mark.parametrize("spec", [DataSpec, ExportSpec, FlowSpec, ImageFlowSpec, TrainingSpec])
def test_the_recipe_page_states_every_key_and_its_default(spec: type[msgspec.Struct]) -> None:
    page = (DOCS / ("images.md" if spec is ImageFlowSpec else "training.md")).read_text(encoding="utf-8")
    for key, default in defaults(spec):
        shown = "none" if default is None else f"`{json.dumps(default)}`"
        assert f"| `{key}` | {shown} |" in page


@pytest.mark.parametrize("page", named(PAGES))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = page.parent / file if file else page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
            assert anchor in [anchor_of(heading) for heading in headings], target


def anchor_of(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", named(PAGES))
def test_every_command_on_a_page_exists(page: Path) -> None:
    for _, language, text in blocks(page):
        if language not in ("sh", "console"):
            continue
        for line in text.splitlines():
            words = shlex.split(COMMENT.sub("", line.removeprefix("$ ")))
            is_command = line.startswith("$ ") if language == "console" else True
            for piped in "\0".join(words).split("\0|\0") if is_command else []:
                if (part := piped.split("\0"))[0] == "flowexport":
                    parse(part[1:])


def parse(words: list[str]) -> None:
    """Parses a command's words as click would, without running it."""
    context = click.Context(main, info_name="flowexport")
    known = {name for parameter in main.get_params(context) for name in parameter.opts}
    first = [*itertools.takewhile(lambda word: word.startswith("-"), words)]
    for word in first:
        if word not in known:
            raise click.NoSuchOption(word, ctx=context)
    if rest := words[len(first) :]:
        name, command, rest = main.resolve_command(context, rest)
        assert command is not None
        command.make_context(name, rest, parent=context)


@pytest.mark.parametrize(
    "words", [["forecast"], ["sample", "banana"], ["verify", "banana", "--fast"], ["--fast", "models"]]
)
def test_a_command_that_does_not_exist_is_noticed(words: list[str]) -> None:
    with pytest.raises(click.UsageError):
        parse(words)


@pytest.mark.parametrize("page", named(PAGES))
def test_every_recipe_on_a_page_is_one(page: Path) -> None:
    for _, language, text in blocks(page):
        if language == "toml":
            msgspec.toml.decode(text, type=Recipe)


PYTHON = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]
TUTORIALS = [page for page in PYTHON if page.name.startswith("tutorial-")]


@pytest.mark.usefixtures("one_thread", "univariates_of_its_own")
@pytest.mark.parametrize("page", named([page for page in PYTHON if page not in TUTORIALS]))
def test_every_python_block_of_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if page.name == "native.md" and os.environ.get("FLOWEXPORT_REQUIRE_ALL") != "1":
        pytest.importorskip("flowexport_native", reason="make setup builds it where there is a C compiler")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for file, language, text in blocks(page):
        if file:
            Path(file).write_text(text, encoding="utf-8")
        if language == "python":
            exec(compile(text, f"{page.name}: {text.splitlines()[0]}", "exec"), namespace)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread", "univariates_of_its_own")
@pytest.mark.parametrize("page", named(TUTORIALS))
def test_a_tutorial_goes_the_whole_way(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Python and its commands, in their order."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for file, language, text in blocks(page):
        if file:
            Path(file).write_text(text, encoding="utf-8")
        if language == "python":
            exec(compile(text, f"{page.name}: {text.splitlines()[0]}", "exec"), namespace)
        for line in text.splitlines() if language == "sh" else []:
            words = shlex.split(COMMENT.sub("", line))
            if words[0] == "flowexport":
                result = CliRunner().invoke(main, words[1:])
                assert result.exit_code == 0, f"{line}\n{result.output}"


def test_the_script_runs_from_anywhere(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, DOCS / "generate.py", "--check"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0


@pytest.mark.slow
def test_the_commands_of_the_readme_run_as_they_stand_in_a_clone(tmp_path: Path) -> None:
    """In their order, in one shell that stops at the first failure."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("\n## From the command line\n")[1].split("\n## ")[0]
    (script,) = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    tracked = subprocess.run(["git", "ls-files", "models/banana"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in tracked.stdout.split():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, module in (("python", ""), ("flowexport", " -m flowexport")):
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{module} "$@"\n')
        (commands / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{commands}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-1000:]}\n{done.stderr}"
    for name in ("report.html", "bundle/flow.json", "scores.parquet", "recipe.toml"):
        assert (tmp_path / name).exists()
