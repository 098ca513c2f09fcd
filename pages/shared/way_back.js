// One thing that a person does is one step back for the browser. Streamlit writes an address part by part,
// each a step of its own, so that Back would only undo the last part: here what follows without a click or a
// key in between joins the step before it. What follows a step back joins it too, or Back would lead here again:
// the click or the keys that went back are no beginning of something new.
const HELD = ["Alt", "Control", "Meta", "Shift"];

export default function () {
  if (window.embtuneWayBack) return;
  window.embtuneWayBack = true;
  let acted = false;
  const act = (event) => {
    if (event.isTrusted && !HELD.includes(event.key)) acted = true; // not the keys that a script sends
  };
  for (const kind of ["pointerdown", "keydown", "click"]) window.addEventListener(kind, act, { capture: true, passive: true });
  window.addEventListener("popstate", () => (acted = false), true);
  const push = history.pushState.bind(history);
  history.pushState = (...given) => {
    if (!acted) return history.replaceState(...given);
    acted = false;
    push(...given);
  };
}
