"""The store of checkpoints: real files, small layouts."""

from __future__ import annotations

import hashlib
import json
from functools import partial

import pytest
import torch
from safetensors import safe_open
from torch import nn

from generators import checkpoint, weights
from generators.checkpoint import Layout, read_checkpoint
from generators.errors import GeneratorError

SMALL = Layout("small", ("small.pt",), {"net": partial(nn.Linear, 3, 2)}, "MIT", "https://example.org/small")
WIDE = Layout(
    "large", ("large.pt",), {"net": partial(nn.Linear, 3, 4)}, "CC0-1.0", "https://example.org/l", variant="wide"
)


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoint, "known_layouts", lambda: [SMALL, WIDE])
    monkeypatch.setattr(weights, "known_layouts", lambda: [SMALL, WIDE])
    monkeypatch.setenv("NVFAIR_WEIGHTS", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture
def file(tmp_path):
    def make(outputs=2, name="Vox 256.pth.tar", seed=0):
        torch.manual_seed(seed)
        net = nn.Linear(3, outputs)
        torch.save(
            {"net": net.state_dict(), "discriminator": nn.Linear(9, 9).state_dict(), "epoch": 3}, tmp_path / name
        )
        return tmp_path / name

    return make


def test_an_added_file_is_recognised_hashed_and_kept_without_what_nobody_needs(file, folder):
    path = file()
    record = weights.add(path)
    assert (record.name, record.generator, record.variant) == ("small-vox-256", "small", "")
    assert (record.licence, record.source) == ("MIT", "https://example.org/small")
    assert record.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    stored = folder / "small-vox-256.safetensors"
    with safe_open(stored, framework="pt") as tensors:
        assert set(tensors.keys()) == {"net/weight", "net/bias"}
    torch.testing.assert_close(read_checkpoint(stored)["net"], read_checkpoint(path)["net"], rtol=0, atol=0)
    assert json.loads((folder / "small-vox-256.json").read_text())["original_file"] == "Vox 256.pth.tar"
    assert weights.records() == [record]
    assert sorted(entry.name for entry in folder.iterdir()) == ["small-vox-256.json", "small-vox-256.safetensors"]


def test_a_variant_is_recognised_by_shape(file):
    assert weights.add(file(outputs=4), name="mine", licence="CC-BY-4.0", source="https://a.b/c").variant == "wide"
    assert weights.records()[0].licence == "CC-BY-4.0"


def test_the_same_file_twice_is_refused_under_any_name(file):
    weights.add(file(), name="first")
    with pytest.raises(GeneratorError, match="already in the store as 'first'"):
        weights.add(file(), name="second")


def test_a_taken_name_is_refused_with_the_remedy(file):
    weights.add(file(), name="mine")
    with pytest.raises(GeneratorError, match=r"'mine' is taken by Vox 256\.pth\.tar.*nvfair weights remove mine"):
        weights.add(file(seed=1), name="mine")


def test_a_file_that_fits_nothing_is_refused_and_leaves_no_trace(file, folder):
    with pytest.raises(GeneratorError, match=r"fits none of small, large \(wide\); it holds 'net', 'discriminator'"):
        weights.add(file(outputs=7))
    with pytest.raises(GeneratorError, match=r"weight is \(7, 3\), expected \(2, 3\)"):
        weights.add(file(outputs=7), generator="small")
    with pytest.raises(GeneratorError, match=r"no network generator is called 'tiny'"):
        weights.add(file(), generator="tiny")
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../escape", "UPPER", "", ".hidden", "a/b", "x" * 65])
def test_names_that_are_no_file_names_are_refused(file, name):
    if name:
        with pytest.raises(GeneratorError, match="will not do"):
            weights.add(file(), name=name)
    with pytest.raises(GeneratorError, match="will not do"):
        weights.fetch(name, "https://example.org/x", "0" * 64)


def test_a_removed_entry_is_gone_and_an_unknown_one_is_named(file, folder):
    weights.add(file(), name="mine")
    weights.remove("mine")
    assert weights.records() == []
    assert list(folder.iterdir()) == []
    with pytest.raises(GeneratorError, match="no weights are registered as 'mine'"):
        weights.remove("mine")


def test_a_registered_name_and_the_published_file_are_the_same_weights(file):
    path = file()
    weights.add(path, name="mine", licence="by arrangement")
    by_name, by_path = weights.resolve("mine", SMALL), weights.resolve(path, SMALL)
    assert by_name.sha256 == by_path.sha256
    assert by_name.licence == by_path.licence == "by arrangement"
    assert weights.resolve(file(seed=1), SMALL).licence == "MIT"
    assert by_name.path.suffix == ".safetensors"


def test_resolving_names_what_there_is(file):
    weights.add(file(), name="mine")
    with pytest.raises(GeneratorError, match=r"'absent'.*no such file.*\['mine'\].*nvfair weights add"):
        weights.resolve("absent", SMALL)
    with pytest.raises(GeneratorError, match="'mine' are of small, not of large"):
        weights.resolve("mine", WIDE)
    with pytest.raises(GeneratorError, match="large needs weights"):
        weights.resolve(None, WIDE)


def test_an_entry_changed_in_the_store_is_refused(file, folder):
    weights.add(file(), name="mine")
    stored = folder / "mine.safetensors"
    stored.write_bytes(stored.read_bytes()[:-1] + b"!")
    with pytest.raises(GeneratorError, match="changed since it was added"):
        weights.resolve("mine", SMALL)


def test_a_damaged_record_is_named(file, folder):
    weights.add(file(), name="mine")
    (folder / "mine.json").write_text("{}")
    with pytest.raises(GeneratorError, match=r"mine\.json: not a record"):
        weights.records()


def test_a_fetched_file_is_compared_and_added(file, folder):
    path = file(name="large.pt", outputs=4)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    record = weights.fetch("fetched", path.as_uri(), sha256.upper())
    assert (record.name, record.generator, record.sha256) == ("fetched", "large", sha256)
    assert record.source == path.as_uri()
    assert sorted(entry.name for entry in folder.iterdir()) == ["fetched.json", "fetched.safetensors"]


def test_a_fetched_file_with_another_hash_is_not_kept(file, folder):
    with pytest.raises(GeneratorError, match=r"has sha256 [0-9a-f]{64}, expected 0{64}; nothing was kept"):
        weights.fetch("mine", file().as_uri(), "0" * 64)
    assert list(folder.iterdir()) == []


def test_a_network_failure_says_what_to_do_by_hand(folder):
    # Port 9 of this machine: nobody answers, and no name has to be looked up.
    with pytest.raises(
        GeneratorError, match=r"could not be fetched.*download vox\.pt elsewhere.*nvfair weights add vox\.pt"
    ):
        weights.fetch("mine", "https://127.0.0.1:9/files/vox.pt?download=1", "0" * 64, timeout=5)
    assert list(folder.iterdir()) == []


def test_addresses_and_hashes_are_parsed_before_anything_is_sent():
    with pytest.raises(GeneratorError, match="not 64 hex digits"):
        weights.fetch("mine", "https://example.org/x", "abc")
    with pytest.raises(GeneratorError, match="give an https:// or hf://"):
        weights.fetch("mine", "http://example.org/x", "0" * 64)


def test_a_hub_address_becomes_its_download_address(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "https://127.0.0.1:9/")
    assert weights.web_address("hf://owner/repo/sub/vox.pt") == "https://127.0.0.1:9/owner/repo/resolve/main/sub/vox.pt"


def test_weights_that_are_not_finite_are_not_added(tmp_path, folder):
    net = nn.Linear(3, 2)
    with torch.no_grad():
        net.bias[0] = float("nan")
    torch.save({"net": net.state_dict()}, tmp_path / "a.pt")
    with pytest.raises(GeneratorError, match=r"1 tensor with NaN or infinity: bias \(1 of 2\)"):
        weights.add(tmp_path / "a.pt")
    assert not folder.exists()


def test_a_foreign_form_is_named_where_no_generator_is(tmp_path):
    parallel = nn.DataParallel(nn.Linear(3, 2))
    torch.save({"net": parallel.state_dict()}, tmp_path / "parallel.pt")
    with pytest.raises(GeneratorError, match=r"DataParallel.*it is small"):
        weights.add(tmp_path / "parallel.pt")
    torch.save(nn.Linear(3, 2).state_dict(), tmp_path / "bare.pt")
    with pytest.raises(GeneratorError, match="one bare state dict"):
        weights.add(tmp_path / "bare.pt")
