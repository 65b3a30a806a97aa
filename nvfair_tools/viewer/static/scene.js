// One video with all that belongs beside it: source, portrait, every generator's rendering, motion, facts, neighbours.
import {ask, count, h, reducedMotion, say} from "./dom.js";
import {cleared, link, query} from "./address.js";
import {factsOf} from "./facts.js";
import {person, thumbnailAddress} from "./list.js";
import {Motion} from "./motion.js";
import {Panel, portraitFigure} from "./panels.js";
import {Player, SPEEDS} from "./player.js";

// What stays from scene to scene.
const kept = {landmarks: true, loop: true, speed: 1, playing: false};

/** A scene on the page; `close` frees its videos. */
export class Scene {
  constructor(main, set, go) {
    Object.assign(this, {main, set, go});
    this.stop = new AbortController();
  }

  async open(video) {
    const answer = await ask(`/api/video?${query({video})}`, this.stop.signal);
    this.answer = answer;
    this.panels = answer.panels.map((card) => new Panel(card, this.set, (id) => this.go(link({video: id}))));
    this.player = new Player(this.panels, () => this.draw());
    Object.assign(this.player, {loop: kept.loop, speed: kept.speed});
    this.motion = new Motion(this.panels, this.player, () => this.player.draw());
    this.head = h("div", {class: "scene-head"});
    this.facts = h("div", {});
    const rest = this.panels.map((panel) => panel.element);
    const source = answer.has_source ? rest.shift() : h("figure", {class: "panel"}, h("div", {class: "stage empty-face"}, h("p", {class: "message"}, "The driving clip is not in this set.")), h("figcaption", {}, h("b", {class: "panel-name"}, "Source")));
    const wall = h("div", {class: "wall", "aria-label": "Source, portrait and renderings"}, source, portraitFigure(answer.portrait), rest);
    for (const panel of this.panels) panel.stage.addEventListener("click", (event) => this.click(panel, event));
    this.main.replaceChildren(this.head, wall, this.transport(), this.motion.element, this.neighbours(), this.facts);
    this.choose(video, answer.place);
    await Promise.all(this.panels.map((panel) => panel.load(this.stop.signal)));
    this.player.draw();
    await this.motion.load(this.stop.signal);
    if (kept.playing && !reducedMotion()) this.player.play();
    this.main.dataset.ready = video;
  }

  has(video) {
    return Boolean(this.answer?.panels.some((card) => card.video === video));
  }

  /** Another video of the same scene: its facts, and its place in the list. */
  async move(video) {
    const {place} = await ask(`/api/video?${query({video})}`, this.stop.signal);
    this.choose(video, place);
    this.main.dataset.ready = video;
  }

  choose(video, place) {
    this.video = video;
    this.place = place;
    const card = this.answer.panels.find((one) => one.video === video);
    for (const panel of this.panels) {
      const isChosen = panel.card.video === video;
      panel.element.classList.toggle("here", isChosen);
      panel.element.querySelector(".panel-name").setAttribute("aria-pressed", String(isChosen));
    }
    const where = place.number ? `${count(place.number)} of ${count(place.count)}` : `not among the ${count(place.count)} of the list`;
    const step = (id, text, key) => h("a", {href: id ? link({video: id}) : null, class: id ? "button" : "button off", title: key, onclick: (event) => {
      event.preventDefault();
      if (id) this.go(link({video: id}));
    }}, text);
    const title = card.kind === "real" ? `${person(card.driver)}, ${card.clip_name}` : `${person(card.driver)} drives ${card.kind === "self" ? "themselves" : person(card.target)}`;
    this.head.replaceChildren(
      h("nav", {class: "steps", "aria-label": "List"}, h("a", {class: "button", href: link({video: null}), onclick: (event) => {
        event.preventDefault();
        this.go(link({video: null}));
      }}, "‹ List"), step(place.previous, "previous", "k"), step(place.next, "next", "j"), h("span", {class: "soft"}, where)),
      h("h1", {}, title, h("span", {class: "soft"}, ` ${[card.kind === "real" ? "source" : card.generator, card.split].filter(Boolean).join(" · ")}`)),
      card.state === "ok" ? "" : h("p", {class: "note"}, h("b", {}, `${card.state}: ${card.reason}`), card.detail ? ` ${card.detail}` : ""),
    );
    this.facts.replaceChildren(h("h2", {}, "About this video"), factsOf(this.answer.facts[video], this.answer.people, this.go));
    document.title = `${title} · ${this.set.name}`;
    say(`${title}, ${card.generator || "source"}, ${where}`);
  }

