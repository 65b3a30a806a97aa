// The page's state is its address: filters, words, order, page and the open video. Back and forward work.

/** The filters of the address without the page's own parts, as URLSearchParams. */
export function read() {
  return new URLSearchParams(location.search);
}

/** An address with some parameters changed; null removes one, an array repeats it. */
export function link(changes, from = read()) {
  const next = new URLSearchParams(from);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== null && item !== "" && item !== undefined) next.append(name, item);
    }
  }
  const text = next.toString();
  return text ? `/?${text}` : "/";
}

/** The address without any filter; the order stays. */
export function cleared(changes = {}) {
  const sort = read().get("sort");
  return link(changes, new URLSearchParams(sort ? {sort} : {}));
}

/** The number of choices and words that filter. */
export function filterCount() {
  let number = 0;
  for (const [name, value] of read()) if (!["sort", "page", "video"].includes(name) && value) number += 1;
  return number;
}

/** The query part that the server takes: everything but page and video. */
export function query(more = {}) {
  const parameters = read();
  parameters.delete("page");
  parameters.delete("video");
  for (const [name, value] of Object.entries(more)) parameters.set(name, value);
  return parameters.toString();
}
