// The list: pages of small pictures, by mouse and by keyboard.
import {ask, count, counted, h, reducedMotion, say} from "./dom.js";
import {chips} from "./filters.js";
import {cleared, link, query, read} from "./address.js";

const SIZE = 60;
const HOVER_MS = 220;
const ORDERS = {target: "by target", driver: "by driver", clip: "by clip", longest: "longest first", motion: "least motion transferred first", flicker: "most flicker first"};

export const mediaAddress = (video) => `/media?${new URLSearchParams({video})}`;
export const thumbnailAddress = (card) => `/thumbnail?${new URLSearchParams({video: card.video, v: card.version + (card.picture ? "" : "l")})}`;

/** The page of the list that the address names. */
export async function showList(main, set, filters, go, signal) {
  const page = Math.max(1, Number.parseInt(read().get("page") || "1", 10) || 1);
  const answer = await ask(`/api/videos?${query({start: (page - 1) * SIZE, size: SIZE})}`, signal);
  filters.show(answer.facets);
  const pages = Math.max(1, Math.ceil(answer.count / SIZE));
  if (page > pages) return go(link({page: pages > 1 ? pages : null}), {replace: true});
  const order = h("select", {"aria-label": "Order", onchange: (event) => go(link({sort: event.target.value === "target" ? null : event.target.value, page: null}))}, set.orders.map((name) => h("option", {value: name, selected: (read().get("sort") || "target") === name}, ORDERS[name] || name)));
  const number = answer.count === answer.total ? counted(answer.total, "video") : `${count(answer.count)} of ${counted(answer.total, "video")}`;
  const head = h("div", {class: "list-head"}, h("h1", {}, number), chips(set.facets, go), order);
  const cards = answer.videos.map((card) => cardLink(card, go));
  const body = cards.length
    ? h("ul", {class: "grid", "aria-label": "Videos"}, cards)
    : h("div", {class: "empty"}, h("p", {}, "No video fits these filters."), h("button", {type: "button", onclick: () => go(cleared())}, "Clear all filters"));
  main.replaceChildren(head, body, pages > 1 ? pager(page, pages, go) : "");
  say(number);
}

function cardLink(card, go) {
  const address = link({video: card.video});
  const title = card.kind === "real" ? card.clip_name : `${card.generator}`;
  const who = card.kind === "cross" ? `${person(card.driver)} → ${person(card.target)}` : person(card.target) || person(card.driver);
  const bad = card.state !== "ok";
  const box = h("span", {class: "picture"});
  if (card.picture || card.landmarks) {
    const image = h("img", {src: thumbnailAddress(card), alt: "", loading: "lazy", decoding: "async", class: card.picture ? "" : "drawn"});
    image.addEventListener("error", () => image.replaceWith(h("span", {class: "absent"}, "picture cannot be read")));
    box.append(image);
  } else {
    box.append(h("span", {class: "absent"}, bad ? card.reason : "no picture"));
  }
  if (card.synthetic) box.append(h("span", {class: "synthetic"}, "SYNTHETIC"));
  if (card.hidden) box.append(h("span", {class: "mark"}, "not shown"));
  const item = h("a", {class: `card ${bad ? "bad" : ""}`, href: address, "data-video": card.video, onclick: (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(address);
  }}, box, h("span", {class: "name"}, title), h("span", {class: "who"}, who), bad ? h("span", {class: "state"}, `${card.state}: ${card.reason}`) : h("span", {class: "soft line"}, [card.split, card.kind === "real" ? "source" : `${card.kind === "self" ? "self, " : ""}${card.clip_name}`].join(" · ")));
  if (card.picture) playOnHover(item, box, card);
  return h("li", {}, item);
}

/** A picture becomes its video while the mouse rests on it. */
function playOnHover(item, box, card) {
  let timer = 0;
  let video = null;
  item.addEventListener("pointerenter", (event) => {
    if (event.pointerType !== "mouse" || reducedMotion()) return;
    timer = setTimeout(() => {
      video = h("video", {muted: true, loop: true, playsInline: true, tabindex: "-1", "aria-hidden": "true"});
      video.src = mediaAddress(card.video);
      video.addEventListener("playing", () => video?.classList.add("on"), {once: true});
      box.prepend(video);
      video.play().catch(() => {});
    }, HOVER_MS);
  });
  item.addEventListener("pointerleave", () => {
    clearTimeout(timer);
    if (video) {
      video.removeAttribute("src");
      video.load();
      video.remove();
      video = null;
    }
  });
}

/** A person's id without its namespace, where that is plain enough to read. */
export const person = (identity) => identity.slice(identity.indexOf(":") + 1) || "(nobody)";

function pager(page, pages, go) {
  const to = (number, text, name) => {
    const off = number < 1 || number > pages || number === page;
    const address = link({page: number > 1 ? number : null});
    return h("a", {href: off ? null : address, class: off ? "off" : "", rel: name, "aria-current": number === page ? "page" : null, onclick: (event) => {
      event.preventDefault();
      if (!off) go(address);
    }}, text);
  };
  const near = [...new Set([1, page - 2, page - 1, page, page + 1, page + 2, pages])].filter((n) => n >= 1 && n <= pages);
  const links = [];
  near.forEach((number, place) => {
    if (place && number - near[place - 1] > 1) links.push(h("span", {class: "soft", "aria-hidden": "true"}, "…"));
    links.push(to(number, count(number), null));
  });
  return h("nav", {class: "pager", "aria-label": "Pages"}, to(page - 1, "‹ back", "prev"), links, to(page + 1, "on ›", "next"));
}

/** Moves the focus among the cards; "left", "right", "up", "down". Returns false where there is no card that way. */
export function moveFocus(main, direction) {
  const cards = [...main.querySelectorAll("a.card")];
  const here = cards.indexOf(document.activeElement);
  if (!cards.length) return false;
  if (here < 0) return focusCard(cards[0]);
  const columns = cards.filter((card) => card.offsetTop === cards[0].offsetTop).length;
  const step = {left: -1, right: 1, up: -columns, down: columns}[direction];
  const next = cards[here + step];
  return next ? focusCard(next) : false;
}

function focusCard(card) {
  card.focus();
  card.scrollIntoView({block: "nearest"});
  return true;
}
