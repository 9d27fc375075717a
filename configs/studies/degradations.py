"""Study `degradations`: LR as cameras and files make it, against bicubic LR alone.

Command: jsr study-degradations --data DATA --weights WEIGHTS
  where DATA holds train/ (photographs), BSD100/HR, real/RealSRSet20 and
  real/RealESRGAN_inputs, and WEIGHTS niqe/ and squeezenet1_1_caffe/
Cost: about half an hour of one CPU core (`:smoke` takes a minute or so, and
  needs neither DATA nor WEIGHTS).
Expect: docs/studies/degradations.md.

Arguments: `smoke` for one short training of each kind on the photographs of jsr,
without NIQE.
"""

from ml_collections import ConfigDict

from configs import default
from configs.studies import default as studies


def get_config(arg: str = '') -> ConfigDict:
  """Returns the study; see the top of the file for `arg`."""
  words = default.words(arg, 'smoke')
  c = studies.get_config()
  c.recipe = 'compact.py:x4'  # Of all trainings; what differs stands below.
  # What all of them start from: a network that comes with jsr, or '' for nothing.
  c.start = 'compact-x4'
  c.control = 'bicubic'  # Degradation of the trainings that the others are judged by.
  c.judged = 'second-order'  # Degradation of those that the verdicts are about.
  c.others = ()  # More degradations to train on, for the tables.
  c.source = 'train'  # Folder of DATA with training photographs; '' for those of jsr.
  c.steps = 1500
  c.batch_size = 8
  c.patch_size = 128
  c.learning_rate = 5e-4

  c.synthetic = ConfigDict()  # Held-out pictures with a truth.
  c.synthetic.set = 'BSD100'  # 'photographs' are those of jsr.
  c.synthetic.limit = 12
  c.synthetic.size = 192  # Centre crop of HR.
  c.synthetic.degradations = (
    'bicubic',
    'blur',
    'noise',
    'jpeg',
    'mixed',
    'second-order',
  )
  c.synthetic.seed = 2021  # Of what the degradations draw.
  # In WEIGHTS: for a distance in its features where LPIPS is not at hand; '' for FSIM.
  c.synthetic.squeezenet = 'squeezenet1_1_caffe/squeezenet1_1_caffe.npz'

  c.real = ConfigDict()  # Photographs without a truth.
  c.real.folders = ('real/RealSRSet20', 'real/RealESRGAN_inputs')
  c.real.limit = 0  # First pictures of each folder; 0 for all.
  c.real.size = 128  # Centre crop of LR.
  c.real.niqe = 'niqe/niqe_pris_params.npz'  # In WEIGHTS; '' leaves NIQE out.
  c.real.shown = 8  # Pictures of the sheet.
  if 'smoke' in words:
    c.seeds = 1
    c.source = ''
    c.steps = 2
    c.batch_size = 2
    c.patch_size = 64
    c.synthetic.set = 'photographs'
    c.synthetic.limit = 1
    c.synthetic.size = 64
    c.synthetic.degradations = ('bicubic', 'noise')
    c.synthetic.squeezenet = ''
    c.real.folders = ()
    c.real.niqe = ''
  return c
