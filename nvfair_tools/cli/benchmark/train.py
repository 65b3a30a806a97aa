"""`nvfair train`: a network is trained here."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.benchmark.evaluate import needs_torch, split_names
from nvfair_tools.cli.benchmark.threads import threads_option
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.names import GENERATOR, PROTOCOL
from nvfair_tools.cli.paths import CHECKPOINT, DATASET, OUTPUT_FOLDER, output
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

_POSITIVE = click.FloatRange(min=0, min_open=True)
_SHARE = click.FloatRange(0, 1)

_OF_THE_LOSS = ("tau", "include_self", "share_driving_clip", "shuffle_weight", "margin", "temperature", "negatives")
_OF_AUGMENTATION = ("noise", "speed", "mirror")
_OF_RE_RENDERING = ("gain", "blend", "smoothing", "frozen", "tracking")


def _options(*options: Callable) -> Callable:
    def add(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _number(name: str, default: float, least: int, text: str | None = None) -> Callable:
    return click.option(name, default=default, show_default=True, type=click.IntRange(min=least), help=text)


def _real(name: str, default: float, kind: click.ParamType, text: str) -> Callable:
    return click.option(name, default=default, show_default=True, type=kind, help=text)


def _choice(name: str, values: str, text: str) -> Callable:
    known = values.split()
    return click.option(name, default=known[0], show_default=True, type=click.Choice(known), help=text)


@click.command()
@preflighted("author:train")
@click.argument("dataset", type=DATASET)
@output()
@click.option(
    "--generators",
    "-g",
    multiple=True,
    required=True,
    type=GENERATOR,
    help="Generator of DATASET to train and select on; repeatable.",
)
@_options(
    click.option(
        "--method",
        help="The network; docs/training.md lists them. [default: nvfair-relative; temporal-cnn where one of its own "
        "options is named]",
    ),
    click.option("--input", default="distances", show_default=True, help="What the temporal CNN sees of a frame."),
    click.option(
        "--scale", default="overall", show_default=True, help="The facial scale that distances are divided by."
    ),
    _number("--windows", 20_000, 1, "Windows to train on in all."),
    _number("--batch", 64, 4, "Windows that one loss compares."),
    _number("--accumulate", 1, 1, "Batches a step, over all processes together."),
    _number("--drivers", 8, 2, "People a batch (clips, with --positives clip)."),
    _choice("--positives", "driver clip", "What windows that pull each other share; clip: no driver's label is used."),
    click.option("--from", "start", type=CHECKPOINT, help="Checkpoint from whose weights training goes on."),
    _number("--width", 128, 1, "Channels of the temporal CNN."),
    _number("--embedding", 64, 1, "Size of its embeddings."),
    click.option("--dilations", default="1,2,4,8", show_default=True, help="Dilations of its convolutions."),
    _real("--dropout", 0.3, click.FloatRange(0, 1, max_open=True), "Share of its channels that training leaves out."),
    click.option(
        "--size", "sizes", multiple=True, metavar="NAME=VALUE", help="A size of any other network; repeatable."
    ),
    _choice(
        "--loss",
        "fingerprint triplet supcon re-implementation trustfa",
        "A kind of loss, or one in a published setting.",
    ),
    _real("--tau", 0.5, _POSITIVE, "Temperature of the fingerprint loss."),
    click.option("--loss-scale", default="batch", show_default=True, help="Its scale c: batch, or a number."),
    click.option("--include-self", is_flag=True, help="A window counts among those that pull it."),
    click.option(
        "--share-driving-clip", is_flag=True, help="Windows of one driving clip pull each other, under any loss."
    ),
    _real("--shuffle-weight", 1.0, click.FloatRange(min=0), "Weight of R, the shuffled windows; 0: none are made."),
    _real("--margin", 1.0, _POSITIVE, "Margin of the triplet loss."),
    _real("--temperature", 0.1, _POSITIVE, "Temperature of the supcon loss."),
    _choice("--negatives", "face any", "Who pushes in triplet and supcon: drivers of the same face, or all others."),
    _choice("--optimiser", "adamw adam", "Weight decay beside the gradient, or in it."),
    _choice("--schedule", "cosine drop constant", "How the learning rate falls."),
    _real("--learning-rate", 3e-4, _POSITIVE, "Highest learning rate."),
    _real("--weight-decay", 0.01, click.FloatRange(min=0), "Weight decay of the optimiser."),
    _real("--warm-up", 0.05, _SHARE, "Share of the steps in which the learning rate rises."),
    _real("--clip-gradients", 0.0, click.FloatRange(min=0), "Largest norm of a step's gradients; 0: any."),
    _choice(
        "--augment", "none re-rendering", "Augmentation: windows as another generator and tracker would leave them."
    ),
    _real("--noise", 0.0, click.FloatRange(min=0), "Augmentation: noise, as a share of the face's size."),
    _real(
        "--speed", 0.0, click.FloatRange(0, 1, max_open=True), "Augmentation: windows slower or faster by up to this."
    ),
    _real("--mirror", 0.0, _SHARE, "Augmentation: share of batches seen in a mirror."),
    _real("--gain", 0.0, click.FloatRange(min=0), "Re-rendering: spread of the gains of motion (logarithm)."),
    _real("--blend", 0.0, click.FloatRange(min=0), "Re-rendering: share of facial components blended together."),
    _real("--smoothing", 0.0, click.FloatRange(min=0), "Re-rendering: widest smoothing over time, in frames."),
    _real("--frozen", 0.0, click.FloatRange(0, 1, max_open=True), "Re-rendering: share of frames shown again."),
    _real("--tracking", 0.0, click.FloatRange(min=0), "Re-rendering: tracking noise; 1: as measured."),
    _number("--validate-every", 4_000, 1, "Windows between two validations."),
    _number("--patience", 0, 0, "Validations without a better one before it stops; 0: no limit."),
    _real("--least-gain", 0.0, click.FloatRange(min=0), "What counts as better for --patience, in mean AUC."),
    _number("--seed", 0, 0, "First weights, batches and augmentation follow from it."),
    click.option(
        "--protocol",
        default="nvfair-seen",
        show_default=True,
        type=PROTOCOL,
        help="Name, or a .json file: windows, splits.",
    ),
    click.option("--device", default="auto", show_default=True, help="Where to compute: cpu, cuda or auto."),
    threads_option,
    _choice("--precision", "auto float32 bfloat16", "Precision of matrix products; auto: bfloat16 on a GPU."),
    click.option("--compile", is_flag=True, help="Compile the network by torch.compile."),
    _choice("--frames", "auto device stream", "Where landmarks are kept: on the device, or streamed to it."),
    click.option("--tensorboard", type=OUTPUT_FOLDER, help="Folder for TensorBoard's logs."),
)
@dry_run_option
@reports
@click.pass_context
def train(
    context: click.Context,
    dataset: Path,
    out: Path,
    generators: tuple[str, ...],
    dry_run: bool,
    **command_options: Any,
) -> dict[str, Any]:
    """Train a network on DATASET's training people; write the checkpoint to OUT.

    The default network, nvfair-relative, is the closest known relative of the paper's baseline, at the size of its
    publication: 20,000 windows take half an hour and more of a CPU core. --size width=64 makes that a few minutes, and
    --method temporal-cnn a minute.

    Selection looks at validation people only. Run again after an interruption, it goes on where it stopped. Several
    GPUs: `torchrun --nproc-per-node 4 -m nvfair_tools train ...`, with --accumulate a multiple of their number.
    """
    needs_torch()
    from benchmark import protocols
    from benchmark.methods.device import resolve_device
    from benchmark.methods.network import network_class
    from benchmark.methods.train_options import default_method
    from benchmark.training.loop import train as run
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.pipeline.progress_lines import task_progress

    named_options = {
        name for name in command_options if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    command_options["method"] = command_options["method"] or default_method(named_options)
    network = network_class(command_options["method"], where="--method")
    command_options |= {name: value for name, value in network.recommended.items() if name not in named_options}
    _refuse_foreign(command_options["method"], named_options)
    _apply_loss_preset(command_options, named_options)
    command_options["device"] = resolve_device(command_options["device"])
    main = os.environ.get("RANK", "0") == "0"  # of several processes, one speaks
    what: dict[str, Any] = {
        "data": Dataset.open(dataset),
        "out": out,
        "options": _train_options(split_names(generators), command_options),
        "protocol": protocols.load(command_options["protocol"]),
        "start": command_options["start"],
        "device": command_options["device"],
        "frame_placement": command_options["frames"],
    }
    if dry_run:
        return _would_train(what, command_options["tensorboard"])
    with task_progress("training", quiet=not main) as report:
        checkpoint = run(**what, tensorboard=command_options["tensorboard"], progress=report)
    value = checkpoint.selection["validation_auc"]
    outcome = "no validation" if value is None else f"validation AUC {value:.3f}"
    if main:
        click.echo(f"{out}: {command_options['method']}, {outcome} at step {checkpoint.selection['step']}")
        click.echo(f"next: nvfair evaluate {dataset} --checkpoint {out} --out REPORT")
    return {"checkpoint": out, "method": command_options["method"], "selection": checkpoint.selection}


def _would_train(what: dict[str, Any], tensorboard: Path | None) -> dict[str, Any]:
    """Says what a training would read and write, after it has read all of it."""
    from benchmark.training.planned import plan_training
    from nvfair_tools.quantities import size_text

    planned, out, method = plan_training(**what), what["out"], what["options"].method
    facts = {"checkpoint": out, "method": method, "training": planned}
    if planned.finished:
        click.echo(f"{out}: an earlier run has done all of it")
        return would_write([], **facts)
    selection = f"select on {planned.validation_videos:,}" if planned.validation_videos else "nothing to select on"
    begun = f", from step {planned.first_step:,} on" if planned.first_step else ""
    click.echo(
        f"{method}: would train on {count_text(planned.windows, 'window')} of {count_text(planned.videos, 'video')} of "
        f"{count_text(planned.people, 'person')}, {selection}; {count_text(planned.steps, 'step')}{begun}"
    )
    # Until a training has ended: its weights, the best so far, and two values of the optimiser's for each.
    state = size_text(4 * planned.weight_bytes)
    text = f"a checkpoint: its record, weights and log; until then {state} more, with how far it is"
    outputs = [Output(out, text, planned.weight_bytes)]
    if tensorboard is not None:
        outputs.append(Output(tensorboard, "TensorBoard's logs"))
    return would_write(outputs, **facts)


def _train_options(generators: tuple[str, ...], command_options: dict[str, Any]) -> Any:
    """TrainOptions from the command's options."""
    from benchmark.methods.inputs import parse_input
    from benchmark.methods.train_options import LossOptions, TrainOptions

    loss_options = {name: command_options[name] for name in _OF_THE_LOSS}
    plain = set(TrainOptions.__dataclass_fields__) & set(command_options) - {"loss"}
    values = {name: command_options[name] for name in plain}
    if command_options["precision"] == "auto":
        values["precision"] = "bfloat16" if command_options["device"].startswith("cuda") else "float32"
    values |= {
        "input": parse_input(command_options["input"]),
        "dilations": _numbers(command_options["dilations"]),
        "sizes": dict(map(_size, command_options["sizes"])),
    }
    return TrainOptions(
        generators=generators,
        loss=LossOptions(
            kind=command_options["loss"],
            scale=command_options["loss_scale"],
            floor=command_options.get("floor", 0.0),
            **loss_options,
        ),
        augmentation=_augmentation(command_options),
        **values,
    )


