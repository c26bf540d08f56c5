"""Names well-known checkpoints that hold no StyleGAN2 generator, and says what to do instead."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine.common.errors import InvalidWeights
from engine.stylegan2.pickled_values import Record

FETCH = "'./kiosk weights fetch ffhq-1024' brings NVIDIA's StyleGAN2 of faces"

# What a tensor of the network is called, after the keys that it lies under in the checkpoint, and what the
# network then is. The first that fits is taken.
NETWORKS: list[tuple[str, str]] = [
    (
        r"(.*\.)?synthesis\.(input\.(freqs|transform|affine\..*)|L\d+_\d+_\d+\..*)",
        "NVIDIA's StyleGAN3 (configuration stylegan3-t or -r), another architecture; take a network of its "
        f"configuration stylegan2, or a StyleGAN2-ADA one ({FETCH})",
    ),
    (
        r"(.*\.)?backbone\.synthesis\..*",
        f"EG3D, a generator of volumes; take a StyleGAN2 generator ({FETCH})",
    ),
    (
        r"(.*\.)?generator\.progression\.\d+\..*|(.*\.)?style\.\d+\.linear\.weight_orig"
        r"|(.*\.)?g_synthesis\..*|(.*\.)?synthesis\.blocks\.4x4\..*",
        f"the first StyleGAN, another architecture; take a StyleGAN2 generator ({FETCH})",
    ),
    (
        r"(.*\.)?(stylegan_decoder|stylegan_decoderdecoder|condition_scale)\..*|params_ema\.conv_body_first\..*",
        f"GFPGAN, which restores faces and generates none; take a StyleGAN2 generator ({FETCH})",
    ),
    (
        r"(.*\.)?(position_emb|ft_layers\.\d+\..*|fuse_convs_dict\..*)",
        f"CodeFormer, which restores faces and generates none; take a StyleGAN2 generator ({FETCH})",
    ),
    (
        r"(.*\.)?(model\.diffusion_model|first_stage_model|cond_stage_model|conditioner|double_blocks)\..*"
        r"|(.*\.)?(down_blocks|time_embedding|time_embed)\..*",
        f"a diffusion model (Stable Diffusion is one), another kind of network; take a "
        f"StyleGAN2 generator ({FETCH})",
    ),
    (
        r"(.*\.)?(lora_\w+|\w+\.lora_(A|B|down|up)\..*)",
        f"a LoRA of a diffusion model; take a StyleGAN2 generator ({FETCH})",
    ),
    (
        r"(.*\.)?(quantize\.embedding\.weight|vqvae\..*|encoder\.conv_in\.weight)",
        "a vector-quantised autoencoder (RestoreFormer and VQGAN are such), another kind of network; take a "
        f"StyleGAN2 generator ({FETCH})",
    ),
    (
        r"(.*\.)?(style_mapping|style_mlp|constant_input|style_conv1|generator(_ema)?\.constant_input)\..*",
        "StyleGAN2 as BasicSR or MMGeneration name its weights; take the .pkl of NVIDIA or the .pt of "
        "rosinality that it was made from",
    ),
    (
        r"(GAN|.*\.GAN)\..*|G\.initial_block|(.*\.)?S\.net\.0\.weight",
        "lucidrains' stylegan2_pytorch, another architecture; take a generator of NVIDIA's or rosinality's "
        f"code ({FETCH})",
    ),
    (
        r"(.*\.)?synthesis\.layer\d+\..*|(.*\.)?mapping\.dense\d+\..*",
        "a generator as GenForce names its weights; take the .pkl of NVIDIA that it was made from",
    ),
    (
        r"(.*\.)?encoder\.(input_layer|body|styles)\..*",
        "an encoder without its generator (pSp and e4e keep that under decoder.); take the whole checkpoint, "
        "or the generator itself",
    ),
    (
        r"([Dd]\.|discriminator\.)?(b4\.(conv|out)|b\d+\.(fromrgb|conv0)|final_(conv|linear))\..*",
        "a discriminator alone: the generator (G_ema or g_ema) is missing; take the checkpoint that has it",
    ),
]  # fmt: skip


# The metadata of the other files that this project writes.
OWN_KINDS = {"encoder": "an encoder", "people": "a list of people"}


def name_of_network(names: Iterable[str]) -> str | None:
    """What network has tensors of these names, and what to take instead; None where it is not known."""
    names = list(names)
    for pattern, what in NETWORKS:
        if any(re.fullmatch(pattern, name) for name in names):
            return what
    return None


def name_of_safetensors(names: Iterable[str], metadata: Mapping[str, str]) -> str:
    """What a safetensors file holds that is no generator of ours, and what to do."""
    for key, what in OWN_KINDS.items():
        if key in metadata:
            return f"{what} of this project, no generator; name it as such in the configuration"
    names = list(names)
    if known := name_of_network(names):
        return known
    if any(name.endswith(("synthesis.b4.const", "input.input")) for name in names):
        return (
            "the weights of a StyleGAN2 generator without its settings (its metadata has no 'stylegan2'); "
            "take the .pkl or .pt that it was made from"
        )
    return "a safetensors file, but not of a generator (its metadata has no 'stylegan2')"


def check_record(content: Any) -> None:
    """Raises `InvalidWeights` for a pickle of NVIDIA's TensorFlow code or of an object of unknown class."""
    first = next(iter(content), None) if isinstance(content, tuple | list) else content
    if not isinstance(first, Record):
        return
    if first.name in ("dnnlib.tflib.network.Network", "tfutil.Network"):
        raise InvalidWeights(_tensorflow(first))
    raise InvalidWeights(
        f"an object of {first.name}, a class that is not known here; save its state dict "
        "with torch.save(network.state_dict(), ...) in the program that made it"
    )


def _tensorflow(network: Record) -> str:
    state = network.state if isinstance(network.state, dict) else {}
    if network.name.startswith("tfutil"):
        return f"NVIDIA's progressive GAN in TensorFlow, another architecture; {FETCH}"
    if state.get("build_func_name") == "G_style":
        return f"the first StyleGAN in TensorFlow, another architecture; {FETCH}"
    return (
        "this is NVIDIA's older TensorFlow format; convert it with legacy.py of stylegan2-ada-pytorch "
        "(python legacy.py --source=OLD.pkl --dest=NEW.pkl), or fetch ffhq.pkl, the same network of faces, "
        "with './kiosk weights fetch ffhq-1024'"
    )
