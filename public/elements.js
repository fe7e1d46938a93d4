// Makes elements. Every text goes in as text, with characters that would hide or turn others spelt out, so that no name and
// no message ever becomes markup.

import { ago, bothZones, dateOf, moment, sentence, visible } from "./format.js";

const svgSpace = "http://www.w3.org/2000/svg";

function put(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(visible(String(child))));
  }
}

function dress(element, options) {
  for (const [name, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "css") for (const [key, set] of Object.entries(value)) element.style.setProperty(key, set);
    else element.setAttribute(name, value === true ? "" : visible(String(value)));
  }
}

/**
 * Makes an element of HTML. `options` are its attributes; `on` are listeners, `data` the data attributes, `css` styles.
 * Children are nodes, texts, lists of those, or nothing.
 */
export function make(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  dress(element, options);
  put(element, children);
  return element;
}

/** Makes an element of SVG in the same way. */
export function draw(tag, options = {}, ...children) {
  const element = document.createElementNS(svgSpace, tag);
  dress(element, options);
  put(element, children);
  return element;
}

/** Puts other children in the place of those that there are. */
export function fill(element, ...children) {
  element.replaceChildren();
  put(element, children);
}

/** Sets a text only where it differs, so that a screen reader and a selection are left in peace. */
export function say(element, text) {
  const shown = visible(text);
  if (element.textContent !== shown) element.textContent = shown;
}

/** Sets an attribute only where it differs; null takes it away. */
export function mark(element, name, value) {
  if (value === null || value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== visible(String(value))) element.setAttribute(name, visible(String(value)));
}

/** A button; `options` as for `make`. */
export const button = (label, onClick, options = {}) =>
  make("button", { type: "button", ...options, on: { click: onClick } }, label);

/** The address of a page: `path("pipelines", name)`. */
export const path = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;

/** A way to another page of ours. */
export const link = (to, label, options = {}) => make("a", { href: to, ...options }, label);

/** Shows an instant in a `time` element, how long ago or as it is, today with its second by `clock`, and in both zones when pointed at. */
export function showTime(element, text, { prefix = "", exact = false, clock = false } = {}) {
  const date = dateOf(text);
  say(element, date ? prefix + (clock || exact ? moment(date, undefined, { fine: clock }) : ago(date)) : "");
  mark(element, "datetime", date ? text : null);
  mark(element, "title", date ? bothZones(date) : null);
}

/** A `time` element that shows an instant. */
export function time(text, options) {
  const element = make("time");
  showTime(element, text, options);
  return element;
}

/** A sentence of the server in which instants show in the reader's zone. */
export const withTimes = (text) =>
  text.split(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/).map((part, place) => place % 2 === 1 ? time(part, { exact: true }) : part);

/** A state as a dot and a word. */
export const state = (tone, word) =>
  make("span", { class: "state", data: { tone } }, make("span", { class: "dot", "aria-hidden": "true" }), make("span", {}, word));

/** What went wrong and what to do about it: a problem of the client, or the `error` of a run or a step. */
export function trouble(problem, { role = null } = {}) {
  const parts = problem.parts ?? [];
  return make("div", { class: "trouble", role },
    make("p", { class: "what" }, sentence(problem.message)),
    parts.length > 0 && make("ul", {}, parts.map((part) => make("li", {}, part))),
    problem.hint && make("p", { class: "remedy" }, sentence(problem.hint)));
}

/** Tells a screen reader. */
export const announce = (text) => { document.getElementById("announcer").textContent = visible(text); };
