"""Renders portraits of people who do not exist: the pictures the embedded generator is trained on.

    python -m training.nobody.render OUT 100000 500 --assets ICT            # 500 people from seed 100000 on
    python -m training.nobody.render OUT 100000 50 --assets ICT --age 0.7 1 --beard full goatee
    python -m training.nobody.render OUT 100000 500 --parameters            # their numbers only, as JSON
    lines python -m training.nobody.render.assets FaceXModel ICT                  # ICT-FaceKit's files -> ICT

A picture is made in this order: `person` (who: drawn from a seed), `shot` (one moment: expression, pose,
light), `head` (the mesh in that pose), `skin`, `eyes`, `hair`, `facial_hair`, `clothes` (what is on it),
`camera` (the FFHQ crop), `scene` and `materials` (Blender), `develop` (linear light -> a WebP with straight
alpha). `casting` chooses people by their looks, `batch` and `archive` make and keep many pictures. Only
`scene` and `materials` need Blender (`pip install bpy==5.0.1`); everything else is numpy and scipy.

**Convention:** Points are (x, y, z) in ICT-FaceKit's units, about a centimetre: x to the person's left (right
in the picture), y up, z towards the camera; the eyes lie near (+-3.2, 3.3, 9). Where something grows or is
painted is told by places on the *generic* head, the mean of the model, so that it lands on the same feature
of every person. Colours are linear light RGB in [0, 1] unless called sRGB. Numbers without a reason beside
them were fitted by eye.
"""
