// Talking with the site: requests, words, waiting for jobs.

const words = JSON.parse(document.getElementById('words')?.textContent ?? '{}');

/** Returns a sentence in the visitor's language, its {names} filled in. */
export function say(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

/** What a job has that its method alone does not say, in words. */
export function extras(job) {
  const strength = job.strength === null ? [] : [say('strength', {strength: job.strength})];
  const others = ['self_ensemble', 'seamless', 'consistent'].filter((name) => job[name]);
  return [...strength, ...others.map((name) => say(name))];
}

/** What is wrong with a file before it is sent, or nothing. */
export function unfit(file) {
  const most = Number(words.max_bytes ?? Infinity);
  if (!file.size) return say('empty');
  return file.size > most ? say('too_heavy', {most: Math.floor(most / 2 ** 20)}) : '';
}

function csrf() {
  return document.querySelector('[name=csrfmiddlewaretoken]')?.value ?? '';
}

/** What went wrong, in one sentence; `status` is the answer's, 0 if there was none. */
export class Refused extends Error {
  constructor(message, status = 0) {
    // A server before the site may refuse what is large, without a sentence.
    super(message ?? say(status === 413 ? 'too_heavy_here' : 'offline'));
    this.status = status;
  }

  /** The same request may be granted later. */
  get later() {
    return [0, 429, 502, 503, 504].includes(this.status);
  }
}

/** Sends a request; returns the answer's JSON, or throws Refused. */
export async function call(method, url, body) {
  let response;
  try {
    response = await fetch(url, {method, body, headers: {'X-CSRFToken': csrf(), Accept: 'application/json'}});
  } catch {
    throw new Refused();
  }
  if (response.status === 204) return null;
  const data = await response.json().catch(() => null);
  if (!response.ok || !data) throw new Refused(data?.error, response.status);
  return data;
}

/** Sends a form with a file, telling the share that is sent; as `call` otherwise. */
export function send(url, form, told) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', url);
    request.setRequestHeader('X-CSRFToken', csrf());
    request.responseType = 'json';
    let under = false;
    request.upload.onprogress = (event) => {
      under = event.loaded < event.total;
      if (event.lengthComputable) told(event.loaded / event.total);
    };
    request.upload.onload = () => (under = false);
    request.onload = () => {
      if (request.status < 300 && request.response) resolve(request.response);
      else reject(new Refused(request.response?.error, request.status));
    };
    // Who takes no more of a file may hang up in the middle of it.
    request.onerror = () => reject(new Refused(under ? say('broke_off') : undefined));
    request.send(form);
  });
}

export const ended = (job) => ['done', 'failed', 'cancelled'].includes(job.status);

/** Asks for jobs until they have ended; several pages' worth in one request. */
export class Watch {
  /**
   * @param {(job: object) => void} changed - Is told of each job, also that it is 'gone'.
   * @param {(away: boolean) => void} [away] - Is told whether the site answers.
   */
  constructor(changed, away = () => {}) {
    Object.assign(this, {changed, away});
    this.ids = new Set();
    this.timer = null;
  }

  add(id) {
    this.ids.add(id);
    this.timer ??= setTimeout(() => this.look(), 250);
  }

  async look() {
    try {
      for (const part of parts([...this.ids], 50)) {
        const {jobs} = await call('GET', `/api/jobs?ids=${part.join(',')}`);
        const found = new Set(jobs.map((job) => job.id));
        for (const id of part) {
          if (!found.has(id)) {
            this.ids.delete(id);
            this.changed({id, status: 'gone'});
          }
        }
        for (const job of jobs) {
          if (ended(job)) this.ids.delete(job.id);
          this.changed(job);
        }
      }
      this.away(false);
    } catch {
      // The site may come back; jobs go on without this page.
      this.away(true);
    }
    this.timer = this.ids.size ? setTimeout(() => this.look(), 700) : null;
  }
}

function* parts(list, size) {
  for (let i = 0; i < list.length; i += size) yield list.slice(i, i + size);
}

export function percent(share) {
  return Math.round(100 * share);
}
