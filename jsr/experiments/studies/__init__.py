"""The studies of the seed documents, rerun: is it true?

One study a file, or a folder where it is large. The command `jsr study-NAME`, its
config `configs/studies/NAME.py` and its report `docs/studies/NAME.md` have its name. It
has a function `run(study: Study) -> Findings`; see `jsr.experiments.study`.
"""

# What the command line's help says of each.
STUDIES: dict[str, str] = {}
