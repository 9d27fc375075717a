// The visitor's own jobs.

import {Cards} from './cards.js';

const none = document.getElementById('none');
new Cards(document.getElementById('jobs'), {
  said: document.getElementById('said'),
  emptied: () => {
    none.hidden = false;
    none.querySelector('a').focus();
  },
});