def _augmentation(command_options: dict[str, Any]) -> Any:
    """The Augmentation of the command's options; UsageError where a preset is named beside a value that it sets."""
    from benchmark.methods.train_options import Augmentation, ReRendering

    values = {name: command_options[name] for name in _OF_AUGMENTATION}
    re_rendering = {name: command_options[name] for name in _OF_RE_RENDERING}
    preset = command_options["augment"]
    if preset == "none":
        return Augmentation(**values, re_rendering=ReRendering(**re_rendering))
    foreign = [f"--{name}" for name, value in re_rendering.items() if value]
    if foreign:
        raise click.UsageError(f"--augment {preset} sets {', '.join(foreign)}; leave them out, or leave --augment out")
    return Augmentation.named(preset, **values)


def _refuse_foreign(method: str, named_options: set[str]) -> None:
    from benchmark.methods.train_options import OPTIONS_OF_TEMPORAL_CNN

    foreign = [f"--{name}" for name in OPTIONS_OF_TEMPORAL_CNN if name in named_options]
    if method != "temporal-cnn" and foreign:
        raise click.UsageError(f"{', '.join(foreign)}: for the temporal CNN alone; sizes of {method} go by --size")


def _apply_loss_preset(command_options: dict[str, Any], named_options: set[str]) -> None:
    """Sets the options of a loss that is a preset; UsageError where one of them is named as well."""
    from benchmark.methods.loss_presets import LOSS_PRESETS

    name = command_options["loss"]
    if name not in LOSS_PRESETS:
        return
    values = {("loss_scale" if key == "scale" else key): value for key, value in LOSS_PRESETS[name].items()}
    values["loss"] = values.pop("kind")
    foreign = [f"--{option.replace('_', '-')}" for option in values if option in named_options - {"loss"}]
    if foreign:
        raise click.UsageError(
            f"--loss {name} sets {', '.join(foreign)}; leave them out, or say --loss {LOSS_PRESETS[name]['kind']}"
        )
    command_options |= values


def _numbers(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise click.UsageError(f"--dilations {text}: expected whole numbers such as 1,2,4,8")
    return numbers


def _size(text: str) -> tuple[str, Any]:
    name, is_there, value = text.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        if is_there and value:
            return name, value
        raise click.UsageError(f"--size {text}: expected NAME=VALUE, such as hidden=64") from None
