// The page of a result: waiting for it, comparing it, measuring it.

import {call, ended, percent, say, send, unfit, Watch} from './api.js';
import {Comparison} from './comparison.js';

const data = JSON.parse(document.getElementById('data').textContent);
const job = data.job;
// What does nothing without this script is not there without it.
for (const part of document.querySelectorAll('[data-scripted]')) part.hidden = false;

function wait() {
  const place = document.getElementById('waiting');
  const line = place.querySelector('.status');
  const tell = (text) => line.textContent !== text && (line.textContent = text);
  const show = async (now) => {
    if (now.status === 'gone' || ended(now)) return location.reload();
    place.querySelector('progress').value = now.progress;
    if (now.status === 'running') return tell(say('running', {percent: percent(now.progress)}));
    const {before} = await call('GET', `/api/jobs/${now.id}`).catch(() => ({}));
    tell(before ? say('queued_behind', {n: before}) : say('queued'));
  };
  const watch = new Watch(show, (away) => away && tell(say('offline')));
  watch.add(job.id);
  place.querySelector('.cancel').addEventListener('click', async () => {
    try {
      await call('POST', `/api/jobs/${job.id}/cancel`);
    } catch (error) {
      if (error.later) return tell(error.message);
    }
    location.reload();
  });
}

function downloads() {
  const format = document.getElementById('format');
  const quality = document.getElementById('quality');
  const show = () => {
    const lossy = ['jpeg', 'webp', 'avif'].includes(format.value);
    document.getElementById('quality-label').hidden = !lossy;
    quality.disabled = !lossy;
  };
  format.addEventListener('change', show);
  show();
}

// Numbers of every method that is made, against the visitor's original.
function measures(comparison) {
  const form = document.getElementById('original');
  const said = document.getElementById('measure-said');
  const table = document.getElementById('metrics');
  const columns = ['psnr_y', 'ssim_y', 'psnr_rgb', 'ssim_rgb'];
  let asked = data.jobs.some((each) => each.metrics);

  const show = () => {
    const found = comparison.results().filter((each) => each.metrics);
    document.getElementById('numbers').hidden = !found.some((each) => !each.metrics.error);
    const problem = found.find((each) => each.metrics.error);
    if (asked && !found.length) said.textContent = say('measuring');
    else said.textContent = problem ? problem.metrics.error : '';
    table.tBodies[0].replaceChildren(
      ...found.filter((each) => !each.metrics.error).map((each) => {
        const row = document.createElement('tr');
        const head = document.createElement('th');
        head.scope = 'row';
        head.textContent = comparison.label(each);
        row.append(head);
        for (const column of columns) {
          const cell = document.createElement('td');
          cell.className = 'number';
          const value = each.metrics[column];
          const digits = column.startsWith('psnr') ? 2 : 4;
          cell.textContent = value === null || value === undefined ? say('equal') : value.toFixed(digits);
          row.append(cell);
        }
        return row;
      }),
    );
  };
  let timer = null;
  const look = async () => {
    clearTimeout(timer);
    const made = comparison.results();
    try {
      const {jobs} = await call('GET', `/api/jobs?ids=${made.map((each) => each.id).join(',')}`);
      jobs.forEach((each) => comparison.keep(each));
      show();
      if (jobs.every((each) => each.metrics)) return;
    } catch (error) {
      said.textContent = error.message;
    }
    timer = setTimeout(look, 700);
  };
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const [file] = form.elements.image.files;
    if (!file) return form.elements.image.click();
    said.textContent = unfit(file);
    if (said.textContent) return;
    try {
      await send(`/api/jobs/${job.id}/original`, new FormData(form), () => {});
      asked = true;
      said.textContent = say('measuring');
      await look();
    } catch (error) {
      said.textContent = error.message;
    }
  });
  comparison.made = () => (asked ? look() : undefined);
  show();
  if (asked) look();
}

document.getElementById('delete').addEventListener('submit', (event) => {
  if (!confirm(say('confirm_delete'))) event.preventDefault();
});
if (document.getElementById('waiting')) wait();
if (document.getElementById('viewer')) {
  const comparison = new Comparison(data);
  downloads();
  measures(comparison);
}
