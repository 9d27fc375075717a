"""The studies of the seed documents, rerun: is it true?

One study a file, or a folder where it is large. The command `jsr study-NAME`, its
config `configs/studies/NAME.py` and its report `docs/studies/NAME.md` have its name. It
has a function `run(study: Study) -> Findings`; see `jsr.experiments.study`.
"""

# What the command line's help says of each.
STUDIES: dict[str, str] = {
  'taguchi': 'Taguchi L9 on SR-NET, and its printed table analysed (report 000)',
  'srnet': 'SR-NET against ESRGAN, and impulse noise (report 000)',
  'rrim': 'RRIM against SRGAN with and without batch norm (report 001)',
  'content': 'five content losses from one SRResNet, PSNR against looks (report 002)',
  'faces': 'face verification with and without super-resolution (report 002)',
  'edsr': 'EDSR, EDSR-GAN and MDSR, and the memory of batch norm (report 003)',
  'illustrations': 'tiles, enlargers and samples of a GAN, of drawings (report 004)',
  'degradations': 'mixed degradations against bicubic alone (report 003)',
}
