// The pictures of a scene: source, portrait and renderings, each with its landmarks on a canvas over it.
import {h, refusal} from "./dom.js";
import {drawFace, Landmarks} from "./drawing.js";
import {mediaAddress, person} from "./list.js";

const DARK = matchMedia("(prefers-color-scheme: dark)");
const AROUND = 0.14; // space around a face that has no picture, as a share of its size

/** One video of a scene; `element` is its figure. */
export class Panel {
  constructor(card, set, choose) {
    this.card = card;
    this.set = set;
    this.isSource = card.kind === "real";
    this.fps = (card.fps_num || 25) / (card.fps_den || 1);
    this.frames = card.frames || 1;
    this.video = card.picture ? h("video", {muted: true, playsInline: true, preload: "auto", tabindex: "-1", "aria-label": this.title}) : null;
    this.canvas = h("canvas", {class: "overlay", "aria-hidden": "true"});
    this.message = h("p", {class: "message"});
    this.stage = h("div", {class: `stage ${this.video ? "" : "empty-face"}`}, this.video, this.canvas, this.message, card.synthetic ? h("span", {class: "synthetic"}, "SYNTHETIC") : null);
    if (card.width && card.height) this.stage.style.aspectRatio = `${card.width} / ${card.height}`;
    const marks = [];
    if (card.state !== "ok") marks.push(h("span", {class: "tag bad"}, `${card.state}: ${card.reason}`));
    if (card.not_public) marks.push(h("span", {class: "tag", title: card.not_public}, "not for public display"));
    const name = h("button", {type: "button", class: "panel-name", onclick: () => choose(card.video)}, h("span", {class: "swatch"}), h("b", {}, this.title), h("span", {class: "soft"}, ` ${this.subtitle}`));
    this.element = h("figure", {class: "panel", "data-video": card.video}, this.stage, h("figcaption", {}, name, marks.length ? h("div", {class: "tags"}, marks) : null));
    this.explain();
    if (this.video) {
      this.video.src = mediaAddress(card.video);
      this.video.addEventListener("error", () => this.fail());
    }
  }

  get title() {
    if (!this.isSource) return this.card.generator || "rendering";
    return this.set.simulated ? "Source (simulated)" : "Source";
  }

  get subtitle() {
    if (this.isSource) return person(this.card.driver);
    return [this.card.kind, this.card.motion_mode].filter(Boolean).join(", ");
  }

  explain(text) {
    const {card} = this;
    const lines = [];
    if (text) lines.push(text);
    else if (card.hidden) lines.push(`Not shown: ${card.hidden}`);
    else if (card.missing) lines.push(`The file is missing: ${card.path}`, "nvfair dataset check lists all that is missing.");
    else if (!card.picture && card.landmarks) lines.push("Landmarks only: the set has no video of it.");
    else if (!card.picture) lines.push(card.state === "ok" ? "No video and no landmarks." : `${card.state}: ${card.reason}`, card.detail);
    this.message.replaceChildren(...lines.filter(Boolean).map((line) => h("span", {}, line)));
  }

  /** The video cannot be played: says why, and leaves the landmarks. */
  async fail() {
    this.stage.classList.add("empty-face");
    this.video.hidden = true;
    let text = "This browser cannot play the file; its landmarks are drawn.";
    try {
      const answer = await fetch(mediaAddress(this.card.video), {headers: {range: "bytes=0-0"}});
      if (!answer.ok) text = (await refusal(answer)).message;
    } catch {
      text = "The viewer does not answer: is it still running?";
    }
    this.explain(text);
  }

  /** Reads the landmarks; a fault is said on the picture. */
  async load(signal) {
    if (!this.card.landmarks) return;
    try {
      const answer = await fetch(`/landmarks?${new URLSearchParams({video: this.card.video})}`, {signal});
      if (!answer.ok) throw await refusal(answer);
      this.landmarks = new Landmarks(new Float32Array(await answer.arrayBuffer()));
    } catch (error) {
      if (error.name !== "AbortError") this.explain(`No landmarks: ${error.message}`);
    }
  }

  /** From pixels of the video to those of the canvas. */
  view() {
    const ratio = devicePixelRatio || 1;
    const width = Math.round(this.stage.clientWidth * ratio);
    const height = Math.round(this.stage.clientHeight * ratio);
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    if (this.card.width && this.card.height) return {left: 0, top: 0, scale: width / this.card.width, ratio};
    this.box = this.box || this.landmarks?.bounds() || [0, 0, 1, 1];
    const [left, top, right, bottom] = this.box;
    const size = Math.max(right - left, bottom - top, 1e-6) * (1 + 2 * AROUND);
    return {left: (left + right - size) / 2, top: (top + bottom - size) / 2, scale: Math.min(width, height) / size, ratio};
  }

  /** Draws the landmarks of a frame. Where there is no picture, they are always drawn. */
  draw(frame, {visible, picked}) {
    const isEmpty = this.stage.classList.contains("empty-face");
    const {clientWidth, clientHeight} = this.stage;
    const state = [frame, visible, picked, isEmpty, Boolean(this.landmarks), clientWidth, clientHeight, devicePixelRatio, DARK.matches].join();
    if (state === this.drawn) return;
    this.drawn = state;
    const view = this.view();
    const style = getComputedStyle(this.stage);
    drawFace(this.canvas, this.landmarks, frame, view, this.set.face_lines, {
      visible: visible || isEmpty,
      ratio: view.ratio,
      line: style.getPropertyValue(isEmpty ? "--fg" : "--overlay"),
      point: style.getPropertyValue(isEmpty ? "--mark" : "--overlay-point"),
      pick: style.getPropertyValue("--pick"),
      picked,
    });
    this.canvas.dataset.frame = frame;
    const gone = this.landmarks && !this.landmarks.hasFace(frame);
    this.stage.classList.toggle("no-face", Boolean(gone));
  }

  /** The landmark that is nearest to a pointer's place, in the frame that is drawn. */
  pick(event, frame) {
    const box = this.stage.getBoundingClientRect();
    const view = this.view();
    const x = ((event.clientX - box.left) * view.ratio) / view.scale + view.left;
    const y = ((event.clientY - box.top) * view.ratio) / view.scale + view.top;
    return this.landmarks.nearest(frame, x, y);
  }
}

/** The target's portrait, or why there is none. */
export function portraitFigure(portrait) {
  const stage = h("div", {class: "stage"});
  if (portrait.picture) {
    const image = h("img", {src: `/portrait?${new URLSearchParams({person: portrait.person})}`, alt: `Portrait of ${portrait.person}`});
    image.addEventListener("error", () => {
      stage.classList.add("empty-face");
      stage.replaceChildren(h("p", {class: "message"}, "The portrait cannot be read."));
    });
    stage.append(image);
  } else {
    stage.classList.add("empty-face");
    stage.append(h("p", {class: "message"}, portrait.why));
  }
  const marks = portrait.not_public ? h("div", {class: "tags"}, h("span", {class: "tag", title: portrait.not_public}, "not for public display")) : null;
  return h("figure", {class: "panel portrait"}, stage, h("figcaption", {}, h("span", {class: "panel-name"}, h("b", {}, "Portrait"), h("span", {class: "soft"}, ` ${person(portrait.person)}`)), marks));
}
