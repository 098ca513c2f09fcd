// Sends what is typed into the editor's large fields after a pause, as if Ctrl and Enter were pressed: they
// would keep it to themselves until they are left, and a reload would lose it.
const PAUSE = 700;

export default function () {
  let waiting;
  const typed = (event) => {
    const field = event.target;
    if (!(field instanceof HTMLTextAreaElement) || !field.closest(".st-key-heuristics_editor")) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (!field.isConnected || document.activeElement !== field) return; // it was left, and sent by that
      field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true, cancelable: true }));
    }, PAUSE);
  };
  const composing = () => clearTimeout(waiting); // half a character of a longer alphabet
  document.addEventListener("input", typed);
  document.addEventListener("compositionupdate", composing);
  return () => {
    clearTimeout(waiting);
    document.removeEventListener("input", typed);
    document.removeEventListener("compositionupdate", composing);
  };
}
