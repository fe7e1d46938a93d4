// Asks before something is done: what will happen, and whether to go on. The browser keeps the keyboard inside and lets
// Escape close it.

import { button, fill, make, trouble } from "./elements.js";

let count = 0;

/** What a task answers to keep the dialog open, as after a preview. */
export const stay = Symbol("stay");

/**
 * Opens a dialog and answers what `task` answered (true for nothing), or null when it was closed.
 *
 * `body` are the elements and sentences between the title and the buttons. `task` does what was agreed to; the dialog stays
 * open meanwhile, and shows the problem when it throws one. It is given the form's data and `{ form, tell(nodes), rename(action, isGrave) }`,
 * with which it can say more and ask again. `isGrave` marks what cannot be undone; then the keyboard begins on the way out.
 */
export function open({ title, body = [], action, task, isGrave = false, dismiss = "Cancel" }) {
  return new Promise((done) => {
    count += 1;
    const id = `dialog-${count}`;
    const cameFrom = document.activeElement;
    const slot = make("div", { class: "dialog-trouble" });
    const told = make("div", { class: "dialog-told", "aria-live": "polite" });
    const out = button(dismiss, () => dialog.close(), { class: "quiet" });
    const go = make("button", { type: "submit", class: isGrave ? "grave" : "main" }, action);
    let result = null;
    let isBusy = false;
    const form = make("form", { method: "dialog" },
      make("h2", { id }, title), make("div", { class: "dialog-body" }, body.map(asParagraph)), told, slot,
      make("div", { class: "dialog-actions" }, out, go));
    const dialog = make("dialog", { class: "dialog", "aria-labelledby": id }, form);
    const controls = {
      form,
      tell: (...nodes) => fill(told, nodes),
      rename: (text, isNowGrave = isGrave) => {
        fill(go, text);
        go.className = isNowGrave ? "grave" : "main";
      },
    };
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (isBusy) return;
      isBusy = true;
      go.setAttribute("aria-disabled", "true");
      fill(slot);
      try {
        const answer = await task(new FormData(form), controls);
        if (answer !== stay) {
          result = answer ?? true;
          dialog.close();
        }
      } catch (problem) {
        fill(slot, trouble(problem, { role: "alert" }));
      }
      isBusy = false;
      go.removeAttribute("aria-disabled");
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (cameFrom?.isConnected) cameFrom.focus();
      done(result);
    });
    // A change of page leaves nothing open behind it.
    const leave = () => dialog.close();
    addEventListener("hashchange", leave, { once: true });
    document.body.append(dialog);
    dialog.showModal();
    const first = dialog.querySelector("[autofocus], input, select, textarea");
    (first ?? (isGrave ? out : go)).focus();
  });
}

function asParagraph(part) {
  return part instanceof Node ? part : make("p", {}, part);
}

/** A labelled field of a form: its control, the words above it and a line of help below. */
export function field(label, control, help = "") {
  count += 1;
  control.id ||= `field-${count}`;
  if (help) control.setAttribute("aria-describedby", `${control.id}-help`);
  return make("div", { class: "field" }, make("label", { for: control.id }, label), control,
    help && make("p", { class: "help", id: `${control.id}-help` }, help));
}

/** A box to tick, with its words beside it and a line of help below. */
export function tick(label, name, { checked = false, help = "" } = {}) {
  count += 1;
  const id = `field-${count}`;
  const box = make("input", { type: "checkbox", name, id, checked, "aria-describedby": help ? `${id}-help` : null });
  return make("div", { class: "field tick" }, box, make("label", { for: id }, label),
    help && make("p", { class: "help", id: `${id}-help` }, help));
}
