// One thing that a person does is one step back for the browser. Streamlit writes an address part by part,
// each a step of its own, so that Back would only undo the last part: here what follows without a click or a
// key in between joins the step before it.
export default function () {
  if (window.embtuneWayBack) return;
  window.embtuneWayBack = true;
  let acted = false;
  const act = () => (acted = true);
  for (const kind of ["pointerdown", "keydown", "click"]) window.addEventListener(kind, act, { capture: true, passive: true });
  const push = history.pushState.bind(history);
  history.pushState = (...given) => {
    if (!acted) return history.replaceState(...given);
    acted = false;
    push(...given);
  };
}
