// Cards of jobs in a list: what they say, and their buttons.

import {call, ended, extras, percent, say, Watch} from './api.js';

/** Keeps the cards of a list up to date. */
export class Cards {
  /**
   * @param {HTMLElement} list - Holds the cards.
   * @param {object} parts - `template` of a card that is added; `said`, where to tell what became of them; `emptied`,
   *   called when none is left.
   */
  constructor(list, {template, said, emptied}) {
    Object.assign(this, {list, template, said, emptied});
    this.watch = new Watch(
      (job) => this.update(job),
      (away) => this.away(away),
    );
    for (const card of list.children) {
      this.wire(card);
      if (['queued', 'running'].includes(card.dataset.status)) {
        // It does nothing without this script.
        card.querySelector('.cancel').hidden = false;
        this.watch.add(card.dataset.token);
      }
    }
  }

  /** Adds a card for a job before the others. */
  add(job) {
    const card = this.template.content.firstElementChild.cloneNode(true);
    card.dataset.token = job.id;
    for (const link of card.querySelectorAll('a')) link.href = job.url;
    card.querySelector('.name a').textContent = job.upload.name;
    card.querySelector('.what').textContent = [`${job.model} ×${job.scale}`, ...extras(job)].join(say('comma'));
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
      if (!confirm(say('confirm_delete'))) return;
      try {
        await call('DELETE', `/api/jobs/${id()}`);
      } catch (error) {
        // In another window, or it expired.
        if (error.status !== 404) return this.tell(card, error.message);
      }
      this.gone(card);
    });
  }

  gone(card) {
    const name = card.querySelector('.name').textContent.trim();
    const next = card.nextElementSibling ?? card.previousElementSibling;
    const focused = card.contains(document.activeElement);
    card.remove();
    this.said.textContent = say('deleted', {name});
    if (!this.list.children.length) this.emptied();
    else if (focused) next.querySelector('.name a').focus();
  }

  away(away) {
    if (away) this.said.textContent = say('offline');
    else if (this.said.textContent === say('offline')) this.said.textContent = '';
  }

  tell(card, problem) {
    const place = card.querySelector('.problem');
    place.textContent = problem;
    place.hidden = false;
  }

  update(job) {
    const card = this.list.querySelector(`[data-token="${CSS.escape(job.id)}"]`);
    if (!card) return;
    if (job.status === 'gone') this.gone(card);
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
    if (done && !thumb.firstElementChild) {
      const image = new Image();
      image.alt = '';
      image.src = `/uploads/${job.upload.id}/thumb`;
      thumb.append(image);
    }
  }
}
