"""The studio: puts a person before the camera in Blender and takes the picture with Cycles. Needs `bpy`."""

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector

from . import clothes, eyes, facial_hair, hair, materials, skin
from .camera import Camera, solve_camera
from .head import (
    EYEBALLS,
    FACE_FACES,
    GUMS,
    NOSE,
    OUTER_VERTICES,
    SKIN_FACES,
    SKIN_VERTICES,
    TEETH,
    HeadModel,
    Part,
    Skull,
    pose_head,
    rotation,
    shape_head,
    turn,
    vertex_normals,
)
from .person import Person
from .shot import Light, Shot
from .strands import Strands

TEXTURE_PX = 512
SENSOR_MM = 36
LAMP_DISTANCE = 130
GUM_COLOUR, TEETH_COLOUR = (0.33, 0.085, 0.075), (0.62, 0.57, 0.47)
LASH_COLOUR = np.array([0.006, 0.005, 0.005])
CLOTH_THICKNESS = 0.35
THINNING = ([0, 0.7, 1], [1, 0.9, 0.35])  # of a strand's radius, from root to tip


class Studio:
    """A Blender scene that is emptied and filled anew for every picture. One a process."""

    def __init__(self, model: HeadModel, resolution: int, samples: int, threads: int) -> None:
        self.model = model
        self.resolution = resolution
        self.position_map = model.position_map(TEXTURE_PX)
        bpy.ops.wm.read_factory_settings(use_empty=True)
        _set_up_cycles(bpy.context.scene, resolution, samples, threads)

    def render(self, person: Person, shot: Shot) -> np.ndarray:
        """The picture as linear light, float32 (R, R, 4) RGBA, premultiplied, the top row first."""
        _empty_scene()
        vertices = shape_head(self.model, person, shot)
        posed = pose_head(self.model, vertices, shot)
        landmarks = posed[self.model.landmarks]
        self._add_skin(person, posed)
        self._add_eyes_and_mouth(person, posed)
        self._add_hair(person, vertices, shot)
        self._add_clothes(person, vertices, posed, shot)
        _add_camera(solve_camera(landmarks, shot.distance))
        _set_sky(shot)
        for light in shot.lights:
            _add_lamp(light, landmarks[NOSE].mean(0))
        return _take_picture(self.resolution)

    def _add_skin(self, person: Person, posed: np.ndarray) -> None:
        faces = self.model.faces[:SKIN_FACES]
        texture = skin.face_texture(self.model, person, self.position_map)
        image = _image("skin", texture.colour, texture.height + 1)
        roughness, wrinkles = person.skin.roughness, person.skin.wrinkles
        mesh = _add_mesh(
            "skin",
            posed[:SKIN_VERTICES],
            faces,
            [materials.skin(roughness, wrinkles, None), materials.skin(roughness, wrinkles, image)],
            subdivisions=1,
        )
        with_texture = (np.arange(len(faces)) < FACE_FACES).astype(np.int32)
        mesh.data.polygons.foreach_set("material_index", with_texture)
        corners = self.model.texture_coordinates[self.model.texture_faces[:SKIN_FACES][faces >= 0]]
        mesh.data.uv_layers.new(name="uv").data.foreach_set("uv", _flat(corners))
        _add_colours(mesh, skin.vertex_colours(self.model, person))
        elsewhere_in_the_noise = person.seed % 97 * 3.0
        _add_places(mesh, self.model.vertices[:SKIN_VERTICES] + elsewhere_in_the_noise)

    def _add_eyes_and_mouth(self, person: Person, posed: np.ndarray) -> None:
        for part in EYEBALLS:
            ball = eyes.eyeball(self.model, person, posed, part)
            mesh = _add_mesh("eye", ball.vertices, ball.faces, [materials.eye()], subdivisions=1)
            _add_colours(mesh, ball.colours)
        for name, part, colour in (("gums", GUMS, GUM_COLOUR), ("teeth", TEETH, TEETH_COLOUR)):
            self._add_part(name, posed, part, materials.wet(name, colour))

    def _add_part(self, name: str, posed: np.ndarray, part: Part, material: bpy.types.Material) -> None:
        _add_mesh(name, posed[part.vertices], self.model.local_faces(part), [material])

    def _add_hair(self, person: Person, vertices: np.ndarray, shot: Shot) -> None:
        outer = vertices[:OUTER_VERTICES]
        skull = Skull(outer, vertex_normals(outer, self.model.outer_triangles))
        pose = rotation(shot.yaw, shot.pitch, shot.roll)

        def random(offset: int) -> np.random.Generator:
            return np.random.default_rng(person.seed + offset)

        def add(name: str, strands: Strands | None, colour: np.ndarray, variation: float) -> None:
            if strands is not None and len(strands.points):
                material = materials.hair(name, colour, variation)
                _add_strands(name, turn(strands.points, pose), strands.radius, material)

        for strands in hair.head_hair(self.model, person, skull, random(11)):
            add("hair", strands, person.hair.colour, 0.3)
        add("brows", facial_hair.brows(self.model, person, skull, random(12)), person.brows.colour, 0.2)
        beard = facial_hair.beard(self.model, person, skull, random(13))
        add("beard", beard, person.hair.colour * 0.8 + 0.004, 0.3)
        add("lashes", facial_hair.lashes(self.model, person, vertices, random(14)), LASH_COLOUR, 0.0)

    def _add_clothes(self, person: Person, vertices: np.ndarray, posed: np.ndarray, shot: Shot) -> None:
        colours = person.clothes
        garment = clothes.garment(self.model, person, posed)
        _add_shell(garment, materials.cloth("garment", colours.colour, weave=4.0, relief=0.04))
        knitted = person.hair.style == "beanie"
        weave, relief = (3.0, 0.15) if knitted else (1.2, 0.08)
        headwear = clothes.headwear(self.model, person, posed)
        _add_shell(headwear, materials.cloth("headwear", colours.headwear_colour, weave, relief))
        if person.glasses.worn:
            frame = materials.glossy("glasses", person.glasses.colour)
            pose = rotation(shot.yaw, shot.pitch, shot.roll)
            for wire in clothes.glasses(self.model, person.glasses, vertices):
                _add_tube(turn(wire.points, pose), wire.radius, frame)


