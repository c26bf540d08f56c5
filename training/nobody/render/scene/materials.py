"""What the scene's surfaces are made of, as Blender materials. Needs `bpy`. Colours are linear RGB."""

from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np

# Names of the vertex attributes that the meshes in `scene` carry.
COLOUR, GENERIC = "colour", "generic"


class Shader:
    """A material under construction: add nodes, then `finish` with the last one."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        self.tree = self.material.node_tree
        self.tree.nodes.clear()

    def add(self, kind: str, inputs: Mapping[Any, Any] | None = None, **settings: Any) -> Any:
        """Adds a node. Its inputs, by name or number, are given values or linked to other nodes' outputs."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for name, value in settings.items():
            setattr(node, name, value)
        for key, value in (inputs or {}).items():
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, node.inputs[key])
            else:
                node.inputs[key].default_value = value
        return node

    def attribute(self, name: str) -> Any:
        return self.add("Attribute", attribute_name=name)

    def noise(self, scale: float, detail: float) -> Any:
        """Noise that is fixed to the generic head; its output `Fac` lies about 0.5."""
        place = self.attribute(GENERIC).outputs["Vector"]
        return self.add("TexNoise", {"Vector": place, "Scale": scale, "Detail": detail}).outputs["Fac"]

    def remap(self, value: Any, before: tuple[float, float], after: tuple[float, float]) -> Any:
        inputs = {"Value": value, "From Min": before[0], "From Max": before[1]}
        return self.add("MapRange", {**inputs, "To Min": after[0], "To Max": after[1]}).outputs[0]

    def scaled(self, colour: Any, factor: Any) -> Any:
        return self.add("VectorMath", {0: colour, "Scale": factor}, operation="SCALE").outputs[0]

    def bump(self, height: Any, strength: float, distance: float) -> Any:
        return self.add("Bump", {"Height": height, "Strength": strength, "Distance": distance}).outputs[
            "Normal"
        ]

    def finish(self, **inputs: Any) -> bpy.types.Material:
        """Ends in a Principled BSDF with the given inputs (underscores for spaces)."""
        surface = self.add(
            "BsdfPrincipled", {name.replace("_", " "): value for name, value in inputs.items()}
        )
        self.add("OutputMaterial", {"Surface": surface.outputs[0]})
        return self.material


def _rgba(colour: np.ndarray | tuple[float, float, float]) -> tuple[float, ...]:
    return (*(float(channel) for channel in colour), 1.0)


def skin(roughness: float, wrinkles: float, texture: bpy.types.Image | None) -> bpy.types.Material:
    """Skin with light below its surface, coloured by the texture or, without one, by the vertices.

    The texture's alpha is the height in centimetres plus 1; pores and fine mottles are noise.
    """
    shader = Shader("skin")
    fine = shader.remap(shader.noise(5.0, detail=3), (0.3, 0.7), (0.94, 1.05))
    pores = shader.noise(9.0, detail=2)
    pore_depth = 0.030 + 0.02 * wrinkles
    if texture is None:
        coarse = shader.remap(shader.noise(0.55, detail=5), (0.3, 0.7), (0.90, 1.09))
        mottles = shader.add("Math", {0: coarse, 1: fine}, operation="MULTIPLY").outputs[0]
        colour = shader.scaled(shader.attribute(COLOUR).outputs["Color"], mottles)
        height = shader.add("Math", {0: pores, 1: pore_depth}, operation="MULTIPLY").outputs[0]
    else:
        image = shader.add("TexImage", image=texture, interpolation="Linear")
        colour = shader.scaled(image.outputs["Color"], fine)
        inputs = {0: pores, 1: pore_depth, 2: image.outputs["Alpha"]}
        height = shader.add("Math", inputs, operation="MULTIPLY_ADD").outputs[0]
    return shader.finish(
        Base_Color=colour,
        Subsurface_Weight=0.7,
        Subsurface_Radius=(1.0, 0.36, 0.2),
        Subsurface_Scale=0.28,
        Roughness=roughness,
        Specular_IOR_Level=0.42,
        Normal=shader.bump(height, strength=0.75, distance=1.0),
    )


def wet(name: str, colour: tuple[float, float, float]) -> bpy.types.Material:
    """Gums and teeth."""
    return Shader(name).finish(
        Base_Color=_rgba(colour),
        Roughness=0.25,
        Specular_IOR_Level=0.5,
        Coat_Weight=0.3,
        Subsurface_Scale=0.2,
    )


def glossy(name: str, colour: np.ndarray) -> bpy.types.Material:
    """The plastic or metal of glasses."""
    return Shader(name).finish(
        Base_Color=_rgba(colour), Roughness=0.25, Specular_IOR_Level=0.6, Coat_Weight=0.5
    )


def cloth(name: str, colour: np.ndarray, weave: float, relief: float) -> bpy.types.Material:
    """Matt cloth; `weave` is the frequency of its threads, `relief` their height in centimetres."""
    shader = Shader(name)
    place = shader.attribute(GENERIC).outputs["Vector"]
    threads = shader.add("TexWave", {"Vector": place, "Scale": weave, "Distortion": 2.0}).outputs["Fac"]
    return shader.finish(
        Base_Color=_rgba(colour),
        Roughness=0.9,
        Specular_IOR_Level=0.2,
        Sheen_Weight=0.3,
        Normal=shader.bump(threads, strength=0.6, distance=relief),
    )


def eye() -> bpy.types.Material:
    """An eyeball coloured by its vertices, under a clear film."""
    shader = Shader("eye")
    return shader.finish(
        Base_Color=shader.attribute(COLOUR).outputs["Color"],
        Roughness=0.25,
        Coat_Weight=0.55,
        Coat_Roughness=0.02,
        Specular_IOR_Level=0.15,
        Subsurface_Weight=0.1,
        Subsurface_Scale=0.1,
    )


def hair(name: str, colour: np.ndarray, variation: float) -> bpy.types.Material:
    """Hair whose strands differ in lightness by up to `variation`."""
    shader = Shader(name)
    chance = shader.add("HairInfo").outputs["Random"]
    lightness = shader.remap(chance, (0, 1), (1 - variation, 1 + variation))
    return shader.finish(
        Base_Color=shader.scaled([float(channel) for channel in colour], lightness),
        Roughness=0.42,
        Specular_IOR_Level=0.45,
    )
