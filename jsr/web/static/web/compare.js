// Before and after: a slider over stacked pictures.
//
//   <div class="compare" data-compare data-slider="LABEL" data-choice="LABEL">
//     <div class="version"><img ...><span class="label"><span class="name">bicubic</span></span></div>
//     <div class="version">...</div>
//   </div>
//
// The first version is on the left; where there are more than two, buttons choose the
// right one. Without this script they stand side by side (pages.css).

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function enhance(compare) {
  const [left, ...others] = compare.querySelectorAll('.version');
  if (!left || others.length === 0) return;
  const slider = element('input', { type: 'range', min: 0, max: 100, value: 50 });
  slider.setAttribute('aria-label', compare.dataset.slider);
  const stage = element('div', { className: 'stage' }, ...others, left);
  stage.append(element('span', { className: 'divider' }), slider);
  const move = () => {
    stage.style.setProperty('--share', `${slider.value}%`);
    slider.setAttribute('aria-valuetext', `${slider.value} %`);
  };
  slider.addEventListener('input', move);
  move();
  left.classList.add('left');

  const choose = (chosen) => {
    others.forEach((version, i) => {
      version.hidden = version !== chosen;
      buttons[i]?.setAttribute('aria-pressed', String(version === chosen));
    });
  };
  const buttons =
    others.length < 2
      ? []
      : others.map((version) => {
          const text = version.querySelector('.name').textContent;
          const button = element('button', { type: 'button', className: 'plain' }, text);
          button.addEventListener('click', () => choose(version));
          return button;
        });
  choose(others[0]);
  compare.classList.add('ready');
  compare.append(stage);
  if (buttons.length) {
    const group = element('div', { className: 'row choices' }, ...buttons);
    group.setAttribute('role', 'group');
    group.setAttribute('aria-label', compare.dataset.choice);
    compare.append(group);
  }
}

document.querySelectorAll('[data-compare]').forEach(enhance);
