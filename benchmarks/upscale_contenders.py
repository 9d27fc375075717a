"""One contender of benchmarks/upscale.py, in a process of its own.

See worker.py for how it is asked. Frameworks other than jsr do not import it, so that
their memory is theirs.
"""

import os
import pathlib
import sys
import tempfile

import numpy as np
import worker

WARM_UP = 2


def jsr(setting: str, folder: pathlib.Path, shape):
  from jsr.evaluate import methods
  from jsr.upscale import engines

  network = methods.resolve(str(folder / 'model.safetensors'))
  kind, _, precision = setting.partition(' ')
  engine = engines.make(network, network.scale, kind, precision)
  return engine, f'{engine.name} {engine.precision}'


def pytorch(setting: str, folder: pathlib.Path, shape):
  """The compact network as one writes it in PyTorch, channels last."""
  import torch
  from torch import nn
  from torch.nn import functional

  weights = {k: torch.from_numpy(v) for k, v in np.load(folder / 'weights.npz').items()}

  def conv(name: str) -> nn.Conv2d:
    kernel, bias = weights[f'{name}/conv/kernel'], weights[f'{name}/conv/bias']
    made = nn.Conv2d(kernel.shape[2], kernel.shape[3], kernel.shape[0], padding='same')
    made.weight = nn.Parameter(kernel.permute(3, 2, 0, 1).contiguous())
    made.bias = nn.Parameter(bias)
    return made

  class Block(nn.Module):
    def __init__(self, name):
      super().__init__()
      self.conv0, self.conv1 = conv(f'{name}/conv0'), conv(f'{name}/conv1')

    def forward(self, x):
      return x + self.conv1(functional.relu(self.conv0(x), inplace=True))

  class Compact(nn.Module):
    def __init__(self):
      super().__init__()
      blocks = sum(name.endswith('conv0/conv/bias') for name in weights)
      self.head, self.body, self.tail = conv('head'), conv('body'), conv('tail')
      self.blocks = nn.Sequential(*[Block(f'block{i}') for i in range(blocks)])
      self.kernel = nn.Parameter(weights['phases'].permute(3, 2, 0, 1).contiguous())
      self.scale = round((weights['tail/conv/bias'].numel() / 3) ** 0.5)

    def forward(self, lr):
      head = self.head(lr - 0.5)
      x = self.tail(head + self.body(self.blocks(head)))
      p = torch.cat([lr[:, :, [1, 0]], lr, lr[:, :, [-1, -2]]], 2)
      p = torch.cat([p[..., [1, 0]], p, p[..., [-1, -2]]], 3)
      # The picture itself stays float32, as in the original.
      with torch.autocast('cpu', enabled=False):
        phases = functional.conv2d(p, self.kernel)
      return functional.pixel_shuffle(phases + x.float(), self.scale)

  model = Compact().eval().to(memory_format=torch.channels_last)
  if 'compile' in setting:
    model = torch.compile(model)
  low = 'bfloat16' in setting

  def enlarge(x: np.ndarray) -> np.ndarray:
    with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16, enabled=low):
      y = model(torch.from_numpy(x).permute(0, 3, 1, 2))
      return y.permute(0, 2, 3, 1).contiguous().numpy()

  return enlarge, f'{setting}, torch {torch.__version__}'


def onnxruntime(setting: str, folder: pathlib.Path, shape):
  import onnxruntime as ort

  session = ort.InferenceSession(
    folder / f'{setting}.onnx', providers=['CPUExecutionProvider']
  )

  def enlarge(x: np.ndarray) -> np.ndarray:
    (y,) = session.run(None, {'lr': np.ascontiguousarray(x.transpose(0, 3, 1, 2))})
    return np.ascontiguousarray(y.transpose(0, 2, 3, 1))

  return enlarge, f'{setting}, onnxruntime {ort.__version__}'


def openvino(setting: str, folder: pathlib.Path, shape):
  """OpenVINO with nothing set but the precision."""
  sys.modules['openvino_telemetry'] = None
  import openvino as ov

  core = ov.Core()
  model = core.read_model(folder / f'{setting}.onnx')
  n, h, w, c = shape
  model.reshape([n, c, h, w])
  compiled = core.compile_model(model, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})

  def enlarge(x: np.ndarray) -> np.ndarray:
    y = compiled(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))[0]
    return np.ascontiguousarray(y.transpose(0, 2, 3, 1))

  return enlarge, f'{setting}, openvino {ov.__version__.partition("-")[0]}'


