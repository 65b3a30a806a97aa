"""Reading checkpoint files: what is accepted, what is refused, and what the refusals say."""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from generators import checkpoint as subject
from generators.checkpoint import Layout, known_layouts, load_strict, read_checkpoint, recognise, select
from generators.errors import GeneratorError

SMALL = Layout("small", ("small.pt",), {"net": partial(nn.Linear, 3, 2)}, "MIT", "https://example.org/small")
LARGE = Layout(
    "large",
    ("large.pt",),
    {"net": partial(nn.Linear, 3, 4)},
    "CC0-1.0",
    "https://example.org/large",
    optional={"extra": partial(nn.Linear, 1, 1)},
    variant="wide",
)


@pytest.fixture(autouse=True)
def two_layouts(monkeypatch):
    monkeypatch.setattr(subject, "known_layouts", lambda: [SMALL, LARGE])


class Command:
    """Unpickling one runs a command: what a hostile checkpoint does."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_published_file_gives_its_modules_and_leaves_the_rest(tmp_path, zipped):
    net = nn.Linear(3, 2)
    optimiser = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    content = {
        "net": net.state_dict(),
        "optimizer": optimiser.state_dict(),
        "epoch": 100,
        "args": argparse.Namespace(size=256),
        "mixed": {"note": "kept apart", "value": torch.ones(1)},
    }
    torch.save(content, tmp_path / "a.pth.tar", _use_new_zipfile_serialization=zipped)
    read = read_checkpoint(tmp_path / "a.pth.tar")
    assert list(read) == ["net", "mixed"]
    torch.testing.assert_close(read["net"], dict(net.state_dict()), rtol=0, atol=0)
    assert list(read["mixed"]) == ["value"]


def test_a_bare_state_dict_is_read_under_the_empty_name(tmp_path):
    torch.save(nn.Linear(3, 2).state_dict(), tmp_path / "a.pt")
    assert set(read_checkpoint(tmp_path / "a.pt")[""]) == {"weight", "bias"}


def test_safetensors_keys_name_module_and_tensor_whatever_the_suffix(tmp_path):
    save_file({"net/a.weight": torch.ones(2), "other/b": torch.zeros(1)}, tmp_path / "renamed.pt")
    read = read_checkpoint(tmp_path / "renamed.pt")
    assert {module: list(state) for module, state in read.items()} == {"net": ["a.weight"], "other": ["b"]}


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_would_run_code_is_refused_and_runs_nothing(tmp_path, zipped):
    marker = tmp_path / "ran"
    content = {"net": nn.Linear(3, 2).state_dict(), "extra": Command(marker)}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(GeneratorError, match=r"a\.pt.*run code \(posix\.mkdir\).*save only its state dicts"):
        read_checkpoint(tmp_path / "a.pt")
    assert not marker.exists()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_a_truncated_file_is_refused(tmp_path, form, share):
    whole = tmp_path / "whole"
    if form == "safetensors":
        save_file({"net/weight": torch.ones(1000)}, whole)
    else:
        torch.save({"net": nn.Linear(30, 20).state_dict()}, whole, _use_new_zipfile_serialization=form == "zip")
    content = whole.read_bytes()
    part = tmp_path / "part.pt"
    part.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(GeneratorError, match=r"part\.pt"):
        read_checkpoint(part)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>Quota exceeded", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"some words that are no checkpoint at all", "damaged"),
        (b"\x80\x02abc", "damaged"),
        (bytes(100), "damaged"),
    ],
)
def test_what_is_no_checkpoint_is_named(tmp_path, content, words):
    path = tmp_path / "vox.pth.tar"
    path.write_bytes(content)
    with pytest.raises(GeneratorError, match=words):
        read_checkpoint(path)


def test_a_missing_file_a_folder_and_a_file_without_tensors_are_refused(tmp_path):
    with pytest.raises(GeneratorError, match="does not exist"):
        read_checkpoint(tmp_path / "absent.pt")
    with pytest.raises(GeneratorError, match="is a folder"):
        read_checkpoint(tmp_path)
    torch.save({"epoch": 3}, tmp_path / "a.pt")
    with pytest.raises(GeneratorError, match="no tensors"):
        read_checkpoint(tmp_path / "a.pt")
    torch.save([1, 2], tmp_path / "b.pt")
    with pytest.raises(GeneratorError, match="holds a list"):
        read_checkpoint(tmp_path / "b.pt")


def test_select_keeps_what_the_layout_uses():
    checkpoint = {
        "net": nn.Linear(3, 4).state_dict(),
        "extra": nn.Linear(1, 1).state_dict(),
        "optimizer": {"x": torch.ones(1)},
    }
    assert list(select(checkpoint, LARGE, where="a.pt")) == ["net", "extra"]
    del checkpoint["extra"]
    assert list(select(checkpoint, LARGE, where="a.pt")) == ["net"]


def test_select_names_everything_that_differs_at_once():
    state = {"weight": torch.zeros(2, 5), "stray": torch.zeros(1)}
    with pytest.raises(GeneratorError) as caught:
        select({"net": state}, SMALL, where="weights a.pt")
    message = str(caught.value)
    for part in ("weights a.pt", "1 missing: bias", "1 unexpected: stray", "weight is (2, 5), expected (2, 3)"):
        assert part in message


def test_select_says_which_other_generator_the_file_is_for():
    with pytest.raises(GeneratorError, match=r"does not fit small.*looks like weights of large \(wide\)"):
        select({"net": nn.Linear(3, 4).state_dict()}, SMALL, where="a.pt")


def test_select_names_a_missing_module_and_what_the_file_holds():
    with pytest.raises(GeneratorError, match=r"'net' is missing.*holds 'generator'.*small\.pt.*example\.org"):
        select({"generator": {"x": torch.ones(1)}}, SMALL, where="a.pt")


def test_recognise_tells_layouts_of_one_name_by_shape():
    assert recognise({"net": nn.Linear(3, 4).state_dict()}) is LARGE
    assert recognise({"net": nn.Linear(3, 2).state_dict()}) is SMALL
    assert recognise({"net": nn.Linear(2, 2).state_dict()}) is None


def test_load_strict_fills_a_module_in_its_own_type():
    values = nn.Linear(3, 2).state_dict()
    module = nn.Linear(3, 2)
    load_strict(module, {name: value.half() for name, value in values.items()}, where="a.pt")
    assert module.weight.dtype == torch.float32
    torch.testing.assert_close(module.weight.data, values["weight"], rtol=0, atol=1e-3)


def test_load_strict_fills_a_module_without_memory():
    values = nn.Linear(3, 2).state_dict()
    with torch.device("meta"):
        module = nn.Linear(3, 2)
    load_strict(module, values, where="a.pt")
    torch.testing.assert_close(module.weight.data, values["weight"], rtol=0, atol=0)


def test_load_strict_shortens_long_lists_but_counts_all():
    module = nn.Sequential(*(nn.Linear(1, 1) for _ in range(10)))
    with pytest.raises(GeneratorError, match=r"20 missing: 0\.weight, .* and 16 more") as caught:
        load_strict(module, {"stray": torch.ones(1)}, where="a.pt, module 'net'")
    assert "1 unexpected: stray" in str(caught.value)
    assert str(caught.value).startswith("a.pt, module 'net'")


def test_load_strict_says_which_module_the_tensors_are_of():
    with pytest.raises(GeneratorError, match=r"looks like 'net' of large \(wide\)"):
        load_strict(nn.Linear(3, 2), nn.Linear(3, 4).state_dict(), where="a.pt")


def test_the_real_layouts_are_found(monkeypatch):
    monkeypatch.undo()
    names = [layout.generator for layout in known_layouts()]
    assert "tps" in names
    assert len({layout.name for layout in known_layouts()}) == len(names)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_select_refuses_weights_that_are_not_finite(value, dtype):
    state = {name: tensor.to(dtype) for name, tensor in nn.Linear(3, 2).state_dict().items()}
    select({"net": state}, SMALL, where="a.pt")
    state["weight"][1, 2] = value
    with pytest.raises(GeneratorError, match=r"'net': 1 tensor with NaN or infinity: weight \(1 of 6\)"):
        select({"net": state}, SMALL, where="a.pt")


def test_select_takes_large_values_whose_sum_is_infinite():
    state = {"weight": torch.full((2, 3), 3e38), "bias": torch.full((2,), 3e38)}
    assert select({"net": state}, SMALL, where="a.pt")["net"]["bias"][0] == torch.tensor(3e38)


@pytest.mark.parametrize(
    ("checkpoint", "words"),
    [
        ({"net": {f"module.{name}": value for name, value in nn.Linear(3, 2).state_dict().items()}}, "DataParallel"),
        ({"": dict(nn.Linear(3, 2).state_dict())}, "one bare state dict"),
        ({"state_dict": {f"net.{name}": v for name, v in nn.Linear(3, 2).state_dict().items()}}, "in one state dict"),
        ({"": {f"module.net.{name}": v for name, v in nn.Linear(3, 2).state_dict().items()}}, "in one state dict"),
        ({"generator": {"x": torch.ones(1)}, "kp_detector": {"jacobian.weight": torch.ones(1)}}, "First Order Motion"),
        ({"generator": {"x": torch.ones(1)}, "region_predictor": {"x": torch.ones(1)}}, "MRAA"),
    ],
    ids=["parallel", "bare", "prefixed", "parallel and prefixed", "first order", "regions"],
)
def test_a_known_foreign_form_is_named(checkpoint, words):
    with pytest.raises(GeneratorError, match=words):
        select(checkpoint, SMALL, where="a.pt")
