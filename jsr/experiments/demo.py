"""The demo: both stages of SRGAN on the embedded photographs, measured and shown."""

import pathlib
import time
from typing import Any

from ml_collections import ConfigDict

from jsr import models
from jsr.evaluate import comparison, page, plots, sets, table
from jsr.train import logs, loop, settings
from jsr.weights import embedded

# What the figures of `results.json` are called; the last comes with jsr.
METHODS = ('nearest', 'bicubic', 'pixel', 'gan', f'{embedded.DEFAULT}-x4')


def run(output: pathlib.Path, config: str, *, argument: str = '') -> dict[str, Any]:
  """Trains both stages, compares them, and writes the report.

  Stages that are done already are not trained again; an interrupted one is resumed.

  Args:
    output: Gets pixel/ and gan/ (workdirs), results.json and report.html.
    config: Config file with the arguments 'pixel' and 'gan'.
    argument: A further argument for it, such as 'smoke'.

  Returns:
    The results, as in results.json.
  """
  suffix = f',{argument}' if argument else ''
  pixel = settings.load(f'{config}:pixel{suffix}')
  gan = settings.load(
    f'{config}:gan{suffix}', [f'--config.init_from={output / "pixel"}']
  )
  seconds = {}
  for number, (name, stage) in enumerate((('pixel', pixel), ('gan', gan)), 1):
    print(f'stage {number} of 2, {_describe(stage)}', flush=True)
    start = time.monotonic()
    result = loop.train(stage, output / name)
    seconds[name] = time.monotonic() - start
    if result['reason'] == 'signal':
      print(f'interrupted at step {result["step"]}; the same command resumes')
      raise KeyboardInterrupt
  print('measuring on the held-out photographs', flush=True)
  results, pictures = comparison.compare(
    [f'{m}={output / m}' if m in seconds else m for m in METHODS],
    sets=[sets.EMBEDDED],
    scale=pixel.scale,
    keep_pictures=True,
  )
  comparison.write_json(output / 'results.json', results)
  report = output / 'report.html'
  page.write_page(
    report,
    results,
    pictures,
    title='SRGAN in a few minutes',
    intro=_intro(pixel),
    sections=[_curves(output, results)],
    appendix=[_recipe(pixel, gan, seconds)],
  )
  print()
  print(table.text_table(results))
  print(f'Look at the pictures: {report}')
  return results


def _describe(config: ConfigDict) -> str:
  losses = config.losses
  what = f'{losses.pixel} loss'
  if config.discriminator.name:
    what += (
      f' + {losses.adversarial_weight:g} x {losses.adversarial} adversarial loss;'
      f' content loss {losses.pixel.upper()}, since VGG19 weights would be a download'
    )
  return (
    f'{what}: {config.train.max_steps} steps of {config.data.batch_size} x'
    f' {config.data.patch_size}x{config.data.patch_size} pixels'
  )


def _intro(config: ConfigDict) -> list[str]:
  return [
    f'A {config.generator.name} generator was trained to enlarge photographs'
    f' {config.scale} times, in two stages: first by a pixel loss (pixel), then against'
    ' a discriminator (gan). Both are measured on photographs that neither stage has'
    ' seen, beside nearest neighbour and bicubic interpolation.',
    'Of the two, the pixel stage should lead in PSNR. The adversarial stage gives some'
    ' of it up for texture and sharper edges: look at the crops.',
    f'{METHODS[-1]} is no part of this training. It comes with jsr, was trained for'
    ' longer, and is what `jsr upscale` takes.',
  ]


def _curves(output: pathlib.Path, results: dict[str, Any]) -> page.Section:
  stages = {name: logs.read(output / name / logs.FILE) for name in ('pixel', 'gan')}
  bicubic = next(r for r in results['rows'] if r['method'] == 'bicubic')
  figure = settings.figure(sets.EMBEDDED, bicubic['scale'], 'psnr_y')
  return page.Section(
    title='Training',
    text=[
      'Loss of the generator, PSNR on centre crops of the held-out photographs, and the'
      ' losses of the two players (0.693 where the discriminator cannot tell real from'
      ' fake).'
    ],
    plots=[
      plots.curves(
        {'pixel': stages['pixel']},
        'g/pixel',
        title='Pixel loss of the first stage over steps',
        y_label='L1',
        log_y=True,
        smooth=5,
      ),
      plots.curves(
        stages,
        figure,
        title='PSNR on held-out photographs over the steps of both stages',
        y_label='PSNR Y, dB (crops)',
        consecutive=True,
      ),
      plots.curves(
        {'gan': stages['gan']},
        ['d/loss', 'g/adversarial'],
        title='Adversarial losses of the second stage over steps',
        y_label='cross-entropy',
        labels={'d/loss': 'discriminator', 'g/adversarial': 'generator'},
        smooth=3,
      ),
    ],
  )


def _recipe(
  pixel: ConfigDict, gan: ConfigDict, seconds: dict[str, float]
) -> page.Section:
  args = pixel.generator.args.to_dict()
  facts: dict[str, Any] = {
    'generator': f'{pixel.generator.name} {args}, {_count(pixel):,} parameters',
    'discriminator': f'{gan.discriminator.name} {gan.discriminator.args.to_dict()}',
  }
  for name, config in (('pixel', pixel), ('gan', gan)):
    facts[f'stage {name}'] = _describe(config)
    facts[f'time of stage {name}'] = f'{seconds[name]:.0f} s in this run'
  return page.Section(title='Recipe', facts=facts, code='make demo')


def _count(config: ConfigDict) -> int:
  import jax
  import jax.numpy as jnp

  model = models.build(
    config.generator.name, scale=config.scale, **config.generator.args.to_dict()
  )
  shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 16, 16, 3)))
  return models.parameter_count(shapes)
