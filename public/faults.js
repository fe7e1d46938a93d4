// What the server has against the fields of a form, said at each of them.

import { make } from "./elements.js";
import { sentence } from "./format.js";

let count = 0;

/** Takes away what was said before. */
export function clearFaults(form) {
  for (const fault of form.querySelectorAll(".fault")) fault.remove();
  for (const control of form.querySelectorAll("[aria-invalid]")) {
    control.removeAttribute("aria-invalid");
    const others = (control.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && document.getElementById(id));
    if (others.length > 0) control.setAttribute("aria-describedby", others.join(" "));
    else control.removeAttribute("aria-describedby");
  }
}

/**
 * Says what a problem has against the controls of a form, which bear the names of the request's fields, and goes to the first.
 * Answers whether each of its faults found a field; what did not is for the caller to show.
 */
export function showFaults(form, problem) {
  clearFaults(form);
  let first = null;
  let isComplete = problem.faults.length > 0;
  for (const { field, message, hint } of problem.faults) {
    const named = form.elements.namedItem(field);
    const control = named instanceof RadioNodeList ? named[0] : named;
    if (!control || !control.checkVisibility?.()) {
      const fold = control?.closest("details");
      if (fold) fold.open = true;
      else {
        isComplete = false;
        continue;
      }
    }
    count += 1;
    const id = `fault-${count}`;
    const place = control.closest(".field, .choices") ?? control.parentElement;
    place.append(make("p", { class: "fault", id }, [message, hint].filter(Boolean).map(sentence).join(" ")));
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", [control.getAttribute("aria-describedby"), id].filter(Boolean).join(" "));
    first ??= control;
  }
  first?.focus();
  return isComplete;
}
