"""Study `content`: what five content losses make of one network (report 002).

Report 002 prints the SRGAN paper's table of five variants: by MSE or by features of
VGG19, with and without a discriminator. Here all are trained alike, in small, from one
published SRResNet, and the way from the first of them to one with a discriminator is
walked by network interpolation.
"""

from jsr.evaluate import blend, conversion
from jsr.experiments.findings import Findings
from jsr.experiments.studies.content import measures, report, variants
from jsr.experiments.study import Study
from jsr.train import logs
from jsr.weights.model_file import ModelFile


def run(study: Study) -> Findings:
  """Trains, measures, judges; see configs/studies/content.py.

  Raises:
    UserError: Data or weights that are missing, or a config that asks for what is not
      there.
  """
  c = study.config
  variants.check(c)
  begin = variants.start(study)
  ruler = measures.Ruler(study, begin[1])
  recipes = {name: variants.recipe(study, name, 0, begin) for name in c.variants}
  sizes = variants.calibrate(study, recipes, begin[1])
  rows: dict[str, list[measures.Measured]] = {
    'bicubic': [ruler.bicubic()],
    'start': [ruler.network('start', begin[1])],
    **{name: [] for name in c.variants},
  }
  shares: dict[str, list[float | None]] = {name: [] for name in c.variants}
  ends: dict[str, ModelFile] = {}
  for seed in range(c.seeds):
    for name in c.variants:
      config = variants.recipe(study, name, seed, begin)
      variants.weigh(config, sizes[name]['weight'])
      workdir = study.train(f'{name}-{seed}', config)
      log = logs.read(workdir / logs.FILE)
      shares[name].append(variants.share(log, config.losses.adversarial_weight))
      model = conversion.read_workdir(workdir, 'latest')
      rows[name].append(ruler.network(f'{name}-{seed}', model))
      ends.setdefault(name, model)
  between = _between(study, ruler, ends, rows)
  return report.findings(study, rows, between, sizes, shares)


def _between(
  study: Study,
  ruler: measures.Ruler,
  ends: dict[str, ModelFile],
  rows: dict[str, list[measures.Measured]],
) -> list[tuple[float, measures.Measured]]:
  """Measures the networks between the first variant and `between`, with seed 0."""
  c = study.config
  a, b = ends[c.variants[0]], ends[c.between]
  known = {0: rows[c.variants[0]][0], 1: rows[c.between][0]}
  found: list[tuple[float, measures.Measured]] = []
  for alpha in c.alphas:
    if alpha in known:
      run = {name: known[alpha][name] for name in c.between_sets}
    else:
      model = blend.interpolate(a, b, alpha)
      run = ruler.network(f'{c.between}-alpha{alpha}', model, c.between_sets)
    found.append((alpha, run))
  return found