def ncnn(setting: str, folder: pathlib.Path, shape):
  """The compact network in ncnn's own form; the picture's mirrored edge comes along."""
  import ncnn as library

  weights = dict(np.load(folder / 'weights.npz'))
  scale = round((weights['tail/conv/bias'].size / 3) ** 0.5)
  lines, data = [], []

  def layer(kind: str, name: str, inputs: list[str], outputs: list[str], facts=''):
    counts = f'{len(inputs)} {len(outputs)}'
    lines.append(f'{kind} {name} {counts} {" ".join(inputs + outputs)} {facts}')

  def conv(name: str, source: str, result: str, relu: int = 0):
    kernel, bias = weights[f'{name}/conv/kernel'], weights[f'{name}/conv/bias']
    size, pad = kernel.shape[0], kernel.shape[0] // 2 if name != 'phases' else 0
    facts = f'0={bias.size} 1={size} 4={pad} 5=1 6={kernel.size} 9={relu}'
    layer('Convolution', name, [source], [result], facts)
    data.append(np.zeros(1, np.uint32).tobytes())  # float32 follows.
    data.append(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)).tobytes())
    data.append(bias.tobytes())

  weights['phases/conv/kernel'] = weights['phases']
  weights['phases/conv/bias'] = np.zeros(weights['phases'].shape[-1], np.float32)
  layer('Input', 'lr', [], ['lr'])
  layer('Input', 'wide', [], ['wide'])
  layer('BinaryOp', 'centre', ['lr'], ['centred'], '0=1 1=1 2=0.5')
  conv('head', 'centred', 'head')
  layer('Split', 'split', ['head'], ['long', 'in0', 'skip0'])
  blocks = sum(name.endswith('conv0/conv/bias') for name in weights)
  for i in range(blocks):
    conv(f'block{i}/conv0', f'in{i}', f'mid{i}', 1)
    conv(f'block{i}/conv1', f'mid{i}', f'res{i}')
    layer('BinaryOp', f'add{i}', [f'res{i}', f'skip{i}'], [f'out{i}'], '0=0')
    if i < blocks - 1:
      layer('Split', f'split{i}', [f'out{i}'], [f'in{i + 1}', f'skip{i + 1}'])
  conv('body', f'out{blocks - 1}', 'body')
  layer('BinaryOp', 'long', ['body', 'long'], ['trunk'], '0=0')
  conv('tail', 'trunk', 'tail')
  conv('phases', 'wide', 'bicubic')
  layer('BinaryOp', 'sum', ['tail', 'bicubic'], ['maps'], '0=0')
  layer('PixelShuffle', 'shuffle', ['maps'], ['sr'], f'0={scale}')
  blobs = sum(int(line.split()[3]) for line in lines)
  head = ['7767517', f'{len(lines)} {blobs}']
  net = library.Net()
  net.opt.num_threads = len(os.sched_getaffinity(0))
  for name in ('fp16_packed', 'fp16_storage', 'fp16_arithmetic', 'bf16_storage'):
    setattr(net.opt, f'use_{name}', False)
  with tempfile.TemporaryDirectory() as made:
    param, binary = pathlib.Path(made, 'm.param'), pathlib.Path(made, 'm.bin')
    param.write_text('\n'.join(head + lines) + '\n')
    binary.write_bytes(b''.join(data))
    if net.load_param(str(param)) or net.load_model(str(binary)):
      raise RuntimeError('ncnn refuses the network')

  def enlarge(x: np.ndarray) -> np.ndarray:
    wide = np.pad(x[0], ((2, 2), (2, 2), (0, 0)), mode='symmetric')
    extractor = net.create_extractor()
    for name, image in (('lr', x[0]), ('wide', wide)):
      planes = np.ascontiguousarray(image.transpose(2, 0, 1))
      # A Mat of an array does not keep the array alive.
      extractor.input(name, library.Mat(planes).clone())
    _, y = extractor.extract('sr')
    return np.ascontiguousarray(np.array(y).transpose(1, 2, 0))[None]

  return enlarge, f'{setting}, ncnn {library.__version__}'


def start() -> tuple[dict, dict]:
  framework, setting, folder, result = sys.argv[1:]
  folder = pathlib.Path(folder)
  x = np.load(folder / 'picture.npy')
  enlarge, name = globals()[framework](setting, folder, x.shape)
  for _ in range(WARM_UP):
    y = enlarge(x)
  np.save(result, y)

  def run() -> dict[str, float]:
    seconds = worker.timed(lambda: enlarge(x))
    return {'seconds': seconds, 'peak_bytes': worker.peak_resident()}

  return {'name': name}, {'run': run}


if __name__ == '__main__':
  worker.serve(start)
