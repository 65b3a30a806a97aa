// The filters: a list of choices for each facet, with counts that follow the other filters.
import {ask, byId, count, h} from "./dom.js";
import {cleared, filterCount, link, query, read} from "./address.js";

const OPEN = new Set(["split", "kind", "generator", "state"]);
const LONG = 8; // choices; a longer list is folded until it is opened, and has a field to find some

/** Keeps the column of filters; `go(address)` is called with the new address of a click. */
export class Filters {
  constructor(place, facets, go) {
    this.place = place;
    this.go = go;
    this.groups = {};
    const clear = h("button", {type: "button", class: "quiet", onclick: () => go(cleared())}, "Clear all", h("span", {class: "key"}, "x"));
    this.head = h("div", {class: "filters-head"}, h("h2", {}, "Filters"), clear);
    this.clear = clear;
    place.append(this.head);
    for (const [name, title] of Object.entries(facets)) this.groups[name] = this.group(name, title);
  }

  group(name, title) {
    const chosen = h("span", {class: "chosen"});
    const find = h("input", {type: "search", class: "find", placeholder: "find…", "aria-label": `Find in ${title}`, autocomplete: "off"});
    const list = h("ul", {});
    const more = h("p", {class: "soft more"});
    const details = h("details", {class: "facet", "data-facet": name}, h("summary", {}, title, chosen), find, list, more);
    details.open = OPEN.has(name);
    let timer = 0;
    find.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(async () => {
        const parameters = query({facet: name, word: find.value});
        this.fill(name, await ask(`/api/choices?${parameters}`));
      }, 120);
    });
    this.place.append(details);
    return {details, chosen, find, list, more, size: 0};
  }

  /** Shows the choices of all facets. */
  show(facets) {
    for (const [name, listed] of Object.entries(facets)) {
      const group = this.groups[name];
      group.size = listed.choices.length + listed.more;
      if (group.find.value && document.activeElement === group.find) continue;
      group.find.value = "";
      this.fill(name, listed);
      const isUseful = group.size > 1 || listed.choices.some((choice) => choice[2]);
      group.details.hidden = !isUseful;
      group.find.hidden = group.size <= LONG;
    }
    this.clear.hidden = filterCount() === 0;
  }

  fill(name, listed) {
    const group = this.groups[name];
    const active = document.activeElement;
    const focused = group.list.contains(active) ? active.value : null;
    const largest = Math.max(1, ...listed.choices.map((choice) => choice[1]));
    group.list.replaceChildren(...listed.choices.map(([value, number, chosen]) => {
      const box = h("input", {type: "checkbox", value, checked: chosen, onchange: () => this.toggle(name, value)});
      const item = h("li", {}, h("label", {class: number ? "" : "none"}, box, h("span", {class: "value"}, value), h("span", {class: "count"}, count(number))));
      item.style.setProperty("--share", `${(100 * number) / largest}%`);
      return item;
    }));
    if (focused !== null) [...group.list.querySelectorAll("input")].find((box) => box.value === focused)?.focus();
    group.more.textContent = listed.more ? `and ${count(listed.more)} more` : "";
    const chosen = read().getAll(name).length;
    group.chosen.textContent = chosen ? String(chosen) : "";
  }

  toggle(name, value) {
    const values = new Set(read().getAll(name));
    if (!values.delete(value)) values.add(value);
    this.go(link({[name]: [...values], page: null, video: null}), {keepFocus: true});
  }

  /** Opens a facet and puts the focus into it. */
  focus(name) {
    const group = this.groups[name];
    if (!group || group.details.hidden) return false;
    group.details.open = true;
    const target = group.find.hidden ? group.list.querySelector("input") : group.find;
    (target || group.details.querySelector("summary")).focus();
    group.details.scrollIntoView({block: "nearest"});
    return true;
  }
}

/** The chosen filters as buttons that take them away. */
export function chips(facets, go) {
  const items = [];
  for (const [name, value] of read()) {
    if (["sort", "page", "video"].includes(name) || !value) continue;
    const title = name === "q" ? "words" : (facets[name] || name).toLowerCase();
    const rest = name === "q" ? [] : read().getAll(name).filter((other) => other !== value);
    const remove = () => {
      if (name === "q") byId("search").value = "";
      go(link({[name]: rest, page: null, video: null}));
    };
    const text = name === "clip" ? value.slice(0, 12) : value;
    items.push(h("li", {}, h("button", {type: "button", class: "chip", onclick: remove, "aria-label": `Remove the filter ${title}: ${value}`}, h("span", {class: "soft"}, `${title} `), text, h("span", {class: "cross", "aria-hidden": "true"}, "×"))));
  }
  return items.length ? h("ul", {class: "chips", "aria-label": "Chosen filters"}, items) : null;
}
