"""Fills Blender's scene: meshes, strands, tubes, images and the settings of Cycles. Needs `bpy`.

Arrays are copied into Blender's data; colours are linear RGB.
"""

import math
from collections.abc import Sequence

import bpy
import numpy as np

from training.nobody.render.scene import materials

THINNING = ([0, 0.7, 1], [1, 0.9, 0.35])  # of a strand's radius, from root to tip


def set_up_cycles(scene: bpy.types.Scene, resolution: int, samples: int, threads: int) -> None:
    """Sets the renderer: square pictures of `resolution` pixels, transparent ground, denoised."""
    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    render.resolution_x = render.resolution_y = resolution
    render.film_transparent = True
    render.threads_mode, render.threads = "FIXED", threads
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_depth = "32"
    render.image_settings.color_mode = "RGBA"
    cycles.device = "CPU"
    cycles.samples = samples
    cycles.use_adaptive_sampling, cycles.adaptive_threshold = True, 0.05
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
    # Few bounces: skin and hair need no more, and every one costs time.
    cycles.max_bounces = cycles.transparent_max_bounces = 4
    cycles.diffuse_bounces = cycles.glossy_bounces = cycles.transmission_bounces = 2
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 4
    scene.cycles_curves.shape = "RIBBONS"
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("sky")


def empty_scene() -> None:
    """Removes everything but settings and the world."""
    data = bpy.data
    for kind in (
        data.objects,
        data.meshes,
        data.hair_curves,
        data.curves,
        data.materials,
        data.lights,
        data.cameras,
        data.images,
    ):
        for item in list(kind):
            kind.remove(item)


def add_image(name: str, colour: np.ndarray, alpha: np.ndarray) -> bpy.types.Image:
    """A square image of linear floats from colours (R * R, 3) and a fourth channel, rows running upwards."""
    size = math.isqrt(len(alpha))
    image = bpy.data.images.new(name, size, size, alpha=True, float_buffer=True)
    image.colorspace_settings.name = "Non-Color"
    image.alpha_mode = "CHANNEL_PACKED"
    image.pixels.foreach_set(_flat(np.c_[colour, alpha]))
    image.update()
    image.pack()
    return image


def add_mesh(
    name: str,
    vertices: np.ndarray,
    faces: np.ndarray,
    surfaces: Sequence[bpy.types.Material],
    subdivisions: int = 0,
) -> bpy.types.Object:
    """A smooth mesh of vertices (V, 3) and faces (F, 4), -1 in the fourth place of a triangle."""
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", _flat(vertices))
    corners = faces[faces >= 0].astype(np.int32)
    mesh.loops.add(len(corners))
    mesh.loops.foreach_set("vertex_index", corners)
    sizes = (faces >= 0).sum(1)
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.r_[0, np.cumsum(sizes)[:-1]].astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    mesh.update(calc_edges=True)
    mesh.validate()
    for surface in surfaces:
        mesh.materials.append(surface)
    item = add_object(name, mesh)
    if subdivisions:
        modifier = item.modifiers.new("subdivision", "SUBSURF")
        modifier.levels = modifier.render_levels = subdivisions
    return item


def add_texture_coordinates(mesh: bpy.types.Object, corners: np.ndarray) -> None:
    """Gives each corner of the faces its texture coordinates (N, 2)."""
    mesh.data.uv_layers.new(name="uv").data.foreach_set("uv", _flat(corners))


def add_colours(mesh: bpy.types.Object, colours: np.ndarray) -> None:
    """Stores the colour (V, 3) of each vertex, for the materials."""
    attribute = mesh.data.attributes.new(materials.COLOUR, "FLOAT_COLOR", "POINT")
    attribute.data.foreach_set("color", _flat(np.c_[colours, np.ones(len(colours))]))


def add_generic_places(mesh: bpy.types.Object, places: np.ndarray) -> None:
    """Stores the place on the generic head (V, 3) of each vertex, which the materials' noise is fixed to."""
    attribute = mesh.data.attributes.new(materials.GENERIC, "FLOAT_VECTOR", "POINT")
    attribute.data.foreach_set("vector", _flat(places))


def add_strands(name: str, points: np.ndarray, radius: float, surface: bpy.types.Material) -> None:
    """Adds strands of hair (N, P, 3), root first, with their radius at the root."""
    count, length, _ = points.shape
    curves = bpy.data.hair_curves.new(name)
    curves.add_curves([length] * count)
    curves.attributes["position"].data.foreach_set("vector", _flat(points))
    radii = radius * np.interp(np.linspace(0, 1, length), *THINNING)
    attribute = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    attribute.data.foreach_set("value", _flat(np.tile(radii, count)))
    curves.materials.append(surface)
    add_object(name, curves)


def add_tube(points: np.ndarray, radius: float, surface: bpy.types.Material) -> None:
    """Adds a tube along points (P, 3)."""
    curve = bpy.data.curves.new("tube", "CURVE")
    curve.dimensions = "3D"
    curve.bevel_depth = radius
    spline = curve.splines.new("POLY")
    spline.points.add(len(points) - 1)
    spline.points.foreach_set("co", _flat(np.c_[points, np.ones(len(points))]))
    curve.materials.append(surface)
    add_object("tube", curve)


def add_object(name: str, data: bpy.types.ID) -> bpy.types.Object:
    """Puts data (a mesh, a lamp, a camera ...) into the scene as an object."""
    item = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(item)
    return item


def _flat(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32).ravel()
