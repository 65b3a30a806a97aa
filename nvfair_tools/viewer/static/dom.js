// Making elements, and asking the server.

/** An element: h("a", {href: "/", class: "x", onclick: f}, "text", child). Null attributes and children are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);
export const count = (number) => number.toLocaleString("en");
/** A number of things with its noun: "1 video", "1,234 videos". */
export const counted = (number, noun, plural = `${noun}s`) => `${count(number)} ${number === 1 ? noun : plural}`;

/** What screen readers hear. */
export function say(text) {
  byId("status").textContent = text;
}

export class Refusal extends Error {
  constructor(message, unreadable) {
    super(message);
    this.unreadable = unreadable;
  }
}

/** The JSON of an address; raises Refusal with the server's words. */
export async function ask(address, signal) {
  const answer = await fetch(address, {signal});
  if (answer.ok) return answer.json();
  throw await refusal(answer);
}

export async function refusal(answer) {
  if (answer.status === 403) return new Refusal("The viewer was started anew: open the address that its terminal shows.", true);
  try {
    const content = await answer.json();
    return new Refusal(content.error, Boolean(content.unreadable));
  } catch {
    return new Refusal(`the viewer answered ${answer.status}`, false);
  }
}

export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
