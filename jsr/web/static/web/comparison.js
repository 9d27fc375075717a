// What lies left and right of the divider: methods, made when somebody asks for them.

import {call, ended, percent, say, Watch} from './api.js';
import {Viewer} from './viewer.js';

const byId = (id) => document.getElementById(id);
// Of a job, what makes it different from others of the same picture.
const key = (job) =>
  [job.kind, job.model, job.strength ?? '', job.self_ensemble, job.seamless, job.consistent].join('|');

/** The viewer with its choices. */
export class Comparison {
  constructor({job, jobs, methods}) {
    Object.assign(this, {job, methods, jobs: new Map(), waiting: new Map()});
    this.made = () => {};
    jobs.filter((each) => each.scale === job.scale).forEach((each) => this.keep(each));
    this.watch = new Watch((each) => this.changed(each));
    this.viewer = new Viewer(byId('stage'), [job.width, job.height], {
      split: byId('split'),
      divider: byId('divider'),
      zoomed: (zoom) => (byId('zoom').textContent = say('zoom', {percent: percent(zoom)})),
    });
    this.lists();
    for (const side of ['left', 'right']) byId(side).addEventListener('change', () => this.show(side));
    for (const button of document.querySelectorAll('[data-zoom]')) {
      button.addEventListener('click', () => this.zoom(button.dataset.zoom));
    }
    byId('left').value = 'method:bicubic';
    byId('right').value = `job:${key(job)}`;
    this.show('left');
    this.show('right');
    if (byId('trust')) this.trust();
    if (byId('live')) this.live();
    this.target(job);
  }

  keep(job) {
    this.jobs.set(key(job), job);
  }

  results() {
    return [...this.jobs.values()].filter((each) => each.kind === 'result' && each.status === 'done');
  }

  label(job) {
    const extras = [];
    if (job.strength !== null) extras.push(say('strength', {strength: job.strength}));
    for (const name of ['self_ensemble', 'seamless', 'consistent']) if (job[name]) extras.push(say(name));
    const method = this.methods.find((each) => each.name === job.model)?.label ?? job.model;
    return extras.length ? `${method}, ${extras.join(', ')}` : method;
  }

  zoom(how) {
    const viewer = this.viewer;
    if (how === 'fit') viewer.fit();
    else if (how === 'one') viewer.to(1 / devicePixelRatio);
    else viewer.to(viewer.zoom * (how === 'in' ? 1.5 : 1 / 1.5));
  }

  // The choices of both sides: what was asked for, each plain method, nearest.
  lists() {
    const own = [...this.jobs.values()].filter((each) => each.kind === 'result');
    const special = own.filter((each) => each.id === this.job.id || key(each) !== key(this.plain(each.model)));
    for (const side of ['left', 'right']) {
      const list = byId(side);
      const before = list.value;
      list.replaceChildren();
      for (const each of special) {
        const name = this.label(each);
        list.append(new Option(each.id === this.job.id ? say('this', {method: name}) : name, `job:${key(each)}`));
      }
      for (const method of this.methods) {
        if (this.job.kind === 'result' && key(this.plain(method.name)) === key(this.job)) continue;
        list.append(new Option(method.label, `method:${method.name}`));
      }
      list.append(new Option(say('nearest'), 'nearest'));
      if (before) list.value = before;
    }
  }

  // The wish for a method without extras, as a job has it.
  plain(model) {
    return {kind: 'result', model, strength: null, self_ensemble: false, seamless: this.job.seamless, consistent: false};
  }

  /** Shows what a list says on its side; makes it first if need be. */
  async show(side, wanted = byId(side).value) {
    const layer = byId(`layer-${side}`);
    const image = layer.querySelector('img');
    if (side === 'right') this.mixed(null);
    if (wanted === 'nearest') {
      this.put(image, `/uploads/${this.job.upload.id}/view`, say('nearest'), true);
    } else {
      const wish = wanted.startsWith('job:') ? this.jobs.get(wanted.slice(4)) : this.plain(wanted.slice(7));
      const job = await this.get(wish);
      if (byId(side).value !== wanted || !job) return;
      this.put(image, job.view_url, this.label(job), false);
      if (side === 'right') this.target(job);
    }
    byId('stage').dataset[side] = wanted;
    this.viewer.place();
  }

