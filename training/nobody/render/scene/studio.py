"""Sets up one person, camera and lights in Blender and renders the picture with Cycles. Needs `bpy`."""

import math
import tempfile
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector

from training.nobody.render.body import clothes, eyes, facial_hair, hair, skin
from training.nobody.render.body.head import (
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
from training.nobody.render.body.strands import Strands
from training.nobody.render.description.person import Person
from training.nobody.render.description.shot import Light, Shot
from training.nobody.render.scene import materials
from training.nobody.render.scene.blender import (
    add_colours,
    add_generic_places,
    add_image,
    add_mesh,
    add_object,
    add_strands,
    add_texture_coordinates,
    add_tube,
    empty_scene,
    set_up_cycles,
)
from training.nobody.render.scene.camera import Camera, solve_camera

TEXTURE_PX = 512
SENSOR_MM = 36
LAMP_DISTANCE = 130
GUM_COLOUR, TEETH_COLOUR = (0.33, 0.085, 0.075), (0.62, 0.57, 0.47)
LASH_COLOUR = np.array([0.006, 0.005, 0.005])
CLOTH_THICKNESS = 0.35


class Studio:
    """Blender's scene, cleared and filled again for every picture. One instance a process.

    resolution: pixels; samples: rays a pixel; threads: of Cycles.
    """

    def __init__(self, model: HeadModel, resolution: int, samples: int, threads: int) -> None:
        self.model = model
        self.resolution = resolution
        self.position_map = model.position_map(TEXTURE_PX)
        bpy.ops.wm.read_factory_settings(use_empty=True)
        set_up_cycles(bpy.context.scene, resolution, samples, threads)

    def render(self, person: Person, shot: Shot) -> np.ndarray:
        """The picture as linear light, float32 (R, R, 4) RGBA, premultiplied, the top row first."""
        empty_scene()
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
        image = add_image("skin", texture.colour, texture.height + 1)
        roughness, wrinkles = person.skin.roughness, person.skin.wrinkles
        mesh = add_mesh(
            "skin",
            posed[:SKIN_VERTICES],
            faces,
            [materials.skin(roughness, wrinkles, None), materials.skin(roughness, wrinkles, image)],
            subdivisions=1,
        )
        with_texture = (np.arange(len(faces)) < FACE_FACES).astype(np.int32)
        mesh.data.polygons.foreach_set("material_index", with_texture)
        corners = self.model.texture_coordinates[self.model.texture_faces[:SKIN_FACES][faces >= 0]]
        add_texture_coordinates(mesh, corners)
        add_colours(mesh, skin.vertex_colours(self.model, person))
        noise_offset = person.seed % 97 * 3.0
        add_generic_places(mesh, self.model.vertices[:SKIN_VERTICES] + noise_offset)

    def _add_eyes_and_mouth(self, person: Person, posed: np.ndarray) -> None:
        for part in EYEBALLS:
            ball = eyes.eyeball(self.model, person, posed, part)
            mesh = add_mesh("eye", ball.vertices, ball.faces, [materials.eye()], subdivisions=1)
            add_colours(mesh, ball.colours)
        for name, part, colour in (("gums", GUMS, GUM_COLOUR), ("teeth", TEETH, TEETH_COLOUR)):
            self._add_part(name, posed, part, materials.wet(name, colour))

    def _add_part(self, name: str, posed: np.ndarray, part: Part, material: bpy.types.Material) -> None:
        add_mesh(name, posed[part.vertices], self.model.local_faces(part), [material])

    def _add_hair(self, person: Person, vertices: np.ndarray, shot: Shot) -> None:
        outer = vertices[:OUTER_VERTICES]
        skull = Skull(outer, vertex_normals(outer, self.model.outer_triangles))
        pose = rotation(shot.yaw, shot.pitch, shot.roll)

        def random(offset: int) -> np.random.Generator:
            return np.random.default_rng(person.seed + offset)

        def add(name: str, strands: Strands | None, colour: np.ndarray, variation: float) -> None:
            if strands is not None and len(strands.points):
                material = materials.hair(name, colour, variation)
                add_strands(name, turn(strands.points, pose), strands.radius, material)

        for strands in hair.head_hair(self.model, person, skull, random(11)):
            add("hair", strands, person.hair.colour, 0.3)
        add("brows", facial_hair.brows(self.model, person, skull, random(12)), person.brows.colour, 0.2)
        beard = facial_hair.beard(self.model, person, skull, random(13))
        add("beard", beard, person.hair.colour * 0.8 + 0.004, 0.3)
        closed = shot.expression["eyeBlink"]
        lashes = facial_hair.lashes(self.model, person, vertices, closed, random(14))
        add("lashes", lashes, LASH_COLOUR, 0.0)

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
                add_tube(turn(wire.points, pose), wire.radius, frame)


def _add_shell(shell: clothes.Shell | None, surface: bpy.types.Material) -> None:
    if shell is None:
        return
    mesh = add_mesh("shell", shell.vertices, shell.faces, [surface], subdivisions=1)
    add_generic_places(mesh, shell.generic)
    modifier = mesh.modifiers.new("thickness", "SOLIDIFY")
    modifier.thickness, modifier.offset = CLOTH_THICKNESS, 1
    mesh.modifiers.move(1, 0)  # thick first, then rounded


def _add_camera(camera: Camera) -> None:
    lens = bpy.data.cameras.new("camera")
    lens.sensor_fit = "HORIZONTAL"
    lens.sensor_width = SENSOR_MM
    lens.lens = SENSOR_MM / camera.width
    lens.clip_end = 1000
    lens.shift_x, lens.shift_y = camera.shift * (1, -1)
    item = add_object("camera", lens)
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
    item = add_object("lamp", lamp)
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
