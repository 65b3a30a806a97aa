// Motion over time: one curve a video, a cursor that moves with the clock, a click that sets it.
import {h} from "./dom.js";

const MARGIN = {left: 46, right: 12, top: 10, bottom: 24};

export class Chart {
  /** seek(frame) is called where the reader clicks or drags. */
  constructor(seek) {
    this.lines = h("canvas", {class: "curves", role: "img"});
    this.cursor = h("canvas", {class: "cursor", "aria-hidden": "true"});
    this.place = h("div", {class: "chart"}, this.lines, this.cursor);
    this.curves = [];
    this.frames = 1;
    this.fps = 25;
    this.shown = 0;
    const go = (event) => {
      const box = this.place.getBoundingClientRect();
      const share = (event.clientX - box.left - MARGIN.left) / Math.max(1, box.width - MARGIN.left - MARGIN.right);
      seek(Math.round(Math.max(0, Math.min(1, share)) * (this.frames - 1)));
    };
    this.place.addEventListener("pointerdown", (event) => {
      this.place.setPointerCapture(event.pointerId);
      go(event);
    });
    this.place.addEventListener("pointermove", (event) => event.buttons && go(event));
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.place);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.draw();
    this.scheme.addEventListener("change", this.redraw);
  }

  close() {
    this.watch.disconnect();
    this.scheme.removeEventListener("change", this.redraw);
  }

  /** curves: {name, colour, values, fps, dashed}; title and unit name the vertical axis. */
  show(curves, {title, unit, frames, fps}) {
    Object.assign(this, {curves, title, unit, frames, fps});
    this.lines.setAttribute("aria-label", `${title} over time: ${curves.map((curve) => curve.name).join(", ")}`);
    this.draw();
  }

  draw() {
    const ratio = devicePixelRatio || 1;
    const width = this.place.clientWidth;
    const height = this.place.clientHeight;
    if (!width) return;
    for (const canvas of [this.lines, this.cursor]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = this.lines.getContext("2d");
    context.scale(ratio, ratio);
    const style = getComputedStyle(this.place);
    const soft = style.getPropertyValue("--soft");
    const [low, high] = this.range();
    const x = (seconds) => MARGIN.left + (seconds / Math.max(1e-9, (this.frames - 1) / this.fps)) * (width - MARGIN.left - MARGIN.right);
    const y = (value) => height - MARGIN.bottom - ((value - low) / (high - low)) * (height - MARGIN.top - MARGIN.bottom);
    Object.assign(this, {x, width, height, ratio});
    context.font = "11.5px system-ui, sans-serif";
    context.fillStyle = soft;
    context.strokeStyle = style.getPropertyValue("--line");
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const tick of ticks(low, high, 4)) {
      context.beginPath();
      context.moveTo(MARGIN.left, y(tick.value));
      context.lineTo(width - MARGIN.right, y(tick.value));
      context.stroke();
      context.fillText(tick.text, MARGIN.left - 6, y(tick.value));
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const tick of ticks(0, (this.frames - 1) / this.fps, width < 500 ? 4 : 8)) context.fillText(`${tick.text} s`, Math.min(x(tick.value), width - MARGIN.right - 10), height - MARGIN.bottom + 6);
    for (const curve of this.curves) {
      context.strokeStyle = curve.colour;
      context.lineWidth = curve.wide ? 2.4 : 1.6;
      context.setLineDash(curve.wide ? [] : curve.dash || []);
      context.beginPath();
      let isDrawn = false;
      curve.values.forEach((value, frame) => {
        if (value === null) {
          isDrawn = false;
          return;
        }
        const spot = [x(frame / curve.fps), y(value)];
        if (isDrawn) context.lineTo(...spot);
        else context.moveTo(...spot);
        isDrawn = true;
      });
      context.stroke();
    }
    context.setLineDash([]);
    this.move(this.shown);
  }

  range() {
    let low = Infinity;
    let high = -Infinity;
    for (const {values} of this.curves) {
      for (const value of values) {
        if (value === null) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (!Number.isFinite(low)) return [0, 1];
    const space = Math.max((high - low) * 0.06, 1e-4);
    return [low - space, high + space];
  }

  /** Moves the cursor to a frame. */
  move(frame) {
    this.shown = frame;
    if (!this.x) return;
    const context = this.cursor.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    const place = this.x(frame / this.fps);
    context.strokeStyle = getComputedStyle(this.place).getPropertyValue("--fg");
    context.lineWidth = 1.2;
    context.beginPath();
    context.moveTo(place, MARGIN.top - 4);
    context.lineTo(place, this.height - MARGIN.bottom + 2);
    context.stroke();
  }
}

/** Round numbers between two values, about so many: {value, text}. */
function ticks(low, high, about) {
  const raw = (high - low) / about;
  if (!(raw > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const list = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step) list.push({value, text: (Math.abs(value) < step / 2 ? 0 : value).toFixed(digits)});
  return list;
}