  transport() {
    const {player} = this;
    this.playButton = h("button", {type: "button", class: "play", onclick: () => this.toggle()});
    this.line = h("input", {type: "range", min: "0", max: String(player.frames - 1), step: "1", value: "0", "aria-label": "Frame", oninput: (event) => {
      if (player.playing) player.pause();
      player.seek(Number(event.target.value));
    }});
    this.clock = h("output", {class: "clock"});
    this.speed = h("select", {"aria-label": "Speed", onchange: (event) => {
      player.speed = kept.speed = Number(event.target.value);
    }}, SPEEDS.map((speed) => h("option", {value: String(speed)}, `${speed}×`)));
    this.loopBox = h("input", {type: "checkbox", checked: kept.loop, onchange: (event) => {
      player.loop = kept.loop = event.target.checked;
    }});
    this.landmarksBox = h("input", {type: "checkbox", checked: kept.landmarks, onchange: (event) => {
      kept.landmarks = event.target.checked;
      player.draw();
    }});
    const button = (text, name, act) => h("button", {type: "button", class: "quiet", "aria-label": name, title: name, onclick: act}, text);
    const hasMotion = this.panels.some(({card}) => card.picture || card.landmarks);
    return h("div", {class: "transport", hidden: !hasMotion, role: "group", "aria-label": "Playback"}, this.playButton, button("‹", "A frame back", () => player.step(-1)), button("›", "A frame on", () => player.step(1)), this.line, this.clock, this.speed, h("label", {class: "check"}, this.loopBox, "loop"), h("label", {class: "check"}, this.landmarksBox, "landmarks"));
  }

  neighbours() {
    const {answer} = this;
    const strip = (title, links, chosen, all) => links.count < 2 ? null : h("section", {class: "strip"}, h("h2", {}, title, " ", h("a", {class: "soft", href: all, onclick: (event) => {
      event.preventDefault();
      this.go(all);
    }}, `all ${count(links.count)} in the list`)), h("ul", {}, links.people.map(([identity, video, number]) => h("li", {}, h("a", {href: link({video}), class: identity === chosen ? "here" : "", "aria-current": identity === chosen ? "true" : null, onclick: (event) => {
      event.preventDefault();
      this.go(link({video}));
    }}, h("img", {src: thumbnailAddress({video, version: "s", picture: true}), alt: "", loading: "lazy", width: "72", height: "72", onerror: (event) => event.target.classList.add("broken")}), h("span", {}, person(identity)), h("span", {class: "soft"}, `${number} video${number === 1 ? "" : "s"}`))))));
    return h("div", {class: "neighbours"}, strip("The same clip on other faces", answer.other_targets, answer.target, cleared({clip: answer.clip})), strip("The same face by other drivers", answer.other_drivers, answer.driver, cleared({target: answer.target})));
  }

  click(panel, event) {
    if (this.motion.picking && panel.landmarks) {
      const frame = this.player.frameOf(panel);
      if (panel.landmarks.hasFace(frame)) this.motion.take(panel.pick(event, frame));
    } else {
      this.toggle();
    }
  }

  toggle() {
    this.player.toggle();
    kept.playing = this.player.playing;
  }

  draw() {
    const {player} = this;
    if (!this.playButton) return;
    for (const panel of this.panels) panel.draw(player.frameOf(panel), {visible: kept.landmarks, picked: this.motion.picked});
    const state = [player.frame, player.playing, player.speed].join();
    if (state === this.drawn) return;
    this.drawn = state;
    const text = `${player.frame + 1} / ${player.frames}`;
    this.line.value = String(player.frame);
    this.line.setAttribute("aria-valuetext", `frame ${text}`);
    this.clock.textContent = `${text}  ${(player.frame / player.fps).toFixed(2)} s`;
    this.playButton.textContent = player.playing ? "Pause" : "Play";
    this.playButton.setAttribute("aria-pressed", String(player.playing));
    this.speed.value = String(player.speed);
    this.motion.move();
  }

  /** A key of the scene; true where it was one. */
  key(key) {
    const {player} = this;
    const acts = {
      " ": () => this.toggle(),
      ",": () => player.step(-1),
      ".": () => player.step(1),
      Home: () => player.seek(0),
      End: () => player.seek(player.frames - 1),
      "<": () => player.faster(-1),
      ">": () => player.faster(1),
      o: () => this.loopBox.click(),
      l: () => this.landmarksBox.click(),
      c: () => this.motion.next(1),
      y: () => navigator.clipboard?.writeText(this.video).then(() => say("id copied"), () => {}),
    };
    if (!player || !(key in acts)) return false;
    acts[key]();
    kept.speed = player.speed;
    return true;
  }

  close() {
    this.stop.abort();
    this.player?.close();
    this.motion?.close();
    delete this.main.dataset.ready;
  }
}
