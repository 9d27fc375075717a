// The researcher's page: how far raters are, every few seconds while it is looked at.
const table = document.getElementById('raters');
const SECONDS = 5;

async function update() {
  const answer = await fetch(table.dataset.progress, { cache: 'no-store' });
  if (!answer.ok) return;
  const found = await answer.json();
  for (const rater of found.raters) {
    const row = table.querySelector(`[data-rater="${rater.number}"]`);
    if (!row) continue;
    row.querySelector('progress').value = rater.done;
    row.querySelector('.done').textContent = rater.done;
  }
  document.getElementById('fresh').hidden = found.answers === Number(table.dataset.answers);
}

// The address differs in nothing but its place on the page: no browser asks anew.
document.querySelector('#fresh a').addEventListener('click', (event) => {
  event.preventDefault();
  location.hash = 'results';
  location.reload();
});

setInterval(() => {
  // A page in the background, or a network that is gone, asks again later.
  if (document.visibilityState === 'visible') update().catch(() => {});
}, SECONDS * 1000);
