"""StyleGAN2 in plain PyTorch: no compiler, no custom operations, only torch and numpy.

>>> from engine.stylegan2 import Generator
>>> generator = Generator(resolution=64)
>>> w = generator.mapping(torch.randn(1, 512))       # (1, 512)
>>> picture = generator.synthesis(generator.broadcast(w))  # (1, 3, 64, 64), RGB, about [-1, 1]
"""

from engine.stylegan2.network import Generator, to_uint8

__all__ = ["Generator", "to_uint8"]
