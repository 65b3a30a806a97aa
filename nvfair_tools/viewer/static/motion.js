// The chart of a scene with its choices: which channel, which videos, or the distance of two landmarks.
import {ask, h} from "./dom.js";
import {Chart} from "./chart.js";

const COLOURS = 7;
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
const PAIR = "pair";
const CORNERS = [41, 53]; // landmarks at the outer eye corners

// What stays from scene to scene.
const kept = {channel: "mouth_open", centred: false, pair: [104, 112], hidden: new Set()};

export class Motion {
  /** panels with landmarks; onpick(points) is called when the points of the distance change. */
  constructor(panels, player, onpick) {
    this.panels = panels;
    this.player = player;
    this.onpick = onpick;
    this.series = new Map();
    this.chart = new Chart((frame) => {
      if (player.playing) player.pause();
      player.seek(frame);
    });
    this.tabs = h("div", {class: "tabs", role: "group", "aria-label": "Curve"});
    this.legend = h("ul", {class: "legend"});
    const centred = h("input", {type: "checkbox", checked: kept.centred, onchange: (event) => {
      kept.centred = event.target.checked;
      this.draw();
    }});
    this.pickButton = h("button", {type: "button", class: "quiet", "aria-pressed": "false", onclick: () => this.pickMode(!this.picking)}, "Pick two points on a face");
    this.numbers = [0, 1].map((place) => h("input", {type: "number", min: "0", max: "125", value: String(kept.pair[place]), "aria-label": place ? "Second landmark" : "First landmark", onchange: (event) => {
      const number = Math.max(0, Math.min(125, Math.round(Number(event.target.value)) || 0));
      this.setPair(place ? [kept.pair[0], number] : [number, kept.pair[1]]);
    }}));
    this.pairTools = h("div", {class: "pair"}, "Landmarks ", this.numbers[0], " and ", this.numbers[1], this.pickButton);
    this.element = h("section", {class: "motion", "aria-label": "Motion over time"}, h("div", {class: "motion-head"}, h("h2", {}, "Motion over time"), h("label", {class: "check"}, centred, "without each video's mean")), this.tabs, this.pairTools, this.chart.place, this.legend);
    this.picking = false;
  }

  /** Reads the curves of all panels that have landmarks. */
  async load(signal) {
    await Promise.all(this.panels.map(async (panel) => {
      if (!panel.landmarks) return;
      try {
        const {channels} = await ask(`/api/series?${new URLSearchParams({video: panel.card.video})}`, signal);
        this.series.set(panel, channels);
      } catch (error) {
        if (error.name !== "AbortError") panel.explain(`No curves: ${error.message}`);
      }
    }));
    this.element.hidden = this.series.size === 0;
    this.draw();
  }

  /** The panels that have curves, in their order. */
  get drawn() {
    return this.panels.filter((panel) => this.series.has(panel));
  }

  get channels() {
    const first = this.series.values().next().value || [];
    return [...first.map(({name, title, unit}) => ({name, title, unit})), {name: PAIR, title: "Distance of two landmarks", unit: "E"}];
  }

  /** The landmarks that the overlays mark. */
  get picked() {
    return kept.channel === PAIR ? kept.pair.filter((point) => point !== null) : [];
  }

  next(step) {
    const names = this.channels.map(({name}) => name);
    this.choose(names[(names.indexOf(kept.channel) + step + names.length) % names.length]);
  }

  choose(name) {
    kept.channel = name;
    this.pickMode(false);
    this.draw();
    this.onpick();
  }

  setPair(pair) {
    kept.pair = pair;
    this.numbers.forEach((input, place) => {
      input.value = String(pair[place] ?? "");
    });
    this.draw();
    this.onpick();
  }

  pickMode(on) {
    this.picking = on;
    this.firstPick = null;
    this.pickButton.setAttribute("aria-pressed", String(on));
    this.pickButton.textContent = on ? "Click the first point" : "Pick two points on a face";
    document.body.classList.toggle("picking", on);
  }

