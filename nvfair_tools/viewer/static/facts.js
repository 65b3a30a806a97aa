// What is known of a video: its columns, rights, measures, and the people in it.
import {h} from "./dom.js";
import {link} from "./address.js";

const GROUPS = {
  "What it is": ["video", "kind", "state", "reason", "detail", "flags", "split", "source", "driver", "target", "clip_name", "clip", "generator", "generator_family", "motion_mode", "scenario", "emotion", "content"],
  File: ["path", "sha256", "frames", "rate", "size", "part", "first_row"],
  Rights: ["licence", "consent", "permitted_use"],
  "Made from": ["lineage"],
};
const LINKED = {driver: "driver", target: "target", clip: "clip", generator: "generator", split: "split", source: "source", reason: "reason"};

/** The tables below a scene, of one of its videos. */
export function factsOf(facts, people, go) {
  const columns = {...facts.columns};
  if (columns.fps_num) columns.rate = `${columns.fps_num}/${columns.fps_den} frames a second`;
  if (columns.width) columns.size = `${columns.width} × ${columns.height} pixels`;
  const sections = Object.entries(GROUPS).map(([title, names]) => {
    const rows = names.filter((name) => hasValue(columns[name])).map((name) => row(name, columns[name], go));
    return rows.length ? h("section", {}, h("h3", {}, title), h("dl", {}, rows)) : null;
  });
  sections.push(uses(facts));
  if (Object.keys(facts.measures).length) {
    sections.push(h("section", {}, h("h3", {}, "Measured by nvfair quality"), h("dl", {}, Object.entries(facts.measures).map(([name, value]) => row(name, value.toFixed(3), go)))));
  }
  const same = people.driver.identity === people.target.identity;
  for (const [role, known] of Object.entries(same ? {person: people.driver} : people)) {
    sections.push(h("section", {}, h("h3", {}, same ? "Person" : `The ${role}`), h("dl", {}, Object.entries(known).map(([name, value]) => row(name, value, go)))));
  }
  return h("div", {class: "facts"}, sections);
}

function row(name, value, go) {
  const texts = Array.isArray(value) ? value : [value];
  const content = texts.map((text) => {
    const shown = String(text);
    if (!(name in LINKED)) return h("div", {}, shown);
    const address = link({[LINKED[name]]: shown, page: null, video: null});
    return h("a", {href: address, title: "Filter the list by it", onclick: (event) => {
      event.preventDefault();
      go(address);
    }}, shown);
  });
  return [h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, content)];
}

function uses(facts) {
  const rows = facts.uses.map(({use, permitted, detail}) => [h("dt", {}, use), h("dd", {}, h("span", {class: permitted ? "yes" : "no"}, permitted ? "permitted" : "refused"), permitted ? "" : h("div", {class: "soft"}, detail))]);
  return h("section", {}, h("h3", {}, "Uses today ", h("span", {class: "soft"}, `for ${facts.purpose}, on ${facts.day}`)), h("dl", {}, rows));
}

const hasValue = (value) => value !== null && value !== undefined && value !== "" && !(Array.isArray(value) && !value.length);
