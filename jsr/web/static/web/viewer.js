// Pictures over one another: one zoom and one place for all, a divider between two.

const MOST = 32;

/** The stage: layers of images that move and grow together. */
export class Viewer {
  /**
   * @param {HTMLElement} stage - Holds the layers.
   * @param {number[]} size - Width and height of the result in pixels.
   */
  constructor(stage, [width, height], {split, divider, zoomed}) {
    Object.assign(this, {stage, width, height, splitInput: split, divider, zoomed});
    this.zoom = 1;
    this.x = this.y = 0;
    this.pointers = new Map();
    this.dividing = false;
    stage.style.aspectRatio = `${width} / ${height}`;
    this.fit();
    new ResizeObserver(() => (this.fitted ? this.fit() : this.place())).observe(stage);
    stage.addEventListener('wheel', (event) => this.wheel(event), {passive: false});
    stage.addEventListener('keydown', (event) => this.key(event));
    stage.addEventListener('pointerdown', (event) => this.down(event));
    stage.addEventListener('pointermove', (event) => this.move(event));
    for (const name of ['pointerup', 'pointercancel']) {
      stage.addEventListener(name, (event) => this.up(event));
    }
    stage.addEventListener('dblclick', () => (this.fitted ? this.to(1 / devicePixelRatio) : this.fit()));
    split.addEventListener('input', () => this.place());
  }

  get box() {
    return this.stage.getBoundingClientRect();
  }

  /** Shows the whole picture. */
  fit() {
    const {width, height} = this.box;
    this.zoom = Math.min(width / this.width, height / this.height);
    this.x = (width - this.zoom * this.width) / 2;
    this.y = (height - this.zoom * this.height) / 2;
    this.fitted = true;
    this.place();
  }

  /** Zooms to CSS pixels a picture's pixel, around a point of the stage. */
  to(zoom, px = this.box.width / 2, py = this.box.height / 2) {
    const {width, height} = this.box;
    const least = Math.min(1, width / this.width, height / this.height) / 2;
    const most = Math.max(MOST, width / this.width, height / this.height);
    const next = Math.min(most, Math.max(least, zoom));
    this.x = px - ((px - this.x) * next) / this.zoom;
    this.y = py - ((py - this.y) * next) / this.zoom;
    this.zoom = next;
    this.fitted = false;
    this.place();
  }

  /** Puts every image where it belongs. */
  place() {
    const {width, height} = this.box;
    const [w, h] = [this.zoom * this.width, this.zoom * this.height];
    // Some of the picture stays in sight.
    this.x = Math.min(width - 40, Math.max(40 - w, this.x));
    this.y = Math.min(height - 40, Math.max(40 - h, this.y));
    // On whole pixels of the screen a picture's pixels stay sharp.
    const [x, y] = [this.x, this.y].map((n) => Math.round(n * devicePixelRatio) / devicePixelRatio);
    for (const image of this.stage.querySelectorAll('.layer img')) {
      image.style.width = `${w}px`;
      image.style.height = `${h}px`;
      image.style.transform = `translate(${x}px, ${y}px)`;
      image.classList.toggle('pixels', image.dataset.pixels === 'true' || this.zoom * devicePixelRatio >= 2);
    }
    const at = (Number(this.splitInput.value) / 100) * width;
    for (const layer of this.stage.querySelectorAll('.cut')) layer.style.clipPath = `inset(0 ${width - at}px 0 0)`;
    this.divider.style.left = `${at}px`;
    this.stage.classList.toggle('fitted', this.fitted);
    this.zoomed?.(this.zoom * devicePixelRatio);
  }

  split(clientX) {
    const {left, width} = this.box;
    this.splitInput.value = String((100 * (clientX - left)) / width);
    this.place();
  }

  wheel(event) {
    event.preventDefault();
    const {left, top} = this.box;
    this.to(this.zoom * Math.exp(-event.deltaY / 400), event.clientX - left, event.clientY - top);
  }

  key(event) {
    const step = event.shiftKey ? 200 : 40;
    const moves = {ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step]};
    if (event.key in moves) {
      this.x += moves[event.key][0];
      this.y += moves[event.key][1];
      this.fitted = false;
      this.place();
    } else if (event.key === '+' || event.key === '=') this.to(this.zoom * 1.25);
    else if (event.key === '-') this.to(this.zoom / 1.25);
    else if (event.key === '0') this.fit();
    else if (event.key === '1') this.to(1 / devicePixelRatio);
    else return;
    event.preventDefault();
  }

  down(event) {
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    // There is nothing to move in a picture that is seen as a whole.
    this.dividing = (this.fitted || event.target === this.divider) && this.pointers.size === 1;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    if (this.dividing) this.split(event.clientX);
    else if (this.pointers.size === 1) {
      this.x += now[0] - before[0];
      this.y += now[1] - before[1];
      this.fitted = false;
      this.place();
    } else this.pinch(event.pointerId, before, now);
    this.pointers.set(event.pointerId, now);
  }

  pinch(id, before, now) {
    const [, other] = [...this.pointers].find(([each]) => each !== id);
    const distance = ([x, y]) => Math.hypot(x - other[0], y - other[1]);
    const {left, top} = this.box;
    const ratio = distance(now) / Math.max(1, distance(before));
    this.to(this.zoom * ratio, (now[0] + other[0]) / 2 - left, (now[1] + other[1]) / 2 - top);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    this.dividing = false;
  }
}