def _set_up_cycles(scene: bpy.types.Scene, resolution: int, samples: int, threads: int) -> None:
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


def _empty_scene() -> None:
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


def _flat(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32).ravel()


def _add_object(name: str, data: bpy.types.ID) -> bpy.types.Object:
    item = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(item)
    return item


def _image(name: str, colour: np.ndarray, alpha: np.ndarray) -> bpy.types.Image:
    """A square image of linear floats from colours (R * R, 3) and a fourth channel, rows running upwards."""
    size = math.isqrt(len(alpha))
    image = bpy.data.images.new(name, size, size, alpha=True, float_buffer=True)
    image.colorspace_settings.name = "Non-Color"
    image.alpha_mode = "CHANNEL_PACKED"
    image.pixels.foreach_set(_flat(np.c_[colour, alpha]))
    image.update()
    image.pack()
    return image


def _add_mesh(
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
    item = _add_object(name, mesh)
    if subdivisions:
        modifier = item.modifiers.new("subdivision", "SUBSURF")
        modifier.levels = modifier.render_levels = subdivisions
    return item


def _add_colours(mesh: bpy.types.Object, colours: np.ndarray) -> None:
    attribute = mesh.data.attributes.new(materials.COLOUR, "FLOAT_COLOR", "POINT")
    attribute.data.foreach_set("color", _flat(np.c_[colours, np.ones(len(colours))]))


def _add_places(mesh: bpy.types.Object, places: np.ndarray) -> None:
    """Tells the materials where on the generic head each vertex lies."""
    attribute = mesh.data.attributes.new(materials.GENERIC, "FLOAT_VECTOR", "POINT")
    attribute.data.foreach_set("vector", _flat(places))


def _add_shell(shell: clothes.Shell | None, surface: bpy.types.Material) -> None:
    if shell is None:
        return
    mesh = _add_mesh("shell", shell.vertices, shell.faces, [surface], subdivisions=1)
    _add_places(mesh, shell.generic)
    modifier = mesh.modifiers.new("thickness", "SOLIDIFY")
    modifier.thickness, modifier.offset = CLOTH_THICKNESS, 1
    mesh.modifiers.move(1, 0)  # thick first, then rounded


def _add_strands(name: str, points: np.ndarray, radius: float, surface: bpy.types.Material) -> None:
    count, length, _ = points.shape
    curves = bpy.data.hair_curves.new(name)
    curves.add_curves([length] * count)
    curves.attributes["position"].data.foreach_set("vector", _flat(points))
    radii = radius * np.interp(np.linspace(0, 1, length), *THINNING)
    attribute = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    attribute.data.foreach_set("value", _flat(np.tile(radii, count)))
    curves.materials.append(surface)
    _add_object(name, curves)


def _add_tube(points: np.ndarray, radius: float, surface: bpy.types.Material) -> None:
    curve = bpy.data.curves.new("tube", "CURVE")
    curve.dimensions = "3D"
    curve.bevel_depth = radius
    spline = curve.splines.new("POLY")
    spline.points.add(len(points) - 1)
    spline.points.foreach_set("co", _flat(np.c_[points, np.ones(len(points))]))
    curve.materials.append(surface)
    _add_object("tube", curve)


def _add_camera(camera: Camera) -> None:
    lens = bpy.data.cameras.new("camera")
    lens.sensor_fit = "HORIZONTAL"
    lens.sensor_width = SENSOR_MM
    lens.lens = SENSOR_MM / camera.width
    lens.clip_end = 1000
    lens.shift_x, lens.shift_y = camera.shift * (1, -1)
    item = _add_object("camera", lens)
    item.matrix_world = Matrix.Translation(Vector(camera.position)) @ Matrix.Rotation(-camera.roll, 4, "Z")
    bpy.context.scene.camera = item


def _set_sky(shot: Shot) -> None:
    sky = bpy.context.scene.world.node_tree.nodes["Background"]
    sky.inputs["Color"].default_value = (*shot.sky_colour, 1)
    sky.inputs["Strength"].default_value = shot.sky_strength


def _add_lamp(light: Light, aim: np.ndarray) -> None:
    lamp = bpy.data.lights.new("lamp", "AREA")
    lamp.shape = "DISK"
    lamp.size = light.size
    lamp.specular_factor = 0.8
    lamp.energy = 3.0 * light.power * LAMP_DISTANCE**2
    lamp.color = light.colour
    flat = math.cos(light.elevation)
    direction = (math.sin(light.azimuth) * flat, math.sin(light.elevation), math.cos(light.azimuth) * flat)
    item = _add_object("lamp", lamp)
    item.location = Vector(aim) + LAMP_DISTANCE * Vector(direction)
    item.rotation_euler = (-Vector(direction)).to_track_quat("-Z", "Y").to_euler()


def _take_picture(resolution: int) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "picture.exr")
        bpy.context.scene.render.filepath = path
        bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(path)
        image.colorspace_settings.name = "Non-Color"
        pixels = np.empty(resolution * resolution * 4, np.float32)
        image.pixels.foreach_get(pixels)
    return pixels.reshape(resolution, resolution, 4)[::-1]