  /** A click on a face while two points are picked. */
  take(point) {
    if (this.firstPick === null) {
      this.firstPick = point;
      this.setPair([point, null]);
      this.pickButton.textContent = "Click the second point";
    } else {
      const pair = [this.firstPick, point];
      this.pickMode(false);
      this.setPair(pair);
    }
  }

  valuesOf(panel) {
    if (kept.channel === PAIR) {
      if (kept.pair.includes(null)) return null;
      return {values: panel.landmarks.distances(...kept.pair, CORNERS), correlation: null};
    }
    return this.series.get(panel).find(({name}) => name === kept.channel) || null;
  }

  draw() {
    const channels = this.channels;
    const current = channels.find(({name}) => name === kept.channel) || channels[0];
    this.tabs.replaceChildren(...channels.map(({name, title}) => h("button", {type: "button", "aria-pressed": String(name === current.name), onclick: () => this.choose(name)}, title.replace(" (place of the nose tip)", ""))));
    this.pairTools.hidden = current.name !== PAIR;
    const style = getComputedStyle(document.documentElement);
    const curves = [];
    this.legend.replaceChildren(...this.drawn.map((panel) => {
      const number = this.panels.indexOf(panel);
      const colour = panel.isSource ? style.getPropertyValue("--fg").trim() : style.getPropertyValue(`--c${(number - 1 + COLOURS) % COLOURS}`).trim();
      panel.element.querySelector(".swatch").style.background = colour;
      const channel = this.valuesOf(panel);
      const isHidden = kept.hidden.has(panel.title);
      if (channel && !isHidden) {
        const values = kept.centred ? centred(channel.values) : channel.values;
        curves.push({name: panel.title, colour, values, fps: panel.fps, wide: panel.isSource, dash: DASHES[Math.floor(Math.max(0, number - 1) / COLOURS) % DASHES.length]});
      }
      const swatch = h("span", {class: "swatch"});
      swatch.style.background = colour;
      const correlation = channel?.correlation ?? null;
      const note = panel.isSource ? "" : correlation === null ? "" : `r ${correlation.toFixed(2)}`;
      return h("li", {}, h("button", {type: "button", "aria-pressed": String(!isHidden), title: note ? "Pearson's correlation with the source" : null, onclick: () => {
        if (!kept.hidden.delete(panel.title)) kept.hidden.add(panel.title);
        this.draw();
      }}, swatch, panel.title, note ? h("span", {class: "soft"}, ` ${note}`) : null, h("span", {class: "reading"})));
    }));
    this.chart.show(curves, {title: current.title, unit: current.unit, frames: this.player.frames, fps: this.player.fps});
    this.current = current;
    this.move();
  }

  /** The cursor and the values at it follow the clock. */
  move() {
    const frame = this.player.frame;
    this.chart.move(frame);
    const readings = this.legend.querySelectorAll(".reading");
    this.drawn.forEach((panel, number) => {
      const values = this.valuesAt(panel);
      const value = values?.[Math.min(values.length - 1, Math.floor(this.player.time * panel.fps + 1e-6))];
      if (readings[number]) readings[number].textContent = value === null || value === undefined ? "" : `${value.toFixed(3)} ${this.current.unit}`;
    });
  }

  valuesAt(panel) {
    // Distances are computed once a drawing, not once a frame.
    if (kept.channel !== PAIR) return this.valuesOf(panel)?.values;
    const key = kept.pair.join();
    if (panel.pairKey !== key) Object.assign(panel, {pairKey: key, pairValues: this.valuesOf(panel)?.values});
    return panel.pairValues;
  }

  close() {
    this.pickMode(false);
    this.chart.close();
  }
}

function centred(values) {
  const known = values.filter((value) => value !== null);
  const mean = known.reduce((sum, value) => sum + value, 0) / Math.max(1, known.length);
  return values.map((value) => (value === null ? null : value - mean));
}
