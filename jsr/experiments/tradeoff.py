"""The perception-distortion curve between two networks.

Moving from the network trained for PSNR to the one trained with a GAN buys looks with
fidelity (Blau and Michaeli, "The Perception-Distortion Tradeoff", 2018): one axis is
PSNR on Y, the other a figure that stands for looks.
"""

import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tqdm
from matplotlib.figure import Figure

from jsr import errors
from jsr.evaluate import (
  benchmark,
  blend,
  comparison,
  gate,
  methods,
  output,
  plots,
  sets,
  svg,
)
from jsr.evaluate import protocol as protocols
from jsr.experiments.looks import Looks
from jsr.metrics import fidelity
from jsr.ops import resize
from jsr.weights.model_file import ModelFile


def sweep(
  a: ModelFile,
  b: ModelFile,
  alphas: Sequence[float],
  pictures: Sequence[sets.PictureSet],
  looks: Looks,
  *,
  progress: bool = False,
) -> dict[str, Any]:
  """Measures the network at each alpha.

  Args:
    a: See `blend.interpolate`.
    b: See there.
    alphas: From 0 to 1.
    pictures: The sets.
    looks: What stands for looks.
    progress: Show a bar, where there is a terminal.

  Returns:
    {'rows': [{'alpha', 'set', 'n', 'psnr_y', 'ssim_y', looks.name}, ...], 'looks', ...}
    and what `benchmark.header` says; the protocol is rgb8.

  Raises:
    UserError: The networks differ, or a picture is too small.
  """
  rule, scale = protocols.get('rgb8'), a.scale
  blend.check_alike(a, b)
  for opened in pictures:
    gate.check(opened, scale, rule)
  network = methods.Network('alpha', a.generator, scale, a.args)
  rows = []
  bar = tqdm.tqdm(alphas, unit='alpha', leave=False, disable=None if progress else True)
  for alpha in bar:
    network.load(blend.interpolate(a, b, alpha).variables)
    for opened in pictures:
      kept: dict[str, dict[str, np.ndarray]] = {}
      row = benchmark.measure(network, opened, scale, rule, keep=kept, timed=False)
      values = []
      for picture in opened.pictures:
        hr = resize.modcrop(picture.hr, scale)
        if min(hr.shape[:2]) - 2 * scale < looks.smallest:
          raise errors.UserError(
            f'{opened.name}/{picture.name} is too small for {looks.name}, which needs'
            f' {looks.smallest} pixels inside a border of {scale}'
          )
        values.append(_measure(looks, kept[picture.name]['alpha'], hr, scale))
      rows.append(
        {
          'alpha': alpha,
          'set': opened.name,
          'n': row['n'],
          'psnr_y': row['psnr_y'],
          'ssim_y': row['ssim_y'],
          looks.name: float(np.mean(values)),
        }
      )
  return {
    'rows': rows,
    'looks': {'name': looks.name, 'title': looks.title},
    'networks': {'a': a.note, 'b': b.note},
    **benchmark.header(rule, scale),
  }


def _measure(looks: Looks, sr: np.ndarray, hr: np.ndarray, scale: int) -> float:
  # float64, and on the CPU, which has it; the border as in PSNR.
  with jax.enable_x64(True), jax.default_device(jax.local_devices(backend='cpu')[0]):
    x, y = (
      fidelity.prepare(
        jnp.asarray(_as_rgb(image)[None], jnp.float64), plane=looks.plane, crop=scale
      )
      for image in (sr, hr)
    )
    return float(looks.fn(x, y)[0])


def _as_rgb(image: np.ndarray) -> np.ndarray:
  """A grey picture beside a coloured result must be of its kind."""
  return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def table(results: dict[str, Any]) -> str:
  """The results as text."""
  name = results['looks']['name']
  lines = [f'{"set":<12} {"alpha":>6} {"PSNR Y":>8} {"SSIM Y":>7} {name:>15}']
  lines += [
    f'{row["set"]:<12} {row["alpha"]:>6} {row["psnr_y"]:>8.3f} {row["ssim_y"]:>7.4f}'
    f' {row[name]:>15.4f}'
    for row in results['rows']
  ]
  return '\n'.join([*lines, f'{name}: {results["looks"]["title"]}'])


def plot(results: dict[str, Any]) -> str:
  """Draws looks over PSNR, a line a set, each point with its alpha; SVG text."""
  name, title = results['looks']['name'], results['looks']['title']
  rows = results['rows']
  names = list(dict.fromkeys(row['set'] for row in rows))
  with svg.style():
    figure = Figure(figsize=(7.2, 4.0), layout='constrained')
    axes = figure.add_subplot()
    for i, set_name in enumerate(names):
      points = [row for row in rows if row['set'] == set_name]
      colour = plots.PALETTE[i % len(plots.PALETTE)]
      x, y = [p['psnr_y'] for p in points], [p[name] for p in points]
      marker = plots.MARKERS[i % len(plots.MARKERS)]
      axes.plot(x, y, color=colour, marker=marker, markersize=4, linewidth=1.4)
      for p in points:
        axes.annotate(
          f'{p["alpha"]:g}',
          (p['psnr_y'], p[name]),
          (4, 4),
          textcoords='offset points',
          fontsize=7,
        )
      axes.annotate(
        set_name,
        (x[0], y[0]),
        (0, -12),
        textcoords='offset points',
        color=colour,
        ha='right',
        parse_math=False,
      )
    axes.grid(color=svg.INK, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.margins(0.08)
    axes.set_xlabel('PSNR Y (dB)')
    axes.set_ylabel(title)
    return svg.render(figure, f'{title} over PSNR for alpha from 0 to 1')


def write(stem: pathlib.Path, results: dict[str, Any]) -> list[pathlib.Path]:
  """Writes STEM.json and STEM.svg; returns their paths."""
  paths = [stem.with_name(f'{stem.name}{suffix}') for suffix in ('.json', '.svg')]
  comparison.write_json(paths[0], results)
  output.write_text(paths[1], plot(results) + '\n')
  return paths
