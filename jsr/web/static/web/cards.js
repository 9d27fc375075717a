// Cards of jobs in a list: what they say, and their buttons.

import {call, ended, percent, say, Watch} from './api.js';

/** Keeps the cards of a list up to date. */
export class Cards {
  constructor(list, {template, said, emptied} = {}) {
    this.list = list;
    this.template = template;
    this.said = said;
    this.emptied = emptied;
    this.watch = new Watch((job) => this.update(job));
    for (const card of list.children) {
      this.wire(card);
      if (['queued', 'running'].includes(card.dataset.status)) this.watch.add(card.dataset.token);
    }
  }

  /** Adds a card for a job before the others. */
  add(job) {
    const card = this.template.content.firstElementChild.cloneNode(true);
    card.dataset.token = job.id;
    for (const link of card.querySelectorAll('a')) link.href = job.url;
    card.querySelector('.name a').textContent = job.upload.name;
    card.querySelector('.what').textContent = `${job.model} ×${job.scale}`;
    card.querySelector('.delete .unseen').textContent = ` ${job.upload.name}`;
    this.list.prepend(card);
    this.wire(card);
    this.show(card, job);
    if (!ended(job)) this.watch.add(job.id);
  }

  wire(card) {
    const id = () => card.dataset.token;
    card.querySelector('.cancel').addEventListener('click', async () => {
      try {
        this.update(await call('POST', `/api/jobs/${id()}/cancel`));
      } catch (error) {
        this.tell(card, error.message);
      }
    });
    card.querySelector('.delete').addEventListener('submit', async (event) => {
      event.preventDefault();
      try {
        await call('DELETE', `/api/jobs/${id()}`);
        this.gone(card);
      } catch (error) {
        this.tell(card, error.message);
      }
    });
  }

  gone(card) {
    const name = card.querySelector('.name').textContent.trim();
    const next = card.nextElementSibling ?? card.previousElementSibling;
    card.remove();
    if (this.said) this.said.textContent = say('deleted', {name});
    next?.querySelector('a, button')?.focus();
    if (!this.list.children.length) this.emptied?.();
  }

  tell(card, problem) {
    const place = card.querySelector('.problem');
    place.textContent = problem;
    place.hidden = false;
  }

  update(job) {
    const card = this.list.querySelector(`[data-token="${CSS.escape(job.id)}"]`);
    if (!card) return;
    if (job.status === 'gone') card.remove();
    else this.show(card, job);
  }

  show(card, job) {
    card.dataset.status = job.status;
    const done = job.status === 'done';
    const bar = card.querySelector('progress');
    bar.hidden = ended(job);
    bar.value = job.progress;
    const status = job.status === 'running' ? say('running', {percent: percent(job.progress)}) : say(job.status);
    const line = card.querySelector('.status');
    if (line.textContent !== status) line.textContent = status;
    card.querySelector('.cancel').hidden = ended(job);
    card.querySelector('.open').hidden = !done;
    const save = card.querySelector('.save');
    save.hidden = !done;
    if (done) save.href = job.result_url;
    if (job.error) this.tell(card, job.error);
    const thumb = card.querySelector('.thumb');
    if (job.status !== 'queued' && !thumb.firstElementChild && done) {
      const image = new Image();
      image.alt = '';
      image.src = `/uploads/${job.upload.id}/thumb`;
      thumb.append(image);
    }
  }
}
