// What lies left and right of the divider: methods, made when somebody asks for them.

import {call, ended, extras, percent, say, Watch} from './api.js';
import {Viewer} from './viewer.js';

const byId = (id) => document.getElementById(id);
// Of a job, what makes it different from others of the same picture.
const key = (job) =>
  [job.kind, job.model, job.strength ?? '', job.self_ensemble, job.seamless, job.consistent].join('|');

/** The viewer with its choices. */
export class Comparison {
  constructor({job, jobs, methods}) {
    Object.assign(this, {job, methods, jobs: new Map(), waiting: new Map(), asked: new Map()});
    // What somebody asked for, by key: the ends of a preview that nobody did are in no list and no table.
    this.wanted = new Set([key(job)]);
    // Of each side, how often something else was asked for: who comes late shows nothing.
    this.turns = {left: 0, right: 0};
    this.made = () => {};
    for (const each of jobs.filter((one) => one.scale === job.scale)) {
      this.keep(each);
      if (!this.ends(each)) this.wanted.add(key(each));
    }
    this.watch = new Watch(
      (each) => this.changed(each),
      (away) => away && this.say(say('offline')),
    );
    this.viewer = new Viewer(byId('stage'), [job.width, job.height], {
      split: byId('split'),
      divider: byId('divider'),
      zoomed: (zoom) => (byId('zoom').value = say('zoom', {percent: percent(zoom)})),
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
    return [...this.jobs.values()].filter(
      (each) => each.kind === 'result' && each.status === 'done' && this.wanted.has(key(each)),
    );
  }

  // Whether a job may have been made for the preview of a strength only.
  ends(job) {
    return [0, 1].includes(job.strength) && key(job) === key(this.mix(job.strength));
  }

  label(job) {
    if (job.kind === 'trust') return say('trust');
    const label = this.methods.find((each) => each.name === job.model)?.label ?? job.model;
    // What it is for stands in the lists.
    const method = label.replace(/\s*[(（].*/, '');
    return [method, ...extras(job)].join(say('comma'));
  }

  zoom(how) {
    const viewer = this.viewer;
    if (how === 'fit') viewer.fit();
    else if (how === 'one') viewer.to(1 / devicePixelRatio);
    else viewer.to(viewer.zoom * (how === 'in' ? 1.5 : 1 / 1.5));
  }

  // The choices of both sides: what was asked for, each plain method, nearest.
  lists() {
    const own = [...this.results(), ...[this.jobs.get(key(this.job))].filter((each) => each.kind !== 'result')];
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
    const seamless = this.job.seamless;
    return {kind: 'result', model, strength: null, self_ensemble: false, seamless, consistent: false};
  }

  // The wish for this job with another strength.
  mix(strength) {
    return {...this.job, strength};
  }

  /** Shows what a list says on its side; makes it first if need be. */
  async show(side, wanted = byId(side).value) {
    const turn = ++this.turns[side];
    const image = byId(`layer-${side}`).querySelector('img');
    let job = null;
    if (wanted !== 'nearest') {
      const wish = wanted.startsWith('job:') ? this.jobs.get(wanted.slice(4)) : this.plain(wanted.slice(7));
      this.wanted.add(key(wish));
      job = await this.get(wish);
      if (turn !== this.turns[side]) return;
      if (!job) return this.back(side);
    }
    if (side === 'right') this.mixed(null);
    if (job) this.put(image, job.view_url, this.label(job), false);
    else this.put(image, `/uploads/${this.job.upload.id}/view`, say('nearest'), true);
    if (side === 'right' && job) this.target(job);
    this.caption(side, image.alt);
    byId('stage').dataset[side] = wanted;
    this.viewer.place();
  }

  // What could not be made is not what is seen.
  back(side) {
    const shown = byId('stage').dataset[side];
    if (shown) byId(side).value = shown;
  }

  caption(side, text) {
    byId(`caption-${side}`).textContent = text;
  }

  put(image, url, alt, pixels) {
    image.dataset.pixels = String(pixels);
    image.alt = alt;
    image.onerror = () => this.say(say('not_there'));
    if (image.src !== new URL(url, location).href) image.src = url;
  }

  say(text) {
    byId('making').textContent = text;
  }

  /** What the download button is for: what lies on the right, if the site made it. */
  target(job) {
    byId('download').action = `/jobs/${job.id}/download`;
    byId('download-what').textContent = this.label(job);
  }

  /** Returns the job of a wish when it is done, null if that fails; asks the site for it if there is none. */
  async get(wish) {
    const known = this.jobs.get(key(wish));
    if (known?.status === 'done') return known;
    // A slider asks for the same many times.
    if (!this.asked.has(key(wish))) {
      this.asked.set(key(wish), this.make(wish).finally(() => this.asked.delete(key(wish))));
    }
    return this.asked.get(key(wish));
  }

  async make(wish) {
    const form = new FormData();
    for (const name of ['kind', 'model', 'self_ensemble', 'seamless', 'consistent']) form.append(name, wish[name]);
    form.append('scale', this.job.scale);
    if (wish.strength !== null) form.append('strength', wish.strength);
    form.append('upload', this.job.upload.id);
    this.say('');
    let job;
    try {
      job = await call('POST', '/api/jobs', form);
    } catch (error) {
      this.say(error.message);
      return null;
    }
    this.keep(job);
    if (!ended(job)) job = await this.wait(job);
    if (job.status === 'failed') this.say(say('making_failed', {method: this.label(job), error: job.error}));
    else this.say(job.status === 'gone' ? say('not_there') : '');
    if (job.status !== 'done') return null;
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
    if (!ended(job) && job.status !== 'gone') {
      this.say(say('making', {method: this.label(job), percent: percent(job.progress)}));
      return;
    }
    for (const resolve of this.waiting.get(job.id) ?? []) resolve(job);
    this.waiting.delete(job.id);
  }

  trust() {
    const button = byId('trust');
    const layer = byId('layer-trust');
    const press = (on) => {
      button.setAttribute('aria-pressed', String(on));
      byId('trust-words').hidden = !on;
    };
    button.addEventListener('click', async () => {
      const on = button.getAttribute('aria-pressed') !== 'true';
      press(on);
      const job = on && (await this.get({...this.plain(this.job.model), kind: 'trust'}));
      if (on && !job) press(false);
      const seen = Boolean(job) && button.getAttribute('aria-pressed') === 'true';
      if (seen) this.put(layer.querySelector('img'), job.view_url, say('trust'), false);
      layer.hidden = !seen;
      byId('stage').classList.toggle('trusting', seen);
      this.viewer.place();
    });
  }

  // The two ends, one over the other, show at once what a strength does; the network
  // itself is mixed when it is asked to be made.
  live() {
    const slider = byId('live');
    const make = byId('make-strength');
    const show = async () => {
      const strength = Number(slider.value);
      const turn = ++this.turns.right;
      byId('live-value').value = strength;
      make.hidden = false;
      const [from, to] = await Promise.all([0, 1].map((end) => this.get(this.mix(end))));
      if (!from || !to || turn !== this.turns.right) return;
      const image = byId('layer-right').querySelector('img');
      this.put(image, from.view_url, say('blend', {strength}), false);
      this.mixed(to, strength);
      this.caption('right', image.alt);
      this.viewer.place();
    };
    slider.addEventListener('input', show);
    byId('live-value').value = slider.value;
    make.addEventListener('click', async () => {
      const job = await this.get(this.mix(Number(slider.value)));
      if (!job) return;
      this.wanted.add(key(job));
      this.lists();
      this.made();
      byId('right').value = `job:${key(job)}`;
      await this.show('right');
      byId('right').focus();
    });
  }

  // Lays a second picture over the right one; null: takes it away.
  mixed(job, strength = 0) {
    const image = byId('layer-right').querySelector('.mixed');
    image.hidden = !job;
    if (byId('make-strength')) byId('make-strength').hidden = !job;
    if (job) {
      this.put(image, job.view_url, '', false);
      image.style.opacity = String(strength);
    }
  }
}