  put(image, url, alt, pixels) {
    image.dataset.pixels = String(pixels);
    image.alt = alt;
    if (image.src !== new URL(url, location).href) image.src = url;
  }

  /** What the download button is for: what lies on the right. */
  target(job) {
    byId('download').action = `/jobs/${job.id}/download`;
    byId('download-what').textContent = this.label(job);
  }

  /** Returns the job of a wish when it is done; asks the site for it if there is none. */
  async get(wish) {
    const known = this.jobs.get(key(wish));
    if (known?.status === 'done') return known;
    const form = new FormData();
    for (const name of ['kind', 'model', 'self_ensemble', 'seamless', 'consistent']) form.append(name, wish[name]);
    form.append('scale', this.job.scale);
    if (wish.strength !== null) form.append('strength', wish.strength);
    form.append('upload', this.job.upload.id);
    try {
      const job = await call('POST', '/api/jobs', form);
      this.keep(job);
      if (!ended(job)) await this.wait(job);
    } catch (error) {
      byId('making').textContent = error.message;
      return null;
    }
    const job = this.jobs.get(key(wish));
    if (job?.status !== 'done') return null;
    byId('making').textContent = '';
    this.lists();
    this.made();
    return job;
  }

  wait(job) {
    return new Promise((resolve) => {
      const waiters = this.waiting.get(job.id) ?? [];
      this.waiting.set(job.id, [...waiters, resolve]);
      this.watch.add(job.id);
    });
  }

  changed(job) {
    if (job.status !== 'gone') this.keep(job);
    const known = [...this.jobs.values()].find((each) => each.id === job.id);
    const method = known ? this.label(known) : '';
    if (job.status === 'failed') byId('making').textContent = say('making_failed', {method, error: job.error});
    else if (!ended(job)) byId('making').textContent = say('making', {method, percent: percent(job.progress ?? 0)});
    if (job.status === 'gone' || ended(job)) {
      for (const resolve of this.waiting.get(job.id) ?? []) resolve();
      this.waiting.delete(job.id);
    }
  }

  trust() {
    const button = byId('trust');
    const layer = byId('layer-trust');
    button.addEventListener('click', async () => {
      const on = button.getAttribute('aria-pressed') !== 'true';
      button.setAttribute('aria-pressed', String(on));
      byId('trust-words').hidden = !on;
      if (on) {
        const job = await this.get({...this.plain(this.job.model), kind: 'trust'});
        if (!job) return button.setAttribute('aria-pressed', 'false');
        this.put(layer.querySelector('img'), job.view_url, button.textContent, false);
        this.viewer.place();
      }
      layer.hidden = button.getAttribute('aria-pressed') !== 'true';
    });
  }

  // The two ends, one over the other, show at once what a strength does; the network
  // itself is mixed when it is asked to be made.
  live() {
    const slider = byId('live');
    const make = byId('make-strength');
    const wish = (strength) => ({...this.plain(this.job.model), strength});
    const show = async () => {
      const strength = Number(slider.value);
      byId('live-value').textContent = strength;
      make.hidden = false;
      const [from, to] = await Promise.all([this.get(wish(0)), this.get(wish(1))]);
      if (!from || !to || Number(slider.value) !== strength) return;
      const image = byId('layer-right').querySelector('img');
      this.put(image, from.view_url, say('blend', {strength}), false);
      this.mixed(to, strength);
      byId('making').textContent = say('blend', {strength});
      this.viewer.place();
    };
    slider.addEventListener('input', show);
    byId('live-value').textContent = slider.value;
    make.addEventListener('click', async () => {
      const job = await this.get(wish(Number(slider.value)));
      if (!job) return;
      this.lists();
      byId('right').value = `job:${key(job)}`;
      make.hidden = true;
      await this.show('right');
    });
  }

  mixed(job, strength = 0) {
    const image = byId('layer-right').querySelector('.mixed');
    image.hidden = !job;
    if (job) {
      this.put(image, job.view_url, '', false);
      image.style.opacity = String(strength);
    }
  }
}
