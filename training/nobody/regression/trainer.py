"""The training by regression: generator, moving average and codes learn pairs of latent and picture.

The average of the generator's weights over the last steps is what is saved, measured and exported.
"""

import argparse
import copy
from pathlib import Path

import numpy as np
import torch

from engine.common.errors import UsageError
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.network import Generator, to_uint8
from training.nobody.generators import (
    blocks_up_to,
    load_coarser_state,
    new_generator,
    rescale_truncation,
    set_w_avg,
)
from training.nobody.losses import learning_rate, pyramid_loss
from training.nobody.regression.pairs import CODE_DIMS, Pairs
from training.nobody.run_folder import load_checkpoint, save_checkpoint
from training.nobody.sheets import contact_sheet

CHECKPOINT_FILE = "checkpoint.pt"
# Pairs determine w from the first picture on, unlike an adversary: the mapping may learn much faster than
# its equalised rate of a hundredth.
MAPPING_RATE_FACTOR = 20.0
CODES_RATE_FACTOR = 2.0
CODE_NOISE = 0.4
RESHAPED_SHARE = 0.6  # of the pictures shown: with another shape than the render's own
AVERAGE_DECAY = 0.998


class RegressionTraining:
    """Networks, codes and pairs of one run. `images` counts the pictures shown over all runs.

    `args`: the arguments of `training.nobody.regress`.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.pairs = Pairs(args.renders, args.assets, args.run, args.resolution, args.threads)
        self.generator = new_generator(self.pairs.z_dim, args.resolution)
        self.checkpoint = args.run / CHECKPOINT_FILE
        self.images, self.steps = 0, 0
        saved = load_checkpoint(self.checkpoint) if self.checkpoint.exists() else None
        if saved:
            # A block that learns alone is put on top of the average, which is the better picture.
            start = saved["average" if args.last_block else "generator"]
            load_coarser_state(start, self.generator, self.checkpoint)
            self.pairs.codes.data.copy_(saved["codes"])
            self.images = saved["images"]
        elif args.start:
            self._load_exported(args.start)
        self.generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        if saved:
            load_coarser_state(saved["average"], self.average, self.checkpoint)
        self._rate_factors, groups = zip(*self._parameter_groups(), strict=True)
        self.optimiser = torch.optim.Adam(
            [{"params": parameters} for parameters in groups], lr=args.rate, betas=(0.9, 0.99), fused=True
        )
        trained_alike = (args.resolution, args.last_block)
        if saved and (saved["resolution"], saved.get("last_block", False)) == trained_alike:
            self.optimiser.load_state_dict(saved["optimiser"])
        self._prepare_measurements()

    def _load_exported(self, start: Path) -> None:
        """Begins with an exported generator. It holds no codes: they are learned from the beginning."""
        exported = load_generator(start)
        if exported.z_dim != self.pairs.z_dim:
            raise UsageError(
                f"{start}: made for a z of {exported.z_dim}; these renders need one of {self.pairs.z_dim}."
            )
        if (exported.lr_multiplier, exported.conv_clamp) != (
            self.generator.lr_multiplier,
            self.generator.conv_clamp,
        ):
            raise UsageError(f"{start}: has an lr_multiplier or conv_clamp of its own; begin with another.")
        rescale_truncation(exported, 1 / self.args.psi)  # takes back what the export did
        load_coarser_state(blocks_up_to(exported.state_dict(), self.args.resolution), self.generator, start)

    def _parameter_groups(self) -> list[tuple[float, list[torch.nn.Parameter]]]:
        """What learns: the factor on the learning rate, and the parameters of each group."""
        if self.args.last_block:
            self.generator.requires_grad_(False)
            last = self.generator.synthesis.get_submodule(f"b{self.args.resolution}").requires_grad_(True)
            self.pairs.codes.requires_grad_(False)
            return [(1.0, list(last.parameters()))]
        return [
            (MAPPING_RATE_FACTOR, list(self.generator.mapping.parameters())),
            (1.0, list(self.generator.synthesis.parameters())),
            (CODES_RATE_FACTOR, [self.pairs.codes]),
        ]

    def _prepare_measurements(self) -> None:
        """Chooses what each report shows: eight of each kind in a row, however few there are."""
        pairs = self.pairs
        self._known_rows = np.resize(pairs.training[::37], 8)
        unseen_rows = np.resize(pairs.unseen, max(8, len(pairs.unseen)))
        unchanged = np.zeros(len(unseen_rows), bool)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(1)
            self._unseen_z, self._unseen, self._unseen_weight = pairs.draw(
                unseen_rows, unchanged, unchanged, noise=0.0
            )
            self._unseen_z[:, -CODE_DIMS:] = 0  # the codes of unseen renders are not learned
        seeded = torch.Generator().manual_seed(2)
        self._fixed_z = torch.randn(24, self.generator.z_dim, generator=seeded)

    def step(self, seconds_left: float) -> float:
        """Learns one batch and returns its loss."""
        args = self.args
        rows = np.random.choice(self.pairs.training, args.batch, replace=False)
        reshaped, mirrored = np.random.random(args.batch) < RESHAPED_SHARE, np.random.random(args.batch) < 0.5
        latent, target, weight = self.pairs.draw(rows, reshaped, mirrored, CODE_NOISE)
        rate = learning_rate(self.steps, seconds_left, args.minutes * 12, args.rate)
        for group, factor in zip(self.optimiser.param_groups, self._rate_factors, strict=True):
            group["lr"] = rate * factor
        ws = self.generator.broadcast(self.generator.mapping(latent))
        drawn = self.generator.synthesis(ws, "none", torch.bfloat16 if args.bfloat16 else torch.float32)
        loss = pyramid_loss(drawn, target, weight)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.steps += 1
        self.images += args.batch
        self._move_average()
        return loss.item()

    @torch.no_grad()
    def _move_average(self) -> None:
        batches = self.images // self.args.batch  # over all runs: the average goes on where it was
        decay = min(AVERAGE_DECAY, (batches + 1) / (batches + 10))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.generator.parameters()), 1 - decay)

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Losses over held-out renders. Writes a sheet of samples and sets the average's median face."""
        average = self.average
        drawn = average(self._unseen_z)
        measured = {
            "held_out_loss": float(pyramid_loss(drawn, self._unseen, self._unseen_weight)),
            "held_out_l1": float((drawn - self._unseen).abs().mean()),
        }
        set_w_avg(average)
        unchanged = np.zeros(8, bool)
        z, known, _ = self.pairs.draw(self._known_rows, unchanged, unchanged, noise=0.0)
        rows = [
            known, average(z), self._unseen[:8], drawn[:8],
            average(self._fixed_z), average(self._fixed_z[:8], psi=0.7),
        ]  # fmt: skip
        sheet = contact_sheet(to_uint8(torch.cat(rows)), 8)
        sheet.save(self.args.run / f"samples-{self.args.resolution}.png")
        return measured

    def save(self) -> None:
        """Writes what a run goes on from; all of it or nothing."""
        save_checkpoint(
            self.checkpoint,
            {
                "generator": self.generator.state_dict(),
                "average": self.average.state_dict(),
                "codes": self.pairs.codes.data,
                "optimiser": self.optimiser.state_dict(),
                "images": self.images,
                "resolution": self.args.resolution,
                "last_block": self.args.last_block,
            },
        )


def averaged_generator(run: Path) -> Generator:
    """The averaged generator of a run, with its median face. Raises UsageError where there is no run."""
    saved = load_checkpoint(run / CHECKPOINT_FILE)
    z_dim = saved["average"]["mapping.fc0.weight"].shape[1]
    generator = new_generator(z_dim, saved["resolution"])
    generator.load_state_dict(saved["average"])
    set_w_avg(generator)
    return generator
