// A trial: pictures in whole screen pixels, keys, the next picture in advance.
const form = document.getElementById('answer');
const pictures = [...form.querySelectorAll('img')];
const viewers = [...form.querySelectorAll('.viewer')];
const buttons = [...form.querySelectorAll('button[name=score]:not(:disabled)')];
const zoom = document.getElementById('zoom');
const said = document.getElementById('pixels');
const keys = document.querySelector('#keys input');
const MOST = 8;

// Screen pixels for each side of a pixel of the picture. Where the picture fits, a pixel
// is about as large as the browser's own.
let factor = 1;

function start() {
  const dense = Math.max(1, Math.round(devicePixelRatio));
  const fits = pictures.map((picture, i) => {
    const { width, height } = picture.dataset;
    const space = viewers[i];
    return Math.min(space.clientWidth / width, space.clientHeight / height);
  });
  return Math.max(1, Math.min(dense, Math.floor(Math.min(...fits) * devicePixelRatio)));
}

function show() {
  for (const picture of pictures) {
    picture.style.width = `${(picture.dataset.width * factor) / devicePixelRatio}px`;
    picture.style.height = `${(picture.dataset.height * factor) / devicePixelRatio}px`;
  }
  form.elements.zoom.value = factor;
  said.textContent = form.dataset.pixels.replaceAll('{n}', factor);
  zoom.querySelector('[data-step="-1"]').disabled = factor <= 1;
  zoom.querySelector('[data-step="1"]').disabled = factor >= MOST;
}

for (const picture of pictures) {
  picture.dataset.width = picture.getAttribute('width');
  picture.dataset.height = picture.getAttribute('height');
}
factor = start();
zoom.hidden = false;
show();
zoom.addEventListener('click', (event) => {
  const step = Number(event.target.closest('button')?.dataset.step ?? 0);
  factor = Math.min(MOST, Math.max(1, factor + step));
  show();
});
addEventListener('resize', show);

// What is not seen cannot be judged.
for (const button of buttons) button.disabled = true;
try {
  await Promise.all(pictures.map((picture) => picture.decode()));
  for (const button of buttons) button.disabled = false;
} catch {
  said.textContent = form.dataset.broken;
}

let sent = false;
form.addEventListener('submit', (event) => {
  if (sent) event.preventDefault();
  sent = true;
});
addEventListener('pageshow', (event) => {
  // From the browser's memory after "back": the server knows what is next.
  if (event.persisted) location.reload();
});

document.getElementById('keys').hidden = false;
keys.checked = localStorage.getItem('jsr-study-keys') !== 'off';
keys.addEventListener('change', () => {
  localStorage.setItem('jsr-study-keys', keys.checked ? 'on' : 'off');
});
document.addEventListener('keydown', (event) => {
  if (!keys.checked || event.repeat || event.ctrlKey || event.altKey || event.metaKey) {
    return;
  }
  const button = buttons.find((each) => each.value === event.key);
  if (button && !sent) button.click();
});

// One after another, when nothing of this page is waited for any more.
for (const address of form.dataset.following.split(' ').filter(Boolean)) {
  const next = new Image();
  next.src = address;
}
