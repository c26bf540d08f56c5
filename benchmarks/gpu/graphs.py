"""CUDA graphs: work of the same shapes, recorded once and replayed without Python.

The engine does not use them: nobody has run them on a GPU yet. This says what they would gain, and whether
they compute the same.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import torch

from benchmarks.gpu.pictures import embedded, short, untrained
from engine.common.device import brought_to
from engine.inversion.projection import Place, draw, fast_dtype, median_face
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.stylegan2.network import Generator

WARM_UP = 3  # runs before recording, in which the libraries choose their algorithms

Work = Callable[[], Sequence[torch.Tensor]]


@dataclass(frozen=True)
class Static:
    """Work on fixed tensors: `inputs` are written to, then `run` gives the results.

    Results of a recorded run are the same tensors each time: copy what is kept.
    """

    inputs: Sequence[torch.Tensor]
    run: Work

    @torch.no_grad()
    def __call__(self, *values: torch.Tensor) -> Sequence[torch.Tensor]:
        """values: as many as `inputs`, of the same shapes."""
        for held, value in zip(self.inputs, values, strict=True):
            held.copy_(value)
        with torch.enable_grad():
            return self.run()


def recorded(static: Static) -> Static:
    """The same as a CUDA graph. Its inputs have to be on the GPU."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # CUDA's rule: not in the stream that goes on afterwards
        for _ in range(WARM_UP):
            static.run()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = static.run()

    def replay() -> Sequence[torch.Tensor]:
        graph.replay()
        return results

    return Static(static.inputs, replay)


def drawing(generator: Generator, dtype: torch.dtype) -> Static:
    """W+ (1, num_ws, w_dim) -> its picture."""
    latent = median_face(generator).latent

    @torch.no_grad()
    def run() -> Sequence[torch.Tensor]:
        return [draw(generator, Place(latent), dtype)]

    return Static([latent], run)


def search_step(generator: Generator, dtype: torch.dtype) -> Static:
    """W+ -> its picture, the distance to a target, and that one's gradient by the latent."""
    target = torch.rand(
        1, 3, generator.resolution, generator.resolution, generator=torch.Generator().manual_seed(0)
    ).to(generator.device)
    loss = NormalisedLaplacianPyramid().towards(target, torch.ones_like(target[:, :1]))
    latent = median_face(generator).latent.requires_grad_()

    def run() -> Sequence[torch.Tensor]:
        picture = draw(generator, Place(latent), dtype)
        distance = loss(picture).sum()
        (gradient,) = torch.autograd.grad(distance, latent)
        return [picture.detach(), distance.detach(), gradient]

    return Static([latent], run)


def gains(device: torch.device, toy: bool) -> None:
    """Prints a second of each, and how far the recorded results are from the others; without CUDA, the
    others alone."""
    print("\n| generator | precision | what | a second | as a CUDA graph | ratio | largest difference |")
    print("|---|---|---|---:|---:|---:|---:|")
    count = 40 if device.type == "cuda" and not toy else 2
    for generator, kind, dtype, make in _works(device, toy):
        static = make(generator, dtype)
        latent = median_face(generator).latent
        other = latent + 0.1 * torch.randn(latent.shape, generator=torch.Generator().manual_seed(1)).to(
            device
        )
        rate = _rate(static, latent, count)
        cells = [f"{generator.resolution} px", short(dtype), kind, f"{rate:.2f}"]
        if device.type == "cuda":
            expected = [each.clone() for each in static(other)]
            graph = recorded(static)
            gap = max(
                float((a - b).abs().max() / b.abs().max().clamp(min=1e-12))
                for a, b in zip(graph(other), expected, strict=True)
            )
            quick = _rate(graph, latent, count)
            cells += [f"{quick:.2f}", f"{quick / rate:.2f}", f"{gap:.1e}"]
        else:
            cells += ["needs CUDA", "", ""]
        print("| " + " | ".join(cells) + " |")


def _works(
    device: torch.device, toy: bool
) -> Iterator[tuple[Generator, str, torch.dtype, Callable[[Generator, torch.dtype], Static]]]:
    for generator in (untrained(toy),) if toy else (embedded(), untrained(toy)):
        there = brought_to(generator, device)
        yield there, "picture", torch.float32, drawing
        yield there, "search step", fast_dtype(device), search_step


def _rate(static: Static, latent: torch.Tensor, count: int) -> float:
    """A second, each ending with the first result on the CPU."""
    static(latent)[0].cpu()
    began_s = perf_counter()
    for _ in range(count):
        static(latent)[0].cpu()
    return count / (perf_counter() - began_s)
