// Talking with the site: requests, words, waiting for jobs.

const words = JSON.parse(document.getElementById('words')?.textContent ?? '{}');

/** Returns a sentence in the visitor's language, its {names} filled in. */
export function say(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

function csrf() {
  return document.querySelector('[name=csrfmiddlewaretoken]')?.value ?? '';
}

/** Sends a request; returns the answer's JSON, or throws an Error with one sentence. */
export async function call(method, url, body) {
  let response;
  try {
    response = await fetch(url, {method, body, headers: {'X-CSRFToken': csrf(), Accept: 'application/json'}});
  } catch {
    throw new Error(say('offline'));
  }
  if (response.status === 204) return null;
  let data;
  try {
    data = await response.json();
  } catch {
    throw new Error(say('offline'));
  }
  if (!response.ok) throw new Error(data.error);
  return data;
}

/** Sends a form with a file, telling the share that is sent. */
export function send(url, form, told) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', url);
    request.setRequestHeader('X-CSRFToken', csrf());
    request.responseType = 'json';
    request.upload.onprogress = (event) => event.lengthComputable && told(event.loaded / event.total);
    request.onload = () => {
      if (request.status < 300 && request.response) resolve(request.response);
      else reject(new Error(request.response?.error ?? say('offline')));
    };
    request.onerror = () => reject(new Error(say('offline')));
    request.send(form);
  });
}

export const ended = (job) => ['done', 'failed', 'cancelled'].includes(job.status);

/** Asks for jobs until they have ended; several pages' worth in one request. */
export class Watch {
  constructor(changed) {
    this.changed = changed;
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
    } catch {
      // The site may come back; jobs go on without this page.
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
