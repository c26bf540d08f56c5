"""Twenty sentences to speak, each as (language, text); every one has lips that meet, and an a or an o."""

SENTENCES = (
    ("en", "My mother bought a big brown box."),
    ("en", "Somebody else looks back from the picture."),
    ("en", "Papa put the lamp on top of the piano."),
    ("en", "We met in the middle of the map. Now we part."),
    ("en", "Are you the person that I am not?"),
    ("en", "A camera knows me, but not by name."),
    ("en", "Stop. Look at the border, and come across."),
    ("en", "The moon is above the pond, and no boat moves."),
    ("en", "Please remember me, for I have almost been you."),
    ("en", "Nobody smiles like Bob from Montana."),
    ("de", "Meine Mutter backt am Abend Brot."),
    ("de", "Im Bild sieht jemand anderes zurück."),
    ("de", "Papa hat die Lampe oben aufs Klavier gestellt."),
    ("de", "Wir trafen uns am Bahnhof. Dann kam ein Boot."),
    ("de", "Bist du der Mensch, der ich bald nicht mehr bin?"),
    ("de", "Komm näher an die Grenze, und bleib bei mir."),
    ("de", "Über dem Moor hängt ein blasser Mond."),
    ("de", "Bitte behalte mein Gesicht, aber vergiss den Namen."),
    ("de", "Man kann oft kaum sagen, wo man aufhört."),
    ("de", "Stumm am Rand, rot im Abendlicht, so malt man Boote."),
)
