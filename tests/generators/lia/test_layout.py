"""Checkpoint files for LIA: what is wrong is said at once, tensor by tensor."""

import pytest
import torch

import generators
from generators.checkpoint import read_checkpoint
from generators.errors import GeneratorError
from generators.lia.layout import LAYOUT, read_network


def hollow_state() -> dict[str, torch.Tensor]:
    """Tensors of the published names and shapes that take no room on disk: one stored element each."""
    return {name: torch.zeros(1).expand(shape) for name, shape in LAYOUT.expected("gen").items()}


def saved(tmp_path, state, key: str = "gen"):
    path = tmp_path / "vox.pt"
    torch.save({key: state, "epoch": 3}, path)
    return path


def test_published_layout_loads_whatever_else_the_file_holds(tmp_path):
    path = tmp_path / "vox.pt"
    torch.save({"gen": hollow_state(), "dis": {"weight": torch.ones(2)}, "g_optim": {"state": {}}}, path)
    network = read_network(read_checkpoint(path), where=str(path))
    assert not network.training
    assert {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} == LAYOUT.expected("gen")


def test_missing_unexpected_and_misshaped_tensors_are_all_named(tmp_path):
    state = hollow_state()
    del state["dec.direction.weight"]
    state["dec.surplus"] = torch.zeros(1)
    state["enc.fc.4.bias"] = torch.zeros(21)
    with pytest.raises(GeneratorError) as error:
        generators.create("lia", weights=saved(tmp_path, state))
    message = str(error.value)
    for part in ("vox.pt", "dec.direction.weight", "dec.surplus", "enc.fc.4.bias", "(21,)", "(20,)"):
        assert part in message


def test_a_file_without_the_gen_module_says_what_it_holds(tmp_path):
    with pytest.raises(GeneratorError, match=r"module 'gen' is missing.*holds 'generator'"):
        generators.create("lia", weights=saved(tmp_path, hollow_state(), key="generator"))


def test_a_checkpoint_of_another_image_size_is_refused(tmp_path):
    state = {name: tensor for name, tensor in hollow_state().items() if not name.startswith("dec.to_flows.5")}
    with pytest.raises(GeneratorError, match=r"missing: dec\.to_flows\.5"):
        generators.create("lia", weights=saved(tmp_path, state))


def test_creating_without_weights_says_where_they_come_from():
    with pytest.raises(GeneratorError, match=r"needs weights.*vox\.pt.*github\.com/wyhsirius/LIA.*CC-BY-NC-4\.0"):
        generators.create("lia")


def test_creating_with_a_path_that_is_not_there_names_it(tmp_path):
    with pytest.raises(GeneratorError, match=r"absent\.pt"):
        generators.create("lia", weights=tmp_path / "absent.pt")


@pytest.mark.parametrize("options", [{"dtype": "float16"}, {"device": "tpu"}, {"colour": "red"}])
def test_unknown_precision_device_or_option_is_refused(options, tmp_path):
    with pytest.raises(GeneratorError, match=str(next(iter(options.values()))) + "|" + next(iter(options))):
        generators.create("lia", weights=saved(tmp_path, hollow_state()), **options)
