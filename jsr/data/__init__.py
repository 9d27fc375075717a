"""Where images come from and how they become batches of patches.

Inside this folder pixels are uint8 RGB, (height, width, 3); the training step makes
them float. One file a subject: `images.py` decodes one file, `sources.py` opens a
set, `resident.py` keeps a set in device memory, `pipeline.py` streams it with Grain,
`transforms.py` holds what runs inside the compiled step, `builders/` prepares TFDS
data sets, `cutting.py` raw crops (`crops.py` their form, `shards.py` one file of them,
`crop_source.py` reads them).
"""
