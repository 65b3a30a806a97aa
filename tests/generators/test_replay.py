"""Batches replayed from a recording: what the plain calls give, and the plain calls where nothing can be recorded."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from generators.replay import REST, Replay, filled_up

CUDA = torch.device("cuda")


def paint(source: Sequence[Tensor], frames: Sequence[Tensor]) -> Tensor:
    """Of a source (C,) and frames (B, C): pictures (B, C)."""
    return torch.tanh(frames[0] @ torch.outer(source[0], source[0])) + frames[1]


def batches(device: torch.device, frames: int, seed: int = 0) -> tuple[list[Tensor], list[Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=generator).to(device)  # noqa: E731
    return [draw(5)], [draw(frames, 5), draw(frames, 5)]


def test_rows_are_filled_up_with_the_last_one():
    rows = torch.arange(6.0).view(3, 2)
    assert filled_up(rows, 3) is rows
    torch.testing.assert_close(filled_up(rows, 5), rows[[0, 1, 2, 2, 2]])


def test_on_a_cpu_every_call_is_a_plain_one_with_the_frames_as_they_are():
    seen: list[int] = []
    replay = Replay(
        lambda source, frames: seen.append(len(frames[0])) or paint(source, frames), torch.device("cpu"), "x"
    )
    for frames in (4, 4, 3):
        source, rows = batches(torch.device("cpu"), frames)
        torch.testing.assert_close(replay(source, rows, 4), paint(source, rows), rtol=0, atol=0)
    assert seen == [4, 4, 3]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("batch", [4, 20])
def test_recorded_batches_are_the_plain_ones_for_every_source_and_number_of_frames(batch: int):
    replay = Replay(paint, CUDA, "x")
    results: list[tuple[Tensor, Tensor]] = []
    with torch.inference_mode():
        for seed, frames in enumerate((batch, batch, batch, batch - 1, 1, batch, 3, 2)):
            source, rows = batches(CUDA, frames, seed)
            results.append((replay(source, rows, batch), paint(source, rows)))
    assert set(replay._recorded) == {batch, min(batch, REST)}
    for ours, plain in results:  # all of them at the end: what was returned is not written again
        torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_what_cannot_be_recorded_is_called_plainly_and_said_once():
    replay = Replay(lambda source, frames: paint(source, frames) + float(source[0].sum()), CUDA, "x")
    source, rows = batches(CUDA, 4)
    with torch.inference_mode():
        first = replay(source, rows, 4)
        with pytest.warns(RuntimeWarning, match="could not be recorded"):
            second = replay(source, rows, 4)
        third = replay(source, rows, 4)
    assert not replay.recording
    for later in (second, third):
        torch.testing.assert_close(later, first, rtol=1e-5, atol=1e-5)
