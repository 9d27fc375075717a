// Choosing, dropping and pasting pictures; a preview at once; sending; progress.

import {call, percent, say, send, unfit} from './api.js';
import {Cards} from './cards.js';

const form = document.getElementById('upscale');
const input = document.getElementById('files');
const drop = document.getElementById('drop');
const chosen = document.getElementById('chosen');
const problems = document.getElementById('problems');
const [model, scale, strength] = ['model', 'scale', 'strength'].map((id) => document.getElementById(id));
const useStrength = document.getElementById('use-strength');
const limits = Object.fromEntries(Object.entries(form.dataset).map(([key, value]) => [key, Number(value)]));
// A number with its thousands apart, as the visitor's language has it.
const grouped = (n) => n.toLocaleString(document.documentElement.lang);
const section = document.getElementById('jobs-section');
const cards = new Cards(document.getElementById('jobs'), {
  template: document.getElementById('card'),
  said: document.getElementById('said'),
  emptied: () => {
    section.hidden = true;
    input.focus();
  },
});
// What this tab has sent; a page that is loaded again shows it again.
const SENT = 'jsr-sent';
const MOST_SENT = 50;
// Longest side of a preview that is kept, in pixels.
const PREVIEW = 640;
// What is chosen and not yet sent: {file, item, size: [w, h] or null, bitmap, bad, stopped}.
let files = [];
let sending = false;

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
      forget(entry);
      input.focus();
    });
    files.push(entry);
    chosen.append(item);
    entry.bad = unfit(file);
    if (!entry.bad) await look(entry);
    describe(entry);
  }
}

async function look(entry) {
  const image = new Image();
  const url = URL.createObjectURL(entry.file);
  try {
    image.src = url;
    // This reads the head of the file; decoding a picture that is far too large would take all memory.
    await new Promise((resolve, reject) => Object.assign(image, {onload: resolve, onerror: reject}));
    const size = [image.naturalWidth, image.naturalHeight];
    if (size[0] * size[1] <= limits.maxPixels) {
      const whole = await createImageBitmap(entry.file);
      entry.bitmap = await middle(whole);
      whole.close();
    }
    entry.size = size;
  } catch {
    // The site may know a format that this browser does not.
  }
  URL.revokeObjectURL(url);
}

// The square in the middle, which is all that a preview shows: many large pictures would not fit into memory.
function middle(bitmap) {
  const side = Math.min(bitmap.width, bitmap.height);
  const size = Math.min(side, PREVIEW);
  return createImageBitmap(
    bitmap,
    Math.floor((bitmap.width - side) / 2),
    Math.floor((bitmap.height - side) / 2),
    side,
    side,
    {resizeWidth: size, resizeHeight: size, resizeQuality: 'high'},
  );
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
    if (w * h > limits.maxPixels) bad ||= say('too_large', {most: grouped(limits.maxPixels)});
    else if (W * H > limits.maxResult) bad ||= say('result_too_large', {most: grouped(limits.maxResult)});
    if (entry.bitmap) draw(item.querySelector('canvas'), entry, times);
  } else what.textContent = bad ? '' : say('no_preview');
  const place = item.querySelector('.problem');
  place.textContent = bad;
  place.hidden = !bad;
  entry.stopped = Boolean(bad);
}

// The middle of the picture as plain enlargement would show it; of a large one, the half of its height and width.
function draw(canvas, {bitmap, size}, times) {
  const side = canvas.width;
  const least = Math.min(...size);
  const cut = (Math.min(least, Math.max(side / times, least / 2)) * bitmap.width) / least;
  const context = canvas.getContext('2d');
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
  document.getElementById('strength-value').value = strength.value;
}

async function submit(event) {
  event.preventDefault();
  // A second click while pictures are on their way sends none of them twice.
  if (sending) return;
  problems.replaceChildren();
  const ready = files.filter((each) => !each.stopped);
  if (!ready.length) return input.click();
  sending = true;
  form.setAttribute('aria-busy', 'true');
  const shared = new FormData(form);
  shared.delete('image');
  try {
    for (const entry of ready) if (files.includes(entry) && !(await sendOne(entry, shared))) break;
  } finally {
    sending = false;
    form.removeAttribute('aria-busy');
  }
}

// Returns whether there is a point in sending the next.
async function sendOne(entry, shared) {
  const data = new FormData();
  for (const [key, value] of shared) data.append(key, value);
  data.append('image', entry.file, entry.file.name);
  const line = entry.item.querySelector('.what');
  try {
    const job = await send('/api/jobs', data, (share) => {
      line.textContent = say('sending', {percent: percent(share)});
    });
    show(job);
    remember(job);
    forget(entry);
    return true;
  } catch (error) {
    problem(`${entry.file.name}: ${error.message}`);
    if (!error.later) entry.bad = error.message;
    describe(entry);
    return !error.later;
  }
}

function forget(entry) {
  entry.item.remove();
  entry.bitmap?.close();
  files = files.filter((each) => each !== entry);
}

function show(job) {
  const first = section.hidden;
  section.hidden = false;
  cards.add(job);
  if (first) section.scrollIntoView({block: 'nearest'});
}

function sent() {
  return (sessionStorage.getItem(SENT) ?? '').split(',').filter(Boolean);
}

function remember(job) {
  sessionStorage.setItem(SENT, [...sent(), job.id].slice(-MOST_SENT).join(','));
}

async function restore() {
  const ids = sent();
  if (!ids.length) return;
  const {jobs} = await call('GET', `/api/jobs?ids=${ids.join(',')}`).catch(() => ({jobs: []}));
  jobs.sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
  section.hidden = !jobs.length;
  jobs.forEach((job) => cards.add(job));
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
strength.addEventListener('input', options);
form.addEventListener('submit', submit);
form.classList.add('scripted');
options();
restore();
