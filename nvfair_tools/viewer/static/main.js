// The page: shows what its address names, and hands keys on.
import {ask, byId, counted, h, say} from "./dom.js";
import {cleared, filterCount, link, read} from "./address.js";
import {Filters} from "./filters.js";
import {moveFocus, showList} from "./list.js";
import {Scene} from "./scene.js";

const main = byId("main");
const search = byId("search");
const aside = byId("filters");
const filtersButton = byId("filters-button");
const help = byId("help");
const FACET_KEYS = {g: "generator", d: "driver", t: "target", s: "split"};

let set = null;
let filters = null;
let scene = null;
let reading = null; // aborts the list that is being read
let listPlace = null; // where the list stood when a video was opened

/** Goes to an address of this page. */
async function go(address, {replace = false, keepFocus = false} = {}) {
  if (!replace && document.body.dataset.view === "list" && main.dataset.ready) listPlace = {address: location.href, top: scrollY, video: document.activeElement?.dataset?.video};
  history[replace ? "replaceState" : "pushState"](null, "", address);
  await show({keepFocus});
}

async function show({keepFocus = false} = {}) {
  reading?.abort();
  reading = new AbortController();
  const video = read().get("video");
  if (document.activeElement !== search) search.value = read().get("q") || "";
  filtersButton.textContent = filterCount() ? `Filters (${filterCount()})` : "Filters";
  try {
    if (!set) await open();
    if (video) await showScene(video);
    else await showPage(keepFocus);
  } catch (error) {
    if (error.name !== "AbortError") complain(error);
  }
}

async function open() {
  set = await ask("/api/set");
  byId("set-name").textContent = set.name;
  byId("set-size").textContent = `${counted(set.videos, "video")}, ${set.simulated ? counted(set.people, "simulated person", "simulated people") : counted(set.people, "person", "people")}${set.shows_refused ? " · refused pictures are shown, to you alone" : ""}`;
  byId("set-size").title = set.folder;
  aside.replaceChildren();
  filters = new Filters(aside, set.facets, go);
}

async function showPage(keepFocus) {
  const left = scene?.video;
  scene?.close();
  scene = null;
  const wasScene = document.body.dataset.view === "scene";
  document.body.dataset.view = "list";
  document.title = set.name;
  await showList(main, set, filters, go, reading.signal);
  main.dataset.ready = "list";
  if (wasScene) {
    const card = left && main.querySelector(`[data-video="${CSS.escape(left)}"]`);
    if (card) {
      card.focus();
      card.scrollIntoView({block: "center"});
    } else if (listPlace?.address === location.href) {
      scrollTo(0, listPlace.top);
    }
  } else if (!keepFocus && !aside.contains(document.activeElement) && document.activeElement !== search) {
    scrollTo(0, 0);
  }
}

async function showScene(video) {
  document.body.dataset.view = "scene";
  closeFilters();
  if (scene?.has(video)) {
    await scene.move(video);
    return;
  }
  const wasList = !scene;
  scene?.close();
  scene = new Scene(main, set, go);
  if (wasList) {
    scrollTo(0, 0);
    main.focus({preventScroll: true});
  }
  await scene.open(video);
}

function complain(error) {
  scene?.close();
  scene = null;
  set = error.unreadable ? null : set;
  const again = h("button", {type: "button", onclick: () => show()}, "Try again");
  const title = error.unreadable ? "This data set cannot be read now" : "This cannot be shown";
  main.replaceChildren(h("h1", {}, title), h("pre", {class: "note", role: "alert"}, error.message || String(error)), again, " ", h("a", {class: "button", href: "/"}, "To the list"));
  say(title);
  main.dataset.ready = "error";
}

function closeFilters() {
  document.body.classList.remove("filters-open");
  filtersButton.setAttribute("aria-expanded", "false");
}

function openFilters() {
  document.body.classList.add("filters-open");
  filtersButton.setAttribute("aria-expanded", "true");
}

async function focusFacet(name) {
  if (document.body.dataset.view !== "list") await go(link({video: null}));
  openFilters();
  filters?.focus(name);
}

function turnPage(step) {
  const page = Number(read().get("page") || "1") + step;
  const turn = main.querySelector(step > 0 ? ".pager a[rel=next]:not(.off)" : ".pager a[rel=prev]:not(.off)");
  if (!turn) return;
  main.tabIndex = -1;
  go(link({page: page > 1 ? page : null})).then(() => moveFocus(main, "right"));
}

async function move(direction) {
  if (document.body.dataset.view === "scene") {
    const video = {right: scene?.place?.next, left: scene?.place?.previous}[direction];
    if (video) await go(link({video}), {replace: true});
    return;
  }
  if (!moveFocus(main, direction) && direction === "right") turnPage(1);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const {target, key} = event;
  const isText = target.matches("input:not([type=checkbox]):not([type=range]), textarea");
  if (key === "Escape") {
    if (isText && target.value && target.type === "search" && target !== search) return;
    if (isText || target.matches("input, select")) {
      target.blur();
      closeFilters();
    } else if (document.body.classList.contains("filters-open")) {
      closeFilters();
    } else if (document.body.dataset.view === "scene") {
      go(link({video: null}));
    }
    return;
  }
  const isOwn = isText || target.matches("select") || (target.matches("input[type=range]") && /^(Arrow|Home|End|Page)/.test(key));
  if (isOwn) return;
  // Space and Enter press what has the focus, and nothing else.
  if ((key === " " || key === "Enter") && target.closest("button, a, summary, input, label")) return;
  if (act(key)) event.preventDefault();
}

function act(key) {
  if (scene?.key(key)) return true;
  const isScene = document.body.dataset.view === "scene";
  const directions = {j: "right", k: "left", ArrowRight: "right", ArrowLeft: "left"};
  if (key in directions) move(directions[key]);
  else if (!isScene && key === "ArrowDown") move("down");
  else if (!isScene && key === "ArrowUp") move("up");
  else if (key === "/") search.focus();
  else if (key in FACET_KEYS) focusFacet(FACET_KEYS[key]);
  else if (key === "x") go(cleared());
  else if (!isScene && key === "[") turnPage(-1);
  else if (!isScene && key === "]") turnPage(1);
  else if (key === "?") help.showModal();
  else return false;
  return true;
}

let typing = 0;
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => go(link({q: search.value.trim(), page: null, video: null}), {replace: Boolean(read().get("q"))}), 180);
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  search.blur();
  moveFocus(main, "right");
});
filtersButton.addEventListener("click", () => (document.body.classList.contains("filters-open") ? closeFilters() : openFilters()));
byId("help-button").addEventListener("click", () => help.showModal());
byId("home").addEventListener("click", (event) => {
  event.preventDefault();
  go("/");
});
document.addEventListener("keydown", onKey);
addEventListener("popstate", () => show());
show();
