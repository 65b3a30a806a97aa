// Landmarks drawn on a canvas that lies over a video of the same shape.

const SIZE = 126;

/** The landmarks of a video from the server: float32 x0 y0 x1 y1 ... a frame, NaN where there is no face. */
export class Landmarks {
  constructor(values) {
    this.values = values;
    this.frames = Math.floor(values.length / (2 * SIZE));
  }

  /** x and y of a point in pixels of the video; NaN where there is no face. */
  point(frame, number) {
    const place = 2 * (frame * SIZE + number);
    return [this.values[place], this.values[place + 1]];
  }

  hasFace(frame) {
    return frame >= 0 && frame < this.frames && Number.isFinite(this.values[2 * frame * SIZE]);
  }

  /** The box around all faces: left, top, right, bottom; null where there is none. */
  bounds() {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (let n = 0; n < this.values.length; n += 2) {
      const [x, y] = [this.values[n], this.values[n + 1]];
      if (!Number.isFinite(x)) continue;
      if (x < box[0]) box[0] = x;
      if (y < box[1]) box[1] = y;
      if (x > box[2]) box[2] = x;
      if (y > box[3]) box[3] = y;
    }
    return Number.isFinite(box[0]) ? box : null;
  }

  /** The point that is nearest to x, y in a frame. */
  nearest(frame, x, y) {
    let best = 0;
    let least = Infinity;
    for (let number = 0; number < SIZE; number += 1) {
      const [px, py] = this.point(frame, number);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) [best, least] = [number, distance];
    }
    return best;
  }

  /** The distance of two points in each frame, in distances of the outer eye corners; null where there is no face. */
  distances(first, second, corners) {
    const length = (frame, a, b) => {
      const [ax, ay] = this.point(frame, a);
      const [bx, by] = this.point(frame, b);
      return Math.hypot(ax - bx, ay - by);
    };
    return Array.from({length: this.frames}, (_, frame) => (this.hasFace(frame) ? length(frame, first, second) / Math.max(length(frame, ...corners), 1e-6) : null));
  }
}

/** Draws one frame. view: {left, top, scale} from pixels of the video to those of the canvas. */
export function drawFace(canvas, landmarks, frame, view, lines, style) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!landmarks || !style.visible || !landmarks.hasFace(frame)) return;
  const place = (number) => {
    const [x, y] = landmarks.point(frame, number);
    return [(x - view.left) * view.scale, (y - view.top) * view.scale];
  };
  context.lineWidth = style.ratio;
  context.lineJoin = "round";
  context.strokeStyle = style.line;
  for (const line of lines) {
    context.beginPath();
    line.forEach((number, n) => (n ? context.lineTo(...place(number)) : context.moveTo(...place(number))));
    context.stroke();
  }
  context.fillStyle = style.point;
  for (let number = 0; number < SIZE; number += 1) {
    const [x, y] = place(number);
    context.fillRect(x - 0.75 * style.ratio, y - 0.75 * style.ratio, 1.5 * style.ratio, 1.5 * style.ratio);
  }
  if (style.picked.length) {
    context.strokeStyle = style.pick;
    context.fillStyle = style.pick;
    context.lineWidth = 2 * style.ratio;
    const spots = style.picked.map(place);
    context.beginPath();
    spots.forEach((spot, n) => (n ? context.lineTo(...spot) : context.moveTo(...spot)));
    context.stroke();
    for (const [x, y] of spots) {
      context.beginPath();
      context.arc(x, y, 4 * style.ratio, 0, 2 * Math.PI);
      context.fill();
    }
  }
}
