// Choosing, dropping and pasting pictures; a preview at once; sending; progress.

import {percent, say, send} from './api.js';
import {Cards} from './cards.js';

const form = document.getElementById('upscale');
const input = document.getElementById('files');
const drop = document.getElementById('drop');
const chosen = document.getElementById('chosen');
const problems = document.getElementById('problems');
const [model, scale, strength] = ['model', 'scale', 'strength'].map((id) => document.getElementById(id));
const useStrength = document.getElementById('use-strength');
const limits = Object.fromEntries(Object.entries(form.dataset).map(([key, value]) => [key, Number(value)]));
const cards = new Cards(document.getElementById('jobs'), {
  template: document.getElementById('card'),
  emptied: () => (document.getElementById('jobs-section').hidden = true),
});
// What is chosen and not yet sent: {file, item, size: [w, h] or null, bitmap}.
let files = [];

function problem(text) {
  const line = document.createElement('p');
  line.className = 'bad';
  line.textContent = text;
  problems.append(line);
}

async function add(list) {
  problems.replaceChildren();
  for (const file of list) {
    const item = document.getElementById('file').content.firstElementChild.cloneNode(true);
    const entry = {file, item, size: null, bitmap: null, bad: ''};
    item.querySelector('.name').textContent = file.name;
    const remove = item.querySelector('.remove');
    remove.setAttribute('aria-label', say('remove', {name: file.name}));
    remove.addEventListener('click', () => {
      files = files.filter((each) => each !== entry);
      item.remove();
      input.focus();
    });
    files.push(entry);
    chosen.append(item);
    if (!file.size) entry.bad = say('empty');
    else if (file.size > limits.maxBytes) entry.bad = say('too_heavy', {most: Math.floor(limits.maxBytes / 2 ** 20)});
    else await look(entry);
    describe(entry);
  }
}

async function look(entry) {
  try {
    const bitmap = await createImageBitmap(entry.file);
    entry.size = [bitmap.width, bitmap.height];
    entry.bitmap = bitmap;
  } catch {
    // The site may know a format that this browser does not.
    entry.bitmap = null;
  }
}

function describe(entry) {
  const {item, size} = entry;
  const times = Number(scale.value);
  const what = item.querySelector('.what');
  let bad = entry.bad;
  if (size) {
    const [w, h] = size;
    const [W, H] = size.map((n) => Math.round(n * times));
    what.textContent = say('size', {w, h, W, H});
    if (w * h > limits.maxPixels) bad ||= say('too_large', {most: Math.floor(limits.maxPixels / 1e6)});
    else if (W * H > limits.maxResult) bad ||= say('result_too_large', {most: Math.floor(limits.maxResult / 1e6)});
    draw(item.querySelector('canvas'), entry.bitmap, times);
  } else if (!bad) {
    what.textContent = say('no_preview');
  }
  const place = item.querySelector('.problem');
  place.textContent = bad;
  place.hidden = !bad;
  entry.stopped = Boolean(bad);
}

// The middle of the picture as plain enlargement would show it.
function draw(canvas, bitmap, times) {
  const side = canvas.width;
  const context = canvas.getContext('2d');
  const cut = Math.min(bitmap.width, bitmap.height, Math.max(side / times, Math.min(bitmap.width, bitmap.height) / 2));
  context.imageSmoothingQuality = 'high';
  context.clearRect(0, 0, side, side);
  context.drawImage(bitmap, (bitmap.width - cut) / 2, (bitmap.height - cut) / 2, cut, cut, 0, 0, side, side);
}

function options() {
  const has = (list) => (model.dataset[list] ?? '').split(' ').includes(model.value);
  for (const choice of document.querySelectorAll('[data-needs]')) {
    const able = has(choice.dataset.needs === 'partner' ? 'partners' : 'networks');
    choice.classList.toggle('off', !able);
    const box = choice.querySelector('[type=checkbox]');
    box.disabled = !able;
    if (!able) box.checked = false;
  }
  strength.disabled = !useStrength.checked;
}

async function submit(event) {
  event.preventDefault();
  problems.replaceChildren();
  if (!files.length) {
    input.focus();
    if (!input.files.length) return input.click();
  }
  const shared = new FormData(form);
  shared.delete('image');
  for (const entry of files.filter((each) => !each.stopped)) {
    const data = new FormData();
    for (const [key, value] of shared) data.append(key, value);
    data.append('image', entry.file, entry.file.name);
    const line = entry.item.querySelector('.what');
    try {
      const job = await send('/api/jobs', data, (share) => {
        line.textContent = say('sending', {percent: percent(share)});
      });
      document.getElementById('jobs-section').hidden = false;
      cards.add(job);
      entry.item.remove();
      files = files.filter((each) => each !== entry);
    } catch (error) {
      entry.bad = error.message;
      describe(entry);
      problem(`${entry.file.name}: ${error.message}`);
    }
  }
}

input.addEventListener('change', async () => {
  await add([...input.files]);
  input.value = '';
});
for (const name of ['dragenter', 'dragover']) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
}
for (const name of ['dragleave', 'drop']) drop.addEventListener(name, () => drop.classList.remove('over'));
// A file that misses the frame must not replace the page.
for (const name of ['dragover', 'drop']) document.addEventListener(name, (event) => event.preventDefault());
document.addEventListener('drop', (event) => add([...event.dataTransfer.files]));
document.addEventListener('paste', (event) => add([...event.clipboardData.files]));
scale.addEventListener('change', () => files.forEach(describe));
model.addEventListener('change', options);
useStrength.addEventListener('change', options);
form.addEventListener('submit', submit);
options();
